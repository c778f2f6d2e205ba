"""From records to tables: eligibility, ranking, pairwise tests, history, reported rows."""
