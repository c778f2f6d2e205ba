"""The table of a board: one row a model, readable and in order without a script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from evaluator.leaderboard.row import Display, MetricCell, Row
from evaluator.leaderboard.table import Column, Table
from evaluator.leaderboard.table_files import baseline_words, digits_of, rank_text
from evaluator.site.html import facts_of, inputs_of, number, text
from evaluator.statistics.ties import by_cost

Marks = Mapping[tuple[str, str], str]

GROUPS: Final = (
    ("nulls", "Baselines that look at no image: what a model must beat before it has read anything"),
    ("incomplete", "Listed without a rank; below each name stands why"),
    ("withdrawn", "Withdrawn; they stay listed, without numbers"),
)
SHORT_MARKS: Final = {
    "C2": "empty reports",
    "C3": "studies not scored",
    "C5": "far shorter or longer",
    "C7": "letters of other scripts",
    "C9": "the same words over and over",
    "C11": "close to references",
    "C12": "close to references",
    "C13": "points at its references",
    "C15": "better than is plausible",
    "C16": "not its parts' RadCliQ",
    "C17": "not the scores it claimed",
    "C18": "resembles another model",
    "C19": "few reports changed",
    "C20": "planted strings",
    "C21": "words for a judge",
    "C23": "judge against the evidence",
}
"""For the marks whose text does not begin with what they mean."""


def board_table(table: Table, *, root: str) -> str:
    """The board with its ranked rows, then baselines, rows without a rank and withdrawn ones.

    `root` leads to the site's root. The script that adds sorting and filters finds the table by `data-rx-main`.
    """
    metrics, rows = table.metrics, table.rows
    digits = digits_of(table.step)
    marks = _marks(rows, metrics, digits) | _heat(rows, metrics)
    name = f"{table.title}, {table.track}"
    bodies = [_body("rows", rows, "", table, marks, root)] if rows else []
    groups = {"nulls": table.nulls, "incomplete": table.incomplete, "withdrawn": table.withdrawn}
    bodies += [_body(key, groups[key], words, table, {}, root) for key, words in GROUPS if groups[key]]
    return (
        f'<div class="rx-scroll" tabindex="0" role="region" aria-label="{text(name)}: the board" data-search-exclude>\n'
        f'<table class="rx-board" id="rx-board" data-rx-main data-rx-root="{root}" data-rx-board="{table.dataset}.{table.track}">'
        f'<caption class="rx-said">{text(name)}: ranks, scores and 95 % intervals</caption>\n'
        f"<thead><tr>{_head(metrics)}</tr></thead>\n" + "\n".join(bodies) + "\n</table>\n</div>\n"
    )


def _head(metrics: Sequence[Column]) -> str:
    fixed = (
        '<th scope="col" class="rx-rank" data-rx-key="rank" data-rx-better="low">Rank</th>'
        '<th scope="col" class="rx-model">Model</th><th scope="col" class="rx-inputs">Inputs</th>'
    )
    return fixed + "".join(
        f'<th scope="col" data-rx-key="{m.key}" data-rx-better="{"high" if m.higher_is_better else "low"}"'
        f' data-rx-metric="{text(m.display_title)}"{" data-rx-reciprocal" if m.reciprocal else ""}>'
        f"{text(m.display_title)}{'' if shown_higher(m) else '<small>lower is better</small>'}</th>"
        for m in metrics
    )


def shown_higher(metric: Column) -> bool:
    """Whether higher is better as shown: a reciprocal is shown the other way round than it is stored."""
    return bool(metric.higher_is_better != metric.reciprocal)


def _body(key: str, rows: Sequence[Row], words: str, table: Table, marks: Marks, root: str) -> str:
    span = 3 + len(table.metrics)
    head = (
        f'<tr class="rx-group"><th scope="rowgroup" colspan="{span}"><span>{words}</span></th></tr>\n'
        if words
        else ""
    )
    made = "\n".join(_row(r, place, table, marks, root) for place, r in enumerate(rows))
    return f'<tbody data-rx-group="{key}">\n{head}{made}\n</tbody>'


def _row(row: Row, place: int, table: Table, marks: Marks, root: str) -> str:
    baseline = row.kind == "null"
    reads = "no image" if baseline else inputs_of(row.inputs)
    kind = "rx-null" if baseline else "rx-top" if row.tied_with_best else ""
    facts = (
        f'data-rx-id="{text(row.id)}" data-rx-inputs="{text(reads)}" '
        f'data-rx-open="{int(row.open_weights)}" data-rx-seen="{int(row.trained_on_dataset)}"'
    )
    digits = digits_of(table.step)
    cells = "".join(
        scores_cell(
            row.metrics.get(m.key),
            digits=digits,
            mark=marks.get((row.id, m.key), ""),
            heat=marks.get((row.id, f"heat {m.key}"), ""),
        )
        for m in table.metrics
    )
    return (
        f'<tr{f" class={kind}" if kind else ""} {facts}><td class="rx-rank" data-value="{place}">{rank_text(row)}</td>'
        f'<th scope="row" class="rx-model">{_name(row, reads, root)}</th><td class="rx-inputs">{text(reads)}</td>{cells}</tr>'
    )


def _name(row: Row, reads: str, root: str) -> str:
    """A model's name, then who made it, what is marked about it, and why it has no rank."""
    name = f'<span class="rx-name">{text(row.name)}</span>'
    if row.kind == "submission":
        name = f'<a class="rx-name" href="{root}models/{row.id}/">{text(row.name)}</a>'
    facts = [row.institution, row.parameters, "open weights" if row.open_weights else None]
    about = " · ".join(text(f) for f in facts if f)
    badges = "".join(f'<a class="rx-badge" href="#marks">{text(b)}</a>' for b in short_marks(row))
    why = row.why_unranked or baseline_words(row)
    return (
        name
        + (f'<small class="rx-made">{about}</small>' if about else "")
        + f'<small class="rx-reads">{text(reads)}</small>'
        + badges
        + (f'<small class="rx-why">{text(why)}</small>' if why else "")
    )


