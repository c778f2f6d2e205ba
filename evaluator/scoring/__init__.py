"""From pairs of texts to records: engine, runs, private store, quota, integrity checks."""
