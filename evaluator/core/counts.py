"""Numbers of things in words, with the noun in the right number."""

from __future__ import annotations


def count_text(n: int, one: str, many: str = "") -> str:
    """`n` with `one` or `many` behind it, by default `one` with an s.

    >>> count_text(1, "study", "studies"), count_text(1200, "row"), count_text(1, "report has", "reports have")
    ('1 study', '1,200 rows', '1 report has')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"
