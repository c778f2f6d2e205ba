"""The repository on GitHub: its settings, rules, environments and workflows."""
