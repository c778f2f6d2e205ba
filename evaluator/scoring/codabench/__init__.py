"""Scoring inside Codabench: a bundle to upload there, and what its scoring program does."""
