"""A board's answers, in sentences: which model is best, whether that is significant, and which beat the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evaluator.core.counts import count_text
from evaluator.leaderboard.table import Table

NAMED: Final = 4
"""Most models that a sentence names."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A sentence, its first part in bold."""

    strong: str
    rest: str


def listed(names: Sequence[str], most: int = NAMED) -> str:
    """Names as a list in a sentence, the first `most` of them.

    >>> listed(["A", "B", "C"]), listed(["A", "B", "C"], 2)
    ('A, B and C', 'A, B and 1 other')
    """
    if len(names) > most:
        more = len(names) - most
        return f"{', '.join(names[:most])} and {count_text(more, 'other')}"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def answers(table: Table) -> tuple[Answer, ...]:
    """The best models by the board's tests, and how many models significantly beat the baselines."""
    metric = table.ranked_by
    if not table.rows or metric is None:
        return ()
    best = [r.name for r in table.rows if r.tied_with_best]
    n = len(table.rows)
    if n == 1:
        sentences = [
            Answer(
                f"{table.rows[0].name} is the only ranked model.",
                "There is no other model to compare it with.",
            )
        ]
    elif len(best) == 1:
        sentences = [
            Answer(f"{best[0]} is best:", f"by {metric.title} it beats each of the other {n - 1} models.")
        ]
    else:
        rest = f"no test on {metric.title} shows any of these {len(best)} to be worse than the first."
        sentences = [Answer(f"{listed(best)} are statistically tied for first:", rest)]
    return (*sentences, *_baselines(table))


def _baselines(table: Table) -> list[Answer]:
    tested = [r for r in table.rows if r.against_baselines]
    if not tested:
        return []
    cleared = sum(r.against_baselines == "clears" for r in tested)
    n = len(tested)
    if cleared == n:
        words = "the ranked model beats" if n == 1 else f"all {n} ranked models beat"
    else:
        words = f"{cleared} of {n} ranked models {'beats' if cleared == 1 else 'beat'}"
    return [Answer("", f"By the same tests, {words} every image-blind baseline.")]
