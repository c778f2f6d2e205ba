"""The number of metrics on which a model beats the image-blind baselines: the first sentence of its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table import Table
from evaluator.site.content import Entry


@dataclass(frozen=True, slots=True)
class Verdict:
    """`beaten` of `tested` metrics on one board; `others`: titles of the metrics without a significant gain."""

    beaten: int
    tested: int
    others: tuple[str, ...]

    @property
    def count(self) -> str:
        """Both numbers, such as "8 of 9"."""
        return f"{self.beaten} of {self.tested}"


def verdict(table: Table, row: Row) -> Verdict | None:
    """The model against the best image-blind baseline on every metric; `None` without a test.

    On the ranking metric, it beats the baselines if it does so in the tests of every model against every
    baseline; on any other, if the 95 % interval of the paired gain over the best baseline is above 0.
    """
    beaten: list[str] = []
    others: list[str] = []
    for metric in table.metrics:
        cell = row.metrics.get(metric.key)
        gain = cell.gain_over_null if cell else None
        if metric.key == table.primary and row.against_baselines is not None:
            is_clear = row.against_baselines == "clears"
        elif gain is not None and gain.low is not None:
            is_clear = gain.low > 0
        else:
            continue
        (beaten if is_clear else others).append(metric.display_title)
    tested = len(beaten) + len(others)
    return Verdict(len(beaten), tested, tuple(others)) if tested else None


def opening(entries: Sequence[Entry]) -> str:
    """The page's first sentence: where the model beats the image-blind baselines; empty without a test.

    Boards of synthetic studies say nothing about a model and count only if it is on no other.
    """
    verdicts = [(e.table, v) for e in entries if (v := verdict(e.table, e.row)) is not None]
    real = [(t, v) for t, v in verdicts if not get_dataset(t.dataset).synthetic]
    counts = [v for _, v in real or verdicts]
    if not counts:
        return ""
    metrics = {v.tested for v in counts}
    low, high = min(v.beaten for v in counts), max(v.beaten for v in counts)
    where = "" if len(counts) == 1 else f", on each of {len(counts)} boards"
    if len(metrics) > 1:
        beaten, tested = sum(v.beaten for v in counts), sum(v.tested for v in counts)
        return f"Beats the image-blind baselines in {beaten:,} of {tested:,} comparisons over {len(counts)} boards."
    (n,) = metrics
    if low == high == 0:
        return f"Does not measurably beat the image-blind baselines on any of {n} metrics{where}."
    if low == high:
        return f"Beats the image-blind baselines on {low} of {n} metrics{where}."
    return f"Beats the image-blind baselines on {low} to {high} of {n} metrics, depending on the board."
