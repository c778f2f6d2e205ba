"""Board pages, the overview and the reported rows, from the leaderboard's files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from evaluator.datasets.registry import TRACKS, Dataset, TrackName
from evaluator.pages import charts, panels
from evaluator.pages.markup import board_table, text
from evaluator.pages.published import REPORTED_NOTE, reported_page, reported_tables
from evaluator.reported import ReportedRow

TRACK_TITLES: Final = {"findings": "findings", "report": "findings + impression"}
__all__ = ["REHEARSAL", "board_page", "boards_index", "overview_page", "reported_page"]

REHEARSAL: Final = (
    '<p class="rx-rehearsal"><strong>Rehearsal.</strong> Scored with small stand-in weights to show the way; '
    "these numbers are not results.</p>\n"
)


def board_page(
    dataset: Dataset,
    track: str,
    table: Mapping[str, Any] | None,
    reported: Sequence[ReportedRow],
    history: Sequence[Mapping[str, Any]] = (),
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
        lines += _measured(dataset, table, history)
    here = [r for r in reported if r.dataset == dataset.id and r.track == track]
    if here:
        lines += ["## Reported by ReXrank", "", REPORTED_NOTE, "", reported_tables(here)]
    return "\n".join(lines) + "\n"


def _measured(dataset: Dataset, table: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> list[str]:
    caption = (
        f"{table['n']} studies of {table['n_clusters']} patients, {table['protocol']} protocol. "
        "A rank is a range: every rank the tests leave open. Below each number its 95 % interval."
    )
    lines = [REHEARSAL] if table["rehearsal"] else []
    lines += [
        board_table(table, table["rows"], caption=caption, root="../../../", main=True),
        downloads(dataset.id, table["track"]),
    ]
    for group, title, note in (
        ("nulls", "Baselines that look at no image", "What a model must beat before it has read anything."),
        ("incomplete", "Listed without a rank", "Below each name stands what keeps the model from a rank."),
        ("withdrawn", "Withdrawn", "They stay listed, without numbers."),
    ):
        if table[group]:
            made = board_table(table, table[group], caption=title, root="../../../", name=group)
            lines += [f"## {title}", "", note, "", made]
    for title, made in (
        ("Intervals and ranks", charts.forest(table) + charts.rank_plot(table)),
        ("Who is better than whom", panels.significance(table)),
        ("Another ranking rule", panels.sensitivity(table)),
        ("Metric against metric", charts.scatters(table)),
        ("Subgroups", panels.subgroups(table)),
        ("Over time", charts.progress(table, history)),
    ):
        if made:
            lines += [f"## {title}", "", made]
    return [*lines, "## How to read it", "", *_notes(table)]


def downloads(dataset: str, track: str) -> str:
    """Links to the board's files, as one paragraph."""
    name = f"../../../data/{dataset}.{track}"
    kinds = (("csv", "CSV"), ("json", "JSON"), ("tex", "LaTeX"), ("md.txt", "Markdown"))
    links = ", ".join(f'<a href="{name}.{end}" download data-rx-export="{end}">{k}</a>' for end, k in kinds)
    return f'<p class="rx-downloads">Download the board: {links}.</p>\n'


def _notes(table: Mapping[str, Any]) -> list[str]:
    notes = [f"- {text(n)}" for n in table["notes"]]
    resolution = table.get("resolution") or {}
    if resolution.get("mde") is not None:
        notes.append(
            f"- Two models must differ by about {resolution['mde']:.3f} in {table['primary']} for the board to tell them "
            f"apart four times out of five; over all pairs at once, by {resolution['mde_all_pairs']:.3f}."
        )
    return [*notes, "", "Signatures, everything that can move a number:", "", _signature_table(table), ""]


def _signature_table(table: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{text(m['title'])}</td><td><code>{text(m['signature'])}</code></td></tr>"
        for m in table["metrics"]
    )
    return f"<table data-search-exclude><thead><tr><th>Metric</th><th>Signature</th></tr></thead><tbody>{rows}</tbody></table>"


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
        "The best group holds the models that no test shows to be worse than the first.",
        "",
        "| Dataset | Track | Studies | Models | Best group |",
        "|---|---|---:|---:|---|",
    ]
    lines += [_overview_line(d, track, found.get((d.id, track))) for d in datasets for track in TRACKS]
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


def _overview_line(dataset: Dataset, track: TrackName, board: Mapping[str, Any] | None) -> str:
    n = dataset.tracks[track] or dataset.n_studies
    best = "no model yet"
    if board:
        group = [text(m["name"]) for m in board["best_group"]]
        best = ", ".join(group[:5]) + (f" and {len(group) - 5} more" if len(group) > 5 else "")
        best += " (alone)" if len(group) == 1 and board["n_models"] > 1 else ""
        best += " (rehearsal)" if board["rehearsal"] else ""
    return (
        f"| [{dataset.title}](leaderboards/{dataset.id}/{track}.md) | {TRACK_TITLES[track]} | {n:,} "
        f"| {board['n_models'] if board else 0} | {best} |"
    )


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
