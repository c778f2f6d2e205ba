"""A participant's model in a container on images that cannot be shared: what it is given, how it is held, what it leaves."""
