"""A participant's model in a container on images that nobody may have: what it is given, how it is held, what it leaves."""
