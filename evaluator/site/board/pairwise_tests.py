"""Who is better than whom: the matrix of paired tests, a lane a model, with the same in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, get_args

from evaluator.leaderboard.row import RankedRow
from evaluator.leaderboard.table import PairTest, Standing, Table
from evaluator.site.board.charts import scale
from evaluator.site.board.row_charts import axis, lanes_table, rank_ticks
from evaluator.site.html import text
from evaluator.statistics.rounding import p_text

ALPHA: Final = 0.05
TITLES: Final[Mapping[Standing, str]] = {
    "better": "better than",
    "better_by_less": "better by less than matters than",
    "open": "not told apart from",
    "worse_by_less": "worse by less than matters than",
    "worse": "worse than",
}
BLOCKS: Final[Mapping[Standing, tuple[str, float, float]]] = {
    "better": ("rx-better", 0.12, 0.76),
    "better_by_less": ("rx-better", 0.12, 0.14),
    "worse_by_less": ("rx-worse", 0.74, 0.14),
    "worse": ("rx-worse", 0.5, 0.38),
}
"""Class, top and height of what is drawn for a standing, in shares of the row's height."""


def duels(table: Table) -> str:
    """The matrix of paired tests as one lane a model, and the same in words; empty below two models."""
    rows = table.rows
    metric = table.ranked_by
    if len(rows) < 2 or not table.pairs or metric is None:
        return ""
    n = len(rows)
    tests = {frozenset((p.a, p.b)): p for p in table.pairs}
    body = "\n".join(_lane(i, rows, tests, classes=table.p_classes) for i in range(n))
    columns = scale(1, n, 50 / n, 100 - 50 / n) if n > 1 else (0.0, 50.0)
    head = (
        '<thead><tr><th scope="col" class="rx-number">No.</th><th scope="col" class="rx-model">Model</th>'
        f'<th scope="col">Against model No.{axis(rank_ticks(n), columns)}</th><th scope="col" class="rx-number">Better than</th>'
        '<th scope="col" class="rx-words">Not told apart from No.</th><th scope="col" class="rx-number">Worse than</th>'
        '<th scope="col" class="rx-number">p against the next</th></tr></thead>'
    )
    band = metric.equivalence
    about = (
        "Read along a row: a full blue block means that this model is better than the one of that number, a low orange block that "
        "it is worse, an empty place that the test leaves it open. "
        + (
            f"A thin block is a difference that is shown but is below {band:g}, less than matters by convention: it separates no ranks. "
            if band
            else ""
        )
        + f"Paired tests by patient on {text(metric.title)}, adjusted "
        f"for all {n * (n - 1) // 2} pairs of the board at once, below p = {ALPHA}."
    )
    return lanes_table("duels", "Who is better than whom", head, body, about)


def _lane(
    i: int, rows: Sequence[RankedRow], tests: Mapping[frozenset[str], PairTest], *, classes: bool
) -> str:
    """The row of one model: drawing, counts and the models that the test leaves open."""
    row, n = rows[i], len(rows)
    places: dict[Standing, list[int]] = {s: [] for s in get_args(Standing)}
    for j, other in enumerate(rows):
        pair = tests.get(frozenset((row.id, other.id)))
        if j != i and pair is not None:
            places[pair.standing(row.id)].append(j)
    following = tests.get(frozenset((row.id, rows[i + 1].id))) if i + 1 < n else None
    words = "; ".join(
        f"{title} {_places(places[s])}" for s, title in TITLES.items() if places[s] or not s.endswith("less")
    )
    drawn = "".join(_runs(name, places[s], top, height) for s, (name, top, height) in BLOCKS.items())
    drawn += _runs("rx-self", [i], 0.4, 0.2)
    return (
        f'<tr><td class="rx-number">{i + 1}</td><th scope="row" class="rx-model">{text(row.name)}</th>'
        f'<td><svg class="rx-duel" role="img" viewBox="0 0 {n} 1" preserveAspectRatio="none" width="100%" height="18">'
        f"<title>{text(row.name)}: {words}</title>{drawn}</svg></td>"
        f'<td class="rx-number">{_count(places["better"], places["better_by_less"])}</td>'
        f'<td class="rx-words">{_places(places["open"])}</td>'
        f'<td class="rx-number">{_count(places["worse"], places["worse_by_less"])}</td>'
        f'<td class="rx-number">{"–" if following is None else p_text(following.p, classes=classes)}</td></tr>'
    )


def _count(places: Sequence[int], less: Sequence[int]) -> str:
    return f"{len(places)}" + (f"<small>{len(less)} by less</small>" if less else "")


def _spans(places: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending places as runs of neighbours, both ends included."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][1] == place - 1:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    return runs


def _runs(name: str, places: Sequence[int], top: float, height: float) -> str:
    path = "".join(f"M{a} {top}h{b - a + 1}v{height}h-{b - a + 1}z" for a, b in _spans(places))
    return f'<path class="{name}" d="{path}"/>' if path else ""


def _places(places: Sequence[int]) -> str:
    """Numbers of models, counted from 1, with runs of neighbours drawn together.

    >>> _places([0, 1, 2, 4])
    '1–3, 5'
    """
    return ", ".join(f"{a + 1}" if a == b else f"{a + 1}–{b + 1}" for a, b in _spans(places)) or "none"
