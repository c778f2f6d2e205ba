"""Rows that ReXrank itself published: by snapshot, apart from what was measured here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.reported import ReportedRow
from evaluator.site.html import TRACK_TITLES, link, number, text

REPORTED_TITLES: Final = {
    "radcliq_v1_reciprocal": "1/RadCliQ-v1",
    "bleu_2": "BLEU-2",
    "bertscore": "BERTScore",
    "semb_score": "SembScore",
    "radgraph_f1": "RadGraph-F1",
    "ratescore": "RaTEScore",
    "green": "GREEN",
    "fineradscore_reciprocal": "1/FineRadScore",
    "crimson": "CRIMSON",
}
REPORTED_NOTE: Final = (
    "These rows are what ReXrank published, by snapshot. They were not measured here, have no intervals, and are "
    "never ranked with ours. RadCliQ-v1 follows from RadGraph-F1, BERTScore and SembScore: a wavy line marks a number "
    "that the row's own parts contradict."
)


def reported_section(rows: Sequence[ReportedRow], *, is_open: bool) -> tuple[str, str, str]:
    """Anchor, title and HTML of a board's reported rows: one table a snapshot, newest first.

    `is_open`: whether the newest is unfolded, as on a board that nothing else stands on.
    """
    return (
        "reported",
        "Reported by ReXrank",
        f"<p>{REPORTED_NOTE}</p>\n{reported_tables(rows, is_open=is_open)}",
    )


def newest_count(rows: Sequence[ReportedRow]) -> int:
    """How many rows the newest snapshot among `rows` has."""
    newest = max((r.snapshot for r in rows), default="")
    return sum(r.snapshot == newest for r in rows)


def reported_tables(rows: Sequence[ReportedRow], *, is_open: bool) -> str:
    """One table a snapshot, newest first, best RadCliQ-v1 on top as ReXrank ranks."""
    ordered = sorted(rows, key=lambda r: r.snapshot, reverse=True)  # tie: the file's order
    snapshots = [(name, list(group)) for name, group in groupby(ordered, key=lambda r: r.snapshot)]
    return "\n".join(
        _snapshot(name, found, is_open=is_open and not place) for place, (name, found) in enumerate(snapshots)
    )


def _snapshot(snapshot: str, rows: Sequence[ReportedRow], *, is_open: bool) -> str:
    # A mean RadCliQ-v1 below 0 has a negative reciprocal and is better than any other.
    # tie: the model's name; published figures are constants
    found = sorted(rows, key=lambda r: (_mean(r), r.model))
    keys = [k for k in REPORTED_TITLES if any(r.values.get(k) is not None for r in found)]
    head = "".join(f'<th scope="col" data-rx-better="high">{REPORTED_TITLES[k]}</th>' for k in keys)
    body = "\n".join(_reported_row(r, keys) for r in found)
    wrong = sum(r.contradicts_itself for r in found)
    caption = f"ReXrank's snapshot of {snapshot}: {len(found)} models"
    if wrong:
        caption += f", {wrong} of them in contradiction with {'itself' if wrong == 1 else 'themselves'}"
    return (
        f'<details class="rx-fold" data-rx-snapshot="{text(snapshot)}"{" open" if is_open else ""}><summary>{caption}</summary>\n'
        f'<div class="rx-scroll" tabindex="0" role="region" aria-label="{caption}" data-search-exclude>\n'
        f'<table class="rx-board"><caption class="rx-said">{caption}</caption><thead><tr>'
        f'<th scope="col" class="rx-model">Model</th>{head}</tr></thead><tbody>\n{body}\n</tbody></table>\n</div>\n</details>\n'
    )


def _mean(row: ReportedRow) -> float:
    """The mean behind 1/RadCliQ-v1, by which the rows stand; the last for a row without one."""
    shown = row.values.get("radcliq_v1_reciprocal")
    return 1 / shown if shown else math.inf


def _reported_row(row: ReportedRow, keys: Sequence[str]) -> str:
    cells = []
    for key in keys:
        value = row.values.get(key)
        if value is None:
            cells.append('<td data-value=""><span class="rx-none">–</span></td>')
            continue
        wrong = key == "radcliq_v1_reciprocal" and row.contradicts_itself
        shown = number(value)
        if wrong and row.from_parts is not None:
            shown = (
                f'<span class="rx-wrong">{shown}</span><small>its parts give {number(row.from_parts)}</small>'
            )
        cells.append(f'<td data-value="{value!r}">{shown}</td>')
    name = link(row.link, text(row.model))
    about = " · ".join(text(v) for v in (row.institution, row.year) if v)
    return f'<tr><th scope="row" class="rx-model">{name}<small>{about}</small></th>{"".join(cells)}</tr>'


def reported_page(rows: Sequence[ReportedRow]) -> str:
    """What was published, board by board, and what contradicts itself."""
    lines = [
        "---",
        "title: Reported by ReXrank",
        "description: What ReXrank itself published, by snapshot, with the rows that contradict themselves.",
        "---",
        "# Reported by ReXrank",
        "",
        REPORTED_NOTE,
        "",
    ]
    if not rows:
        return "\n".join([*lines, "There are none."]) + "\n"
    snapshots = sorted({r.snapshot for r in rows}, reverse=True)
    wrong = [r for r in rows if r.contradicts_itself]
    lines += [
        "## Where they stand",
        "",
        "Models by board and snapshot; the rows stand at the foot of each board's page.",
        "",
    ]
    lines += ["| Board | " + " | ".join(snapshots) + " |", "|---|" + "---:|" * len(snapshots)]
    for dataset, track in dict.fromkeys((r.dataset, r.track) for r in rows):
        counts = [
            sum((r.dataset, r.track, r.snapshot) == (dataset, track, s) for r in rows) for s in snapshots
        ]
        lines.append(f"| {_board(dataset, track)} | " + " | ".join(str(c or "–") for c in counts) + " |")
    lines += [
        "",
        "## Rows that contradict themselves",
        "",
        f"{len(wrong)} of {len(rows)} rows, newest first, with the 1/RadCliQ-v1 that their own parts give at three decimals.",
        "",
        "| Snapshot | Board | Model | Reported | From its parts |",
        "|---|---|---|---:|---:|",
    ]
    lines += [
        f"| {r.snapshot} | {_board(r.dataset, r.track)} | {text(r.model)} | {number(r.values['radcliq_v1_reciprocal'] or 0)} "
        f"| {number(r.from_parts or 0)} |"
        for r in sorted(wrong, key=lambda r: r.snapshot, reverse=True)  # tie: the file's order
    ]
    return "\n".join(lines) + "\n"


def _board(dataset: str, track: str) -> str:
    return f"[{get_dataset(dataset).title}, {TRACK_TITLES[track]}]({dataset}/{track}.md#reported)"
