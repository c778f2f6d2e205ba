"""Scoring inside Codabench: a bundle to upload, and its scoring program."""
