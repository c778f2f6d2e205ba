"""Board pages, the overview and the reported rows, from the leaderboard's files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from evaluator.datasets.registry import TRACKS, Dataset
from evaluator.pages.markup import board_table, forest, link, text
from evaluator.reported import ReportedRow

TRACK_TITLES: Final = {"findings": "findings", "report": "findings + impression"}
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
REHEARSAL: Final = (
    '<p class="rx-rehearsal"><strong>Rehearsal.</strong> Scored with small stand-in weights to show the way; '
    "these numbers are not results.</p>\n"
)


def board_page(
    dataset: Dataset, track: str, table: Mapping[str, Any] | None, reported: Sequence[ReportedRow]
) -> str:
    """The page of one board as Markdown."""
    lines = [
        "---",
        f"title: {dataset.title}, {track}",
        f"description: Leaderboard of {dataset.title}, {TRACK_TITLES[track]}.",
        "hide: [navigation, toc]",
        "---",
        f"# {dataset.title}: {TRACK_TITLES[track]}",
        "",
        text(dataset.about),
        "",
    ]
    if table is None:
        lines += ["No model has been scored on this board yet. [Be the first](../../submit.md).", ""]
    else:
        lines += _measured(dataset, table)
    here = [r for r in reported if r.dataset == dataset.id and r.track == track]
    if here:
        lines += ["## Reported by ReXrank", "", _REPORTED_NOTE, "", reported_tables(here)]
    return "\n".join(lines) + "\n"


_REPORTED_NOTE: Final = (
    "These rows are what ReXrank published, by snapshot. They were not measured here, have no intervals, and are "
    "never ranked with ours. A wavy line marks a 1/RadCliQ-v1 that cannot come from the row's own parts."
)


def _measured(dataset: Dataset, table: Mapping[str, Any]) -> list[str]:
    caption = (
        f"{table['n']} studies of {table['n_clusters']} patients, {table['protocol']} protocol. "
        "A rank is a range: every rank the tests leave open. Below each number its 95 % interval."
    )
    lines = [REHEARSAL] if table["rehearsal"] else []
    lines.append(board_table(table, table["rows"], caption=caption, root="../../../"))
    lines += [forest(table)]
    for group, title, note in (
        ("nulls", "Baselines that look at no image", "What a model must beat before it has read anything."),
        ("incomplete", "Incomplete", f"They lack {table['primary']} and are not ranked."),
        ("withdrawn", "Withdrawn", "They stay as tombstones."),
    ):
        if table[group]:
            lines += [
                f"## {title}",
                "",
                note,
                "",
                board_table(table, table[group], caption=title, root="../../../"),
            ]
    lines += ["## How to read it", "", *_notes(dataset, table)]
    return lines


def _notes(dataset: Dataset, table: Mapping[str, Any]) -> list[str]:
    notes = [f"- {text(n)}" for n in table["notes"]]
    resolution = table.get("resolution") or {}
    if resolution.get("mde") is not None:
        notes.append(
            f"- Two models must differ by about {resolution['mde']:.3f} in {table['primary']} for the board to tell them "
            f"apart four times out of five; over all pairs at once, by {resolution['mde_all_pairs']:.3f}."
        )
    for rule, entry in (table.get("sensitivity") or {}).get("rules", {}).items():
        first = entry["order"][0] if entry["order"] else ""
        tau = "–" if entry["tau"] is None else f"{entry['tau']:.2f}"
        notes.append(
            f"- Ranked by {rule.replace('_', ' ')} instead, {text(first)} would come first (τ = {tau})."
        )
    name = f"{dataset.id}.{table['track']}"
    notes.append(f"- Download: [CSV](../../data/{name}.csv), [JSON](../../data/{name}.json).")
    return [*notes, "", "Signatures, everything that can move a number:", "", _signature_table(table), ""]


def _signature_table(table: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{text(m['title'])}</td><td><code>{text(m['signature'])}</code></td></tr>"
        for m in table["metrics"]
    )
    return f"<table data-search-exclude><thead><tr><th>Metric</th><th>Signature</th></tr></thead><tbody>{rows}</tbody></table>"


def reported_tables(rows: Sequence[ReportedRow]) -> str:
    """One table a snapshot, newest first, in ReXrank's own order of 1/RadCliQ-v1."""
    parts = []
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
        parts.append(
            f'<div class="rx-scroll" tabindex="0" role="region" aria-label="{caption}" data-search-exclude>\n'
            f'<table class="rx-board"><caption>{caption}</caption><thead><tr>'
            f'<th scope="col" class="rx-model">Model</th>{head}</tr></thead><tbody>\n{body}\n</tbody></table>\n</div>\n'
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
        _REPORTED_NOTE,
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


def overview_page(
    datasets: Sequence[Dataset], overview: Mapping[str, Any], history: Sequence[Mapping[str, Any]]
) -> str:
    """The front page: what this is, each board's best group, what is new, how to submit."""
    found = {(b["dataset"], b["track"]): b for b in overview.get("boards", [])}
    lines = [
        "---",
        "title: ReXrank challenge",
        "hide: [navigation, toc]",
        "---",
        "# Which model writes the best chest X-ray reports?",
        "",
        "An open challenge for AI-written chest X-ray reports. Models are compared on four datasets with the metrics of",
        "ReXrank; every number has an interval, every rank is a range, and everything is computed in the open from one",
        "pull request.",
        "",
        "[Submit a model](submit.md){ .md-button .md-button--primary } [How to read a board](about.md){ .md-button }",
        "",
        "## The boards",
        "",
        "| Dataset | Track | Studies | Models | Nothing separates these from the best |",
        "|---|---|---:|---:|---|",
    ]
    for dataset in datasets:
        for track in TRACKS:
            board = found.get((dataset.id, track))
            n = dataset.tracks[track] or dataset.n_studies
            best = ", ".join(text(m["name"]) for m in board["best_group"]) if board else "no model yet"
            note = " (rehearsal)" if board and board["rehearsal"] else ""
            lines.append(
                f"| [{dataset.title}](leaderboards/{dataset.id}/{track}.md) | {TRACK_TITLES[track]} | {n:,} "
                f"| {board['n_models'] if board else 0} | {best}{note} |"
            )
    lines += ["", "## New", ""]
    lines += [
        f"- {text(h['date'])}: {text(h['id'])} {text(h['event'])} on {text(h['dataset'])}, {text(h['track'])}"
        for h in history[-10:][::-1]
    ]
    if not history:
        lines.append("Nothing yet.")
    lines += [
        "",
        "## Submit in three steps",
        "",
        "1. Write your model's reports to a file: `rexrank convert predictions.json --dataset iu-xray --out submissions/TEAM/MODEL`.",
        "2. Check it: `rexrank validate submissions/TEAM/MODEL`.",
        "3. Open a pull request. The bot answers within minutes; the scores follow once a maintainer releases them.",
    ]
    return "\n".join(lines) + "\n"


def boards_index(datasets: Sequence[Dataset]) -> str:
    """The list of boards."""
    lines = ["---", "title: Leaderboards", "---", "# Leaderboards", ""]
    lines += [
        f"- **{d.title}** ({d.n_studies:,} studies): "
        + ", ".join(f"[{TRACK_TITLES[t]}]({d.id}/{t}.md)" for t in TRACKS)
        for d in datasets
    ]
    lines += ["", "What ReXrank itself published stands apart: [reported rows](reported.md)."]
    return "\n".join(lines) + "\n"
