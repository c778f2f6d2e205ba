"""What a host sets on GitHub: the settings that the doctor looks at, as requests of a plan."""
