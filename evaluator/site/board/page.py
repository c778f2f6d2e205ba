"""Board pages, from the leaderboard's files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from evaluator.datasets.registry import Dataset, TrackName
from evaluator.leaderboard.history import Event
from evaluator.leaderboard.reported import ReportedRow
from evaluator.leaderboard.table import Column, Table
from evaluator.leaderboard.table_files import digits_of
from evaluator.site.board import charts
from evaluator.site.board.intervals import intervals
from evaluator.site.board.pairwise_tests import duels
from evaluator.site.board.sensitivity import sensitivity
from evaluator.site.board.subgroups import subgroups
from evaluator.site.board.table import board_table, shown_higher
from evaluator.site.html import TRACK_TITLES, badges_of, number, text
from evaluator.site.reported import newest_count, reported_section

__all__ = ["REHEARSAL", "TRACK_TITLES", "board_page", "downloads"]

ROOT: Final = "../../../"
"""From a board's page to the site's root."""

REHEARSAL: Final = (
    '<p class="rx-rehearsal"><strong>Rehearsal.</strong> Scored with small stand-in weights to show the way; '
    "these numbers are not results.</p>\n"
)


def board_page(
    dataset: Dataset,
    track: TrackName,
    table: Table | None,
    reported: Sequence[ReportedRow],
    history: Sequence[Event] = (),
    others: Sequence[Dataset] = (),
) -> str:
    """The page of one board as Markdown; `others`: the datasets that its switch leads to."""
    here = [r for r in reported if r.dataset == dataset.id and r.track == track]
    sections = _sections(table, history) if table is not None else []
    sections += [reported_section(here, is_open=table is None or not table.rows)] if here else []
    head = [
        "---",
        f"title: {dataset.title}, {track}",
        f"description: Leaderboard of {dataset.title}, {TRACK_TITLES[track]}.",
        "hide: [navigation, toc]",
        "---",
        f"# {dataset.title}: {TRACK_TITLES[track]}",
        "",
        _switch(dataset, track, others),
        _facts(dataset, track, table),
    ]
    if table is not None and table.rehearsal:
        head.append(REHEARSAL)
    if table is None or not (table.rows or table.incomplete):
        head.append(_nobody_yet(dataset, here))
    if table is not None and table.all_rows:
        head += [board_table(table, root=ROOT), _legend(table), downloads(dataset.id, track)]
    if len(sections) > 1:
        links = " · ".join(f'<a href="#{anchor}">{title}</a>' for anchor, title, _ in sections)
        head.append(f'<p class="rx-jump">On this page: {links}</p>\n')
    body = [
        line for anchor, title, made in sections for line in (f"## {title} {{ #{anchor} }}", "", made, "")
    ]
    return "\n".join([*head, *body]).rstrip() + "\n"


def _switch(dataset: Dataset, track: TrackName, others: Sequence[Dataset]) -> str:
    """Links to every board: the dataset's other track, and this track of the other datasets."""

    def item(address: str, words: str, *, here: bool) -> str:
        current = ' aria-current="page"' if here else ""
        return f'<a href="{ROOT}leaderboards/{address}/"{current}>{text(words)}</a>'

    sets = "".join(item(f"{d.id}/{track}", d.title, here=d.id == dataset.id) for d in others)
    tracks = "".join(item(f"{dataset.id}/{t}", TRACK_TITLES[t], here=t == track) for t in dataset.tracks)
    return (
        '<nav class="rx-switch" aria-label="Boards" data-search-exclude>'
        + (f"<span>Dataset</span><div>{sets}</div>" if sets else "")
        + f"<span>Track</span><div>{tracks}</div></nav>\n"
    )


def _facts(dataset: Dataset, track: TrackName, table: Table | None) -> str:
    """What the board is measured on, in a line or two."""
    n = table.n if table and table.n else dataset.tracks[track] or dataset.size
    patients = dataset.n_patients if n == dataset.n_studies else None
    patients = table.n_clusters if table and table.n_clusters else patients
    facts = [
        f"{n:,} studies" + (f" of {patients:,} patients" if patients else ""),
        f"{dataset.split} split",
        dataset.exposure.title,
    ]
    parts = [text(f) for f in facts]
    if table is not None:
        primary = table.ranked_by
        if primary is not None:
            parts.append(f'ranked by <a href="{ROOT}metrics/{primary.key}/">{text(primary.title)}</a>')
        parts.append(f'<a href="{ROOT}metrics/#two-text-protocols">{text(table.protocol)}</a> text protocol')
    about = f'{text(dataset.about)} <a href="{ROOT}datasets/{dataset.id}/">About the dataset</a>'
    return f'{about}\n\n<p class="rx-about">{" · ".join(parts)}</p>\n'


def _nobody_yet(dataset: Dataset, reported: Sequence[ReportedRow]) -> str:
    """What an empty board says: nobody is here, what is known from elsewhere, and how to be the first."""
    models = newest_count(reported)
    elsewhere = (
        f" In its newest snapshot ReXrank itself reports {models} models here; "
        '<a href="#reported">their rows</a> stand below, apart from what is measured here.'
        if models
        else ""
    )
    names = f"submissions/TEAM/MODEL/{dataset.id}.json"
    return (
        '<div class="rx-empty"><p><strong>No model has been scored on this board yet.</strong>'
        f"{elsewhere}</p><p>To be the first, add <code>{text(names)}</code> with a report for every study in a pull request: "
        f'<a href="{ROOT}submit/">how to submit</a>.</p></div>\n'
    )


