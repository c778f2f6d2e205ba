"""What each command does: reads files, calls the pure parts, prints, returns the exit code."""
