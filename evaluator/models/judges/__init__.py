"""Metrics that a language model computes: prompts, client, transcripts, controls and servers."""
