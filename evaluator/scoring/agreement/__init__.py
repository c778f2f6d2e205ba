"""How well each metric agrees with radiologists, measured on public ratings."""
