"""The scorer from inside its isolation: what it can read, write and reach."""
