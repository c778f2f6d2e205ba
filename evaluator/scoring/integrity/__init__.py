"""Checks of a scored submission as a whole: copying, plausibility, style; flags in counts and ids."""
