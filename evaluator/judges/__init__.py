"""LLM judging: one client, one transcript cache, and each judged metric's prompt and parser."""
