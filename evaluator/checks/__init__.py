"""Checks of a scored submission as a whole."""