def short_marks(row: Row) -> list[str]:
    """The marks of a row in a few words each; `badges_of` has them in full.

    A check's mark ends at its first colon: `template collapse: 4 % distinct reports` is `template collapse`.
    """
    return facts_of(row) + [SHORT_MARKS.get(b.code, b.text.partition(":")[0]) for b in row.badges]


def scores_cell(entry: MetricCell | None, *, digits: int, mark: str = "", heat: str = "") -> str:
    """A metric's cell: displayed value, interval below it, the mean as `data-value` for sorting."""
    if entry is None:
        return '<td data-value=""><span class="rx-none">–</span></td>'
    value, low, high, words = shown_parts(entry, digits)
    span = f"<small>{low} to {high}</small>" if low or high else ""
    note = f'<small class="rx-note">{words}</small>' if words else ""
    note += beside(entry.display, digits)
    failed = f'<small class="rx-note">{entry.n_failed} failed, counted as worst</small>'
    attributes = (f' class="rx-{mark}"' if mark else "") + (f' data-rx-heat="{heat}"' if heat else "")
    return (
        f'<td data-value="{entry.mean!r}"{attributes}><span class="rx-value">{value}</span>{span}{note}'
        f"{failed if entry.n_failed else ''}</td>"
    )


def beside(shown: Display, digits: int) -> str:
    """The mean and 1/mean below a skill, as HTML; nothing where no skill is shown."""
    if shown.mean is None:
        return ""
    one_over = (
        "no 1/mean at or below 0"
        if shown.reciprocal is None
        else f"1/mean {number(shown.reciprocal, digits)}"
    )
    return f'<small class="rx-note rx-beside">mean {number(shown.mean, digits)}</small><small class="rx-note">{one_over}</small>'


def shown_parts(entry: MetricCell, digits: int) -> tuple[str, str, str, str]:
    """Value, lower end, upper end and a remark as shown; empty where there is none.

    Where 1/mean has no meaning, the mean itself stands with a remark.
    """
    shown = entry.display
    if shown.value is None:
        ends = (entry.low, entry.high)
        low, high = ("" if v is None else number(v, digits) for v in ends)
        mean = number(entry.mean, digits)
        return mean, low, high, "the mean: no 1/x at or below 0"
    if shown.low is None and shown.high is None:
        return number(shown.value, digits), "", "", ""
    low = "−∞" if shown.low is None else number(shown.low, digits)
    high = "∞" if shown.high is None else number(shown.high, digits)
    words = "" if shown.high is not None else "no upper end: the mean may be 0"
    return number(shown.value, digits), low, high, words


def _marks(rows: Sequence[Row], metrics: Sequence[Column], digits: int) -> dict[tuple[str, str], str]:
    """`best` and `second` of every column, by what readers see: what reads the same is marked the same."""
    marks: dict[tuple[str, str], str] = {}
    for key, found in _columns(rows, metrics):
        shown = {r.id: shown_parts(e, digits)[0] for r, e in found}
        ordered = list(dict.fromkeys(shown[r.id] for r, _ in found))
        for mark, value in zip(("best", "second"), ordered, strict=False):
            marks |= {(i, key): mark for i, v in shown.items() if v == value}
    return marks


def _columns(
    rows: Sequence[Row], metrics: Sequence[Column]
) -> Iterable[tuple[str, list[tuple[Row, MetricCell]]]]:
    """Per metric the rows that have it and their entries, best mean first."""
    for metric in metrics:
        key, sign = metric.key, -1 if metric.higher_is_better else 1
        found = [(r, r.metrics[key]) for r in rows if key in r.metrics]
        yield key, by_cost(found, [sign * entry.mean for _, entry in found])


def _heat(rows: Sequence[Row], metrics: Sequence[Column]) -> dict[tuple[str, str], str]:
    """A level from 0 (worst) to 4 (best) for every cell, by its place between the column's extremes."""
    levels: dict[tuple[str, str], str] = {}
    for key, found in _columns(rows, metrics):
        if not found:
            continue
        best, worst = found[0][1].mean, found[-1][1].mean
        for row, entry in found:
            if best != worst:
                share = (entry.mean - worst) / (best - worst)
                levels[row.id, f"heat {key}"] = str(round(4 * share))
    return levels
