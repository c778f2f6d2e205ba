"""The rules for submissions: one file per topic, one function and one code per rule."""
