"""Transformer models that metrics share: where they lie, how they load, what they made of a text."""
