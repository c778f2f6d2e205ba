"""The rules that a submission is held against, before scoring and while it is scored."""
