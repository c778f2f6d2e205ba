"""JSON Schemas of every file people or machines write, versioned by their names."""
