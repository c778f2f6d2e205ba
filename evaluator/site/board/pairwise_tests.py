"""Who is better than whom: the matrix of paired tests, a lane a model, with the same in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evaluator.leaderboard.table import Table
from evaluator.site.board.charts import scale
from evaluator.site.board.row_charts import axis, lanes_table, rank_ticks
from evaluator.site.html import text

ALPHA: Final = 0.05


def duels(table: Table) -> str:
    """The matrix of paired tests as one lane a model, and the same in words; empty below two models."""
    rows = table.rows
    metric = table.ranked_by
    if len(rows) < 2 or not table.pairs or metric is None:
        return ""
    n = len(rows)
    tests = _outcomes(table, 1 if metric.higher_is_better else -1)
    body = []
    for i, row in enumerate(rows):
        found = [tests.get((row.id, other.id)) for other in rows]
        better, worse, open_ = (
            [j for j, duel in enumerate(found) if j != i and duel is not None and duel[0] == word]
            for word in ("better", "worse", "open")
        )
        following = found[i + 1] if i + 1 < n else None
        words = f"better than {_places(better)}; not told apart from {_places(open_)}; worse than {_places(worse)}"
        drawn = (
            _runs("rx-better", better, 0.12, 0.76)
            + _runs("rx-worse", worse, 0.5, 0.38)
            + _runs("rx-self", [i], 0.4, 0.2)
        )
        body.append(
            f'<tr><td class="rx-number">{i + 1}</td><th scope="row" class="rx-model">{text(row.name)}</th>'
            f'<td><svg class="rx-duel" role="img" viewBox="0 0 {n} 1" preserveAspectRatio="none" width="100%" height="18">'
            f"<title>{text(row.name)}: {words}</title>{drawn}</svg></td>"
            f'<td class="rx-number">{len(better)}</td><td class="rx-words">{_places(open_)}</td><td class="rx-number">{len(worse)}</td>'
            f'<td class="rx-number">{"–" if following is None else p_text(following[1])}</td></tr>'
        )
    columns = scale(1, n, 50 / n, 100 - 50 / n) if n > 1 else (0.0, 50.0)
    head = (
        '<thead><tr><th scope="col" class="rx-number">No.</th><th scope="col" class="rx-model">Model</th>'
        f'<th scope="col">Against model No.{axis(rank_ticks(n), columns)}</th><th scope="col" class="rx-number">Better than</th>'
        '<th scope="col" class="rx-words">Not told apart from No.</th><th scope="col" class="rx-number">Worse than</th>'
        '<th scope="col" class="rx-number">p against the next</th></tr></thead>'
    )
    about = (
        f"Read along a row: a full blue block means that this model is better than the one of that number, a low orange block that "
        f"it is worse, an empty place that the test leaves it open. Paired tests by patient on {text(metric.title)}, adjusted "
        f"for all {n * (n - 1) // 2} pairs of the board at once, below p = {ALPHA}."
    )
    return lanes_table("duels", "Who is better than whom", head, "\n".join(body), about)


def _outcomes(table: Table, sign: int) -> dict[tuple[str, str], tuple[str, float]]:
    """Per ordered pair whether the first is better, worse or open, and the adjusted p."""
    found = {}
    for pair in table.pairs:
        # Where numbers are shown in steps, the shown difference may be rounded to 0; the board's order then says who leads.
        gain = sign * pair.difference
        if not gain:
            order = [r.id for r in table.rows]
            gain = order.index(pair.b) - order.index(pair.a)
        words = ("better", "worse") if gain > 0 else ("worse", "better")
        words = words if pair.p < ALPHA else ("open", "open")
        found[pair.a, pair.b] = (words[0], pair.p)
        found[pair.b, pair.a] = (words[1], pair.p)
    return found


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


def p_text(p: float) -> str:
    """A p-value in the manner of papers.

    >>> p_text(0.0321), p_text(0.0004)
    ('0.032', '< 0.001')
    """
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
