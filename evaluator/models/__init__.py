"""Transformer models that metrics share: where they are stored, how they load, and cached results."""