def _legend(table: Table) -> str:
    """Every mark of the table in words."""
    better = all(shown_higher(m) for m in table.metrics)
    said = [
        "A rank is a range: every rank the tests leave open.",
        "Below each number stands its 95 % interval.",
    ]
    said += ["Higher is better in every column."] if better else []
    if table.rows:
        said.append(
            '<span class="rx-key rx-key-top"></span> best group: no test shows these models to be worse than the first. '
            '<span class="rx-best">0.123</span> best and <span class="rx-second">0.123</span> second of the rows shown, '
            "which need not be a real difference."
        )
    said += [_skill_words(m) for m in table.metrics if m.skill]
    if any(m.reciprocal and not m.skill for m in table.metrics):
        said.append("1/x is one over the mean; ranks and tests use the mean.")
    if whole := [text(m.display_title) for m in table.metrics if m.corpus]:
        said.append(
            f"{', '.join(whole)}: of the whole set, not a mean over studies. No test and no rank uses such a figure; it has an "
            "interval where one holds its level."
        )
    if any(r.missing for r in (*table.rows, *table.incomplete)):
        said.append("–: not computed for this model.")
    if table.access == "restricted":
        said.append(
            "The references are restricted: whoever is credentialed for them can read, and could copy, them."
        )
    if table.access == "withheld":
        said.append(f"The references are withheld: numbers are shown in steps of {table.step or 0:.2g}.")
    links = ", ".join(f'<a href="{ROOT}metrics/{m.key}/">{text(m.title)}</a>' for m in table.metrics)
    return (
        f'<p class="rx-legend">{" ".join(said)} <a href="{ROOT}about/#how-to-read-a-board">More on reading a board</a>. '
        f"What the metrics mean: {links}.</p>\n"
    )


def _skill_words(metric: Column) -> str:
    """What a column of skill shows, in one sentence."""
    scale = metric.skill
    if scale is None:
        return ""
    wide = number(scale.zero - scale.perfect)
    return (
        f'<a href="{ROOT}metrics/{metric.key}/#skill">{text(metric.display_title)}</a> is ({number(scale.zero)} − mean) / {wide}: '
        "0 when nothing is right, 1 when everything is; below it stand the mean, lower is better, which ranks and tests use, "
        "and 1/mean as ReXrank prints it."
    )


def downloads(dataset: str, track: str) -> str:
    """Links to the board's files, as one paragraph."""
    name = f"{ROOT}data/{dataset}.{track}"
    kinds = (("csv", "CSV"), ("json", "JSON"), ("tex", "LaTeX"), ("md.txt", "Markdown"))
    links = ", ".join(f'<a href="{name}.{end}" download data-rx-export="{end}">{k}</a>' for end, k in kinds)
    return f'<p class="rx-downloads">Download the whole board: {links}.</p>\n'


def _sections(table: Table, history: Sequence[Event]) -> list[tuple[str, str, str]]:
    """Anchor, title and HTML of every part below the table that has something to show."""
    made = (
        ("intervals", "Intervals and ranks", intervals(table)),
        ("duels", "Who is better than whom", duels(table)),
        ("rules", "Another ranking rule", sensitivity(table)),
        ("scatters", "Metric against metric", charts.scatters(table)),
        ("subgroups", "Subgroups", subgroups(table)),
        ("progress", "Over time", charts.progress(table, history)),
        ("notes", "Notes, marks, signatures", _notes(table)),
    )
    return [(f"{anchor}", title, html) for anchor, title, html in made if html]


def _notes(table: Table) -> str:
    notes = [text(n) for n in table.notes]
    mde, mde_all_pairs = table.resolution.mde, table.resolution.mde_all_pairs
    metric = table.ranked_by
    if mde is not None and mde_all_pairs is not None and metric is not None:
        digits = digits_of(table.step)
        notes.append(
            f"Two models must differ by about {mde:.{digits}f} in mean {text(metric.title)} for the board to tell "
            f"them apart four times out of five; over all pairs at once, by {mde_all_pairs:.{digits}f}."
        )
    listed = "".join(f"<li>{n}</li>" for n in notes)
    return (f"<ul>{listed}</ul>\n" if listed else "") + _marks(table) + _signature_table(table)


def _marks(table: Table) -> str:
    """What the marks mean, and those of the checks in full."""
    rows = [r for r in (*table.rows, *table.incomplete) if badges_of(r)]
    if not rows:
        return ""
    listed = "".join(
        f"<li>{text(r.name)}: {text(_signed('; '.join(b.text for b in r.badges)))}</li>"
        for r in rows
        if r.badges
    )
    return (
        '<h3 id="marks">Marks</h3><p>A model that was trained on this dataset\'s source may know its style, if not its studies. '
        f"A superseded model has a successor by the same team. The other marks come from the checks of every submission:</p>"
        f"<ul data-search-exclude>{listed or '<li>none</li>'}</ul>\n"
    )


def _signed(words: str) -> str:
    """`words` with real minus signs before numbers."""
    return re.sub(r"(?<!\w)-(?=\d)", "−", words)


def _signature_table(table: Table) -> str:
    if not table.metrics:
        return ""
    rows = "".join(
        f'<tr><th scope="row"><a href="{ROOT}metrics/{m.key}/">{text(m.title)}</a></th>'
        f'<td><code class="rx-wrap">{text(m.signature)}</code></td></tr>'
        for m in table.metrics
    )
    return (
        "<p>A signature names everything that can move a metric's numbers; two signatures never share a column.</p>\n"
        f'<table class="rx-facts rx-signatures" data-search-exclude><thead><tr><th scope="col">Metric</th><th scope="col">Signature</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>\n"
    )
