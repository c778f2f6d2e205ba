"""Tables whose rows carry a drawing: intervals beside ranges of ranks, and who is better than whom.

Every row has its own small inline SVG with places in percent, so that words stay legible at any width,
and the same in words: the table is the figure's data table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from evaluator.pages.charts import measured_on, scale, tick_text, ticks
from evaluator.pages.markup import number, text
from evaluator.tables import digits_of, rank_text

ALPHA: Final = 0.05
Row = Mapping[str, Any]
Scale = tuple[float, float]


def intervals(table: Mapping[str, Any]) -> str:
    """Means, intervals and ranges of ranks of the ranked models; empty when nothing has an interval."""
    key = table["primary"]
    metric = next((m for m in table["metrics"] if m["key"] == key), None)
    rows = [r for r in table["rows"] if (r["metrics"].get(key) or {}).get("low") is not None]
    if metric is None or not rows:
        return ""
    digits = digits_of(table)
    null = _best_null(table, metric)
    entries = [r["metrics"][key] for r in rows]
    ends = [e[k] for e in entries for k in ("low", "high")] + ([null[1]] if null else [])
    over = scale(min(ends), max(ends), 2, 98)
    places = scale(1, max(2, *(r["rank_high"] for r in rows)), 3, 97)
    marks = _rank_ticks(max(r["rank_high"] for r in rows))
    values = ticks(min(ends), max(ends), 4)
    body = "\n".join(
        f'<tr{" class=rx-top" if r["tied_with_best"] else ""}><th scope="row" class="rx-model">{text(r["name"])}</th>'
        f"<td>{_interval(r, e, over, digits)}</td><td>{_range(r, places)}</td>"
        f'<td class="rx-number">{number(e["mean"], digits)}</td><td class="rx-number">{rank_text(r)}</td></tr>'
        for r, e in zip(rows, entries, strict=True)
    )
    way = "better to the right →" if metric["higher_is_better"] else "← better to the left"
    grids = _grid("rx-grid-mean", values, over, null) + _grid("rx-grid-rank", marks, places, None)
    head = (
        f'<thead><tr><th scope="col" class="rx-model">Model</th>'
        f'<th scope="col">{text(metric["title"])}, mean and 95 % interval<small>{way}</small>{_axis(values, over)}</th>'
        f'<th scope="col">Range of ranks<small>← better to the left</small>{_axis(marks, places)}</th>'
        '<th scope="col" class="rx-number">Mean</th><th scope="col" class="rx-number">Rank</th></tr></thead>'
    )
    line = (
        f" The dashed line is the best baseline, {text(null[0])} ({number(null[1], digits)})." if null else ""
    )
    about = (
        f"{measured_on(metric)} Filled dots and the bar at the left edge mark the best group: no test shows these models "
        f"to be worse than the first. Where two ranges of ranks overlap, neither model is shown to be better.{line}"
    )
    return _lanes("intervals", "Intervals and ranges of ranks", head, body, about, grids)


def _lanes(name: str, title: str, head: str, body: str, about: str, defs: str = "") -> str:
    """A table with lanes; `about` is HTML, `title` plain text."""
    return (
        f'<div class="rx-lanes-box" data-rx-chart="{name}" data-search-exclude>'
        f'<svg class="rx-defs" width="0" height="0" aria-hidden="true">{defs}</svg>'
        f'<p class="rx-legend">{about}</p>\n<table class="rx-lanes rx-{name}"><caption class="rx-said">{text(title)}</caption>'
        f"{head}<tbody>\n{body}\n</tbody></table></div>\n"
    )


def _best_null(table: Mapping[str, Any], metric: Mapping[str, Any]) -> tuple[str, float] | None:
    found = [
        (r["metrics"][metric["key"]]["mean"], r["name"])
        for r in table["nulls"]
        if metric["key"] in r["metrics"]
    ]
    if not found:
        return None
    mean, name = max(found) if metric["higher_is_better"] else min(found)
    return str(name), mean


def _grid(name: str, values: Sequence[float], over: Scale, null: tuple[str, float] | None) -> str:
    """The lines that every lane of a column shows."""
    lines = "".join(f'<line x1="{at}" x2="{at}" y2="100%"/>' for at in (_at(v, over) for v in values))
    mark = ""
    if null:
        at = _at(null[1], over)
        mark = f'<line class="rx-nullline" x1="{at}" x2="{at}" y2="100%"/>'
    return f'<g id="{name}"><g class="rx-axis">{lines}</g>{mark}</g>'


def _at(value: float, over: Scale) -> str:
    return f"{over[1] + over[0] * value:.2f}%"


def _axis(values: Sequence[float], over: Scale) -> str:
    words = "".join(
        f'<text x="{_at(v, over)}" y="12" text-anchor="middle">{tick_text(v)}</text>' for v in values
    )
    return f'<svg class="rx-ticks" aria-hidden="true" width="100%" height="16">{words}</svg>'


def _rank_ticks(last: int) -> list[float]:
    inner = [t for t in ticks(1, last, 5) if t == int(t) and 1 < t <= last - last / 12]
    return [1, *inner, last] if last > 1 else [1]


def _lane(title: str, grid: str, drawn: str) -> str:
    # The theme sets `href` of everything that has one when it changes pages, which fails on a `use`.
    return (
        f'<svg class="rx-lane" role="img" width="100%" height="20"><title>{title}</title>'
        f'<use xlink:href="#{grid}"/>{drawn}</svg>'
    )


def _interval(row: Row, entry: Mapping[str, Any], over: Scale, digits: int) -> str:
    low, mean, high = (number(entry[k], digits) for k in ("low", "mean", "high"))
    dot = "rx-dot" if row["tied_with_best"] else "rx-dot rx-hollow"
    drawn = (
        f'<line class="rx-span" x1="{_at(entry["low"], over)}" x2="{_at(entry["high"], over)}" y1="10" y2="10"/>'
        f'<circle class="{dot}" cx="{_at(entry["mean"], over)}" cy="10" r="4.5"/>'
    )
    return _lane(f"{text(row['name'])}: mean {mean}, 95 % interval {low} to {high}", "rx-grid-mean", drawn)


def _range(row: Row, places: Scale) -> str:
    a, b = _at(row["rank_low"], places), _at(row["rank_high"], places)
    drawn = (
        f'<line class="rx-band" x1="{a}" x2="{b}" y1="10" y2="10"/>'
        f'<circle class="rx-dot" cx="{a}" cy="10" r="3"/><circle class="rx-dot" cx="{b}" cy="10" r="3"/>'
    )
    return _lane(f"{text(row['name'])}: rank {rank_text(row)}", "rx-grid-rank", drawn)


def duels(table: Mapping[str, Any]) -> str:
    """The matrix of paired tests as one lane a model, and the same in words; empty below two models."""
    rows, key = table["rows"], table["primary"]
    metric = next((m for m in table["metrics"] if m["key"] == key), None)
    if len(rows) < 2 or not table["pairs"] or metric is None:
        return ""
    n = len(rows)
    tests = _outcomes(table, 1 if metric["higher_is_better"] else -1)
    body = []
    for i, row in enumerate(rows):
        found = [tests.get((row["id"], other["id"])) for other in rows]
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
            f'<tr><td class="rx-number">{i + 1}</td><th scope="row" class="rx-model">{text(row["name"])}</th>'
            f'<td><svg class="rx-duel" role="img" viewBox="0 0 {n} 1" preserveAspectRatio="none" width="100%" height="18">'
            f"<title>{text(row['name'])}: {words}</title>{drawn}</svg></td>"
            f'<td class="rx-number">{len(better)}</td><td class="rx-words">{_places(open_)}</td><td class="rx-number">{len(worse)}</td>'
            f'<td class="rx-number">{"–" if following is None else p_text(following[1])}</td></tr>'
        )
    columns = scale(1, n, 50 / n, 100 - 50 / n) if n > 1 else (0.0, 50.0)
    head = (
        '<thead><tr><th scope="col" class="rx-number">No.</th><th scope="col" class="rx-model">Model</th>'
        f'<th scope="col">Against model No.{_axis(_rank_ticks(n), columns)}</th><th scope="col" class="rx-number">Better than</th>'
        '<th scope="col" class="rx-words">Not told apart from No.</th><th scope="col" class="rx-number">Worse than</th>'
        '<th scope="col" class="rx-number">p against the next</th></tr></thead>'
    )
    about = (
        f"Read along a row: a full blue block means that this model is better than the one of that number, a low orange block that "
        f"it is worse, an empty place that the test leaves it open. Paired tests by patient on {text(metric['title'])}, adjusted "
        f"for all {n * (n - 1) // 2} pairs of the board at once, below p = {ALPHA}."
    )
    return _lanes("duels", "Who is better than whom", head, "\n".join(body), about)


def _outcomes(table: Mapping[str, Any], sign: int) -> dict[tuple[str, str], tuple[str, float]]:
    """Per ordered pair whether the first is better, worse or open, and the adjusted p."""
    found = {}
    for pair in table["pairs"]:
        # Of a private set the shown difference may be rounded to 0; the board's order then says who leads.
        gain = sign * pair["difference"]
        if not gain:
            order = [r["id"] for r in table["rows"]]
            gain = order.index(pair["b"]) - order.index(pair["a"])
        words = ("better", "worse") if gain > 0 else ("worse", "better")
        words = words if pair["p"] < ALPHA else ("open", "open")
        found[pair["a"], pair["b"]] = (words[0], pair["p"])
        found[pair["b"], pair["a"]] = (words[1], pair["p"])
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
