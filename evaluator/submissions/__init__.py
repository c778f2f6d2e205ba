"""Submissions: read from disk or git, converted, checked by the rules, and typed."""
