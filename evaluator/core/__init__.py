"""What every other room may use: problems, files, Markdown, shared types, the version."""
