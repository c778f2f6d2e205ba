"""A rehearsal of the pull-request pipeline without GitHub. See `tests/pipeline/README.md`."""
