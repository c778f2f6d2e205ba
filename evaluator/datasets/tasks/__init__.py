"""The tasks of the challenge: one file each declares what a model does with a study and how that is scored."""
