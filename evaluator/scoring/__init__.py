"""From pairs of texts to records: the engine, runs, the private store, quota, integrity checks."""
