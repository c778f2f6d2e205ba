"""The rules a submission must keep: one theme a file, one function and one code a rule."""
