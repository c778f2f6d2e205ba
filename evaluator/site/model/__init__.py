"""The page of one model: figures, boards, provenance, citation, cases."""
