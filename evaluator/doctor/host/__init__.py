"""The scoring machine: its description, and checks of its accounts, files and services."""
