"""Whether the difference of two models is real: the words that `site/assets/compare.js` finds for any pair, for the first one.

A page that says from the start what its script would say stands still when the script arrives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table import Column, PairTest, Table
from evaluator.site.words import number

_ALPHA: Final = 0.05
_LEVELS: Final = (0.001, 0.01, 0.05)
"""Below which of these a p-value is, is all that is known of it on a withheld dataset."""


class Numbers(NamedTuple):
    """A metric of two models: the first's mean minus the second's with its interval, p, and q over all pairs."""

    difference: float
    low: float | None
    high: float | None
    p: float | None
    q: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A sentence, and what stands behind it."""

    answer: str
    detail: str = ""


def verdict(table: Table, a: Row, b: Row, test: PairTest | None, versus: Mapping[str, Numbers]) -> Verdict:
    """What the test that ranks says of two models, and what the other metrics say; `versus`: by metric."""
    metric = table.ranked_by
    if test is None or metric is None or metric.key not in versus:
        return Verdict("The ranking test does not compare these two.")
    numbers, standing = versus[metric.key], test.standing(a.id)
    better, worse = (a, b) if standing.startswith("better") else (b, a)
    chance = f"{_chance(test.p, classes=table.p_classes)}, adjusted for all pairs of the board"
    size = f"They differ by {_size(numbers, metric)} ({chance})"
    more = _others(table, a, b, versus)
    if standing in {"better", "worse"}:
        return Verdict(
            f"{better.name} is better than {worse.name}: the difference is significant.", f"{size}.{more}"
        )
    if standing != "open":
        return Verdict(
            f"{better.name} is better than {worse.name}, but within the equivalence margin: the difference is too small to matter.",
            f"{size}; models closer than {metric.equivalence} count as equivalent by convention, so the difference does not separate ranks.{more}",
        )
    return Verdict(
        f"{a.name} and {b.name} are statistically tied: a difference this small could be chance.",
        f"{size}.{_tie(numbers, table.resolution.mde_all_pairs)}{more}",
    )


def _size(numbers: Numbers, metric: Column) -> str:
    d, low, high = numbers[:3]
    size = "less than the precision shown" if d == 0 else number(abs(d))
    ends = ""
    if low is not None and high is not None:
        ends = ", 95 % interval " + (
            f"{number(-high)} to {number(-low)}" if d < 0 else f"{number(low)} to {number(high)}"
        )
    return f"{size} in mean {metric.title}{ends}"


def _chance(p: float, *, classes: bool) -> str:
    level = next((level for level in (_LEVELS if classes else _LEVELS[:1]) if p < level), None)
    if level is not None:
        return f"p < {level}"
    return "p ≥ 0.05" if classes else f"p = {p:.3f}"


def _tie(numbers: Numbers, finest: float | None) -> str:
    """What a tie does not mean."""
    words = ""
    if numbers.low is not None and numbers.high is not None and (numbers.low > 0 or numbers.high < 0):
        words = (
            " The interval excludes 0, but with this many pairs on a board some intervals do so by chance."
        )
    if finest is not None:
        words += (
            " A tie does not mean they are equal: this board can separate two models with 80 % power only if they differ by "
            f"about {number(finest)}."
        )
    return words


def _others(table: Table, a: Row, b: Row, versus: Mapping[str, Numbers]) -> str:
    """How many of the other tested metrics favour which of the two."""
    found = [
        _favours(m, versus[m.key])
        for m in table.metrics
        if m.key != table.primary and m.key in versus and versus[m.key].q is not None
    ]
    if not found:
        return ""
    noun = "one other metric" if len(found) == 1 else f"{len(found)} other metrics"
    first, second, none = (found.count(side) for side in (1, -1, 0))
    return (
        f" Of the {noun}, {_said(first, 'favour')} {a.name}, {_said(second, 'favour')} {b.name}, and "
        f"{_said(none, 'show')} no difference that matters."
    )


def _said(count: int, verb: str) -> str:
    return f"{count} {verb}{'s' if count == 1 else ''}"


def _favours(metric: Column, numbers: Numbers) -> int:
    """1 where a metric favours the first model, -1 the second, 0 where it shows no difference, or one within the margin."""
    d, q = numbers.difference, numbers.q
    if q is None or q >= _ALPHA or abs(d) < (metric.equivalence or 0) - 1e-6 or d == 0:
        return 0
    return 1 if (d > 0) == metric.higher_is_better else -1
