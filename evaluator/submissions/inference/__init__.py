"""A participant's model in a container on images that cannot be shared: inputs, isolation, output."""
