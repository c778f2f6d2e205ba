"""Rows that ReXrank itself published: by snapshot, apart from what was measured here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from evaluator.pages.markup import link, text
from evaluator.reported import ReportedRow

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
    "never ranked with ours. A wavy line marks a 1/RadCliQ-v1 that cannot come from the row's own parts."
)


def reported_tables(rows: Sequence[ReportedRow]) -> str:
    """One table a snapshot, newest first, in ReXrank's own order of 1/RadCliQ-v1."""
    parts: list[str] = []
    ordered = sorted(rows, key=lambda r: r.snapshot, reverse=True)
    for snapshot, group in groupby(ordered, key=lambda r: r.snapshot):
        found = sorted(group, key=lambda r: (-(r.values.get("radcliq_v1_reciprocal") or 0.0), r.model))
        keys = [k for k in REPORTED_TITLES if any(r.values.get(k) is not None for r in found)]
        head = "".join(f'<th scope="col" data-rx-better="high">{REPORTED_TITLES[k]}</th>' for k in keys)
        body = "\n".join(_reported_row(r, keys) for r in found)
        wrong = sum(r.contradicts_itself for r in found)
        caption = (
            f"Reported by ReXrank, snapshot {snapshot}; {wrong} of {len(found)} rows contradict themselves"
        )
        is_open = "" if parts else " open"
        parts.append(
            f'<details data-rx-snapshot="{text(snapshot)}"{is_open}><summary>{caption}</summary>\n'
            f'<div class="rx-scroll" tabindex="0" role="region" aria-label="{caption}" data-search-exclude>\n'
            f'<table class="rx-board"><caption>{caption}</caption><thead><tr>'
            f'<th scope="col" class="rx-model">Model</th>{head}</tr></thead><tbody>\n{body}\n</tbody></table>\n</div>\n</details>\n'
        )
    return "\n".join(parts)


def _reported_row(row: ReportedRow, keys: Sequence[str]) -> str:
    cells = []
    for key in keys:
        value = row.values.get(key)
        if value is None:
            cells.append('<td data-value="">–</td>')
        elif key == "radcliq_v1_reciprocal" and row.contradicts_itself:
            cells.append(
                f'<td data-value="{value!r}"><span class="rx-wrong">{value:.3f}</span><small>contradicts its parts</small></td>'
            )
        else:
            cells.append(f'<td data-value="{value!r}">{value:.3f}</td>')
    name = link(row.link, text(row.model))
    return f'<tr><th scope="row" class="rx-model">{name}<small>{text(row.institution)}</small></th>{"".join(cells)}</tr>'


def reported_page(rows: Sequence[ReportedRow]) -> str:
    """What was published and what contradicts itself, over all boards."""
    wrong = [r for r in rows if r.contradicts_itself]
    lines = [
        "---",
        "title: Reported by ReXrank",
        "---",
        "# Reported by ReXrank",
        "",
        REPORTED_NOTE,
        "",
        f"{len(rows)} rows of {len({r.snapshot for r in rows})} snapshots; **{len(wrong)} contradict themselves**:",
        "",
        "| snapshot | dataset | track | model | 1/RadCliQ-v1 |",
        "|---|---|---|---|---:|",
    ]
    lines += [
        f"| {r.snapshot} | {r.dataset} | {r.track} | {text(r.model)} | {r.values['radcliq_v1_reciprocal']:.3f} |"
        for r in wrong
    ]
    lines += ["", "The rows stand at the foot of each board's page."]
    return "\n".join(lines) + "\n"
