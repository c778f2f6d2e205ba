"""The page of one board: its table, charts, pairwise tests, subgroups, exports."""
