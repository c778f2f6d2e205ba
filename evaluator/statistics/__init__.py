"""Uncertainty, significance, ranks and subgroups: pure numpy, no files."""
