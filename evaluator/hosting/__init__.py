"""What a host sets on GitHub: the settings that the doctor checks, as a plan of requests."""
