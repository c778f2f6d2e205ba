"""Dataset pages: what each set is, who may have it, what is missing in it, how much it can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Final

from evaluator.datasets.registry import TRACKS, Dataset
from evaluator.leaderboard.table import Resolution, Table
from evaluator.site.board.page import TRACK_TITLES
from evaluator.site.content import Content
from evaluator.site.html import AXIS_TITLES, facts, html_table, link, text
from evaluator.statistics.board_analysis import detectable_difference

PLANNING_SD: Final = 0.5
"""Assumed standard deviation of a paired difference in RadCliQ-v1 where no board has measured it."""


def datasets_index(datasets: Sequence[Dataset]) -> str:
    """The datasets at a glance."""
    rows = []
    for d in datasets:
        patients = "–" if d.n_patients is None else f"{d.n_patients:,}"
        tracks = "<br>".join(f"{TRACK_TITLES[t]}: {_count(d.tracks[t])}" for t in TRACKS)
        rows.append(
            f'<tr><th scope="row"><a href="{d.id}/">{text(d.title)}</a></th><td>{text(d.split)}</td><td>{d.n_studies:,}</td>'
            f"<td>{patients}</td><td>{tracks}</td><td>{d.access}</td><td>{text(d.licence)}</td></tr>"
        )
    heads = ("Split", "Studies", "Patients", "With a reference", "References", "Licence")
    lines = [
        "---",
        "title: Datasets",
        "description: The four datasets of the challenge and the sandbox, with counts, licences and what is published of each.",
        "hide: [toc]",
        "---",
        "# Datasets",
        "",
        "Four datasets of real studies, and a synthetic sandbox to rehearse on. Each has two tracks: the findings section, and",
        "findings with impression.",
        "",
        html_table("Dataset", heads, rows, "Datasets"),
        "",
        "**Public** references can be read by everybody; texts and scores of single studies are shown.",
        "",
        "**Restricted** references can be read, and so could be copied, by every person who completes the data's credentialing",
        "or signs its agreement. They may not be redistributed: no text, study id or score of a single study is published,",
        "and aggregates are exact to three decimals.",
        "",
        "**Withheld** references are held by the organisers, and no participant has them. Aggregates are shown in steps of",
        "max(0.001, 5/n), and a team's runs are [counted](../rules.md#how-often).",
    ]
    return "\n".join(lines) + "\n"


def dataset_page(dataset: Dataset, content: Content) -> str:
    """One dataset: counts, missing sections, patients, what a board on it can tell apart, licence, access."""
    lines = [
        "---",
        f"title: {dataset.title}",
        f"description: Counts, missing sections, licence, access and resolution of {dataset.title}.",
        "---",
        f"# {dataset.title}",
        "",
        dataset.about,
        "",
        _facts(dataset, content),
        "",
        "## Sections of the references",
        "",
        _sections(dataset),
        "",
        "A study without findings is left out of the findings track. In the report track a section that the reference lacks is",
        "left out on both sides, under the default [protocol](../metrics/index.md#two-text-protocols).",
        "",
        "## How to get it",
        "",
        dataset.how_to_get,
        "",
        *(f"- {link(address, text(what[0].upper() + what[1:]))}" for what, address in dataset.links.items()),
        "",
        *_at_home(dataset),
        "## What the boards can tell apart",
        "",
        _resolution(dataset, content),
        "",
        *_resolution_notes(dataset),
    ]
    if dataset.notes:
        lines += ["", "## Caveats", "", *(f"- {n}" for n in dataset.notes)]
    return "\n".join(lines) + "\n"


def _at_home(dataset: Dataset) -> list[str]:
    """How to score with one's own copy of the references, where there can be one."""
    command = f"rexrank score submissions/TEAM/MODEL --dataset {dataset.id}"
    if dataset.synthetic:
        return [f"Nothing to get: `{command}` runs as it is, and `rexrank demo` shows the whole way.", ""]
    if dataset.access == "withheld":
        return []
    return [
        "A submission needs no references. To score your own predictions at home, convert them to ReXrank's data format as",
        f"`DIR/{dataset.id}.json`, then: `{command} --references DIR`.",
        "",
    ]


_ACCESS: Final = {
    "public": "public: texts and scores of single studies are shown on the model pages",
    "restricted": "restricted: every credentialed person can read, and could copy, them; no text or score of a single "
    "study is published, and aggregates are exact to three decimals",
    "withheld": "withheld: no participant has them; only aggregates are published, in steps of {:.3g}",
}


def _facts(dataset: Dataset, content: Content) -> str:
    patients = _patients(dataset)
    unit = (
        f"patients (<code>{dataset.cluster}</code>)"
        if dataset.cluster
        else "studies, each taken as a patient of its own"
    )
    ids = (
        f"SHA-256 of the sorted ids <code>{dataset.ids_digest}</code>"
        if dataset.ids_digest
        else "not published"
    )
    digests = {
        r.provenance.references_sha256
        for entries in content.models.values()
        for table, _, r in entries
        if table.dataset == dataset.id
    }
    return facts(
        {
            "Split": text(dataset.split),
            "Studies": f"{dataset.n_studies:,}",
            "Patients": patients,
            "Intervals resample": unit,
            "References": _ACCESS[dataset.access].format(dataset.exposure.step(dataset.n_studies) or 0),
            "File of references": "<br>".join(f"SHA-256 <code>{d}</code>" for d in sorted(digests))
            or "none scored yet",
            "Study ids": ids if not dataset.synthetic else "ship with the package",
            "Subgroups": ", ".join(AXIS_TITLES.get(s, s.replace("_", " ")) for s in dataset.subgroups)
            or "none",
            "Counts as trained on it": ", ".join(f"<code>{n}</code>" for n in dataset.training_names)
            or "nothing",
            "Licence": text(dataset.licence),
        }
    )


def _patients(dataset: Dataset) -> str:
    if dataset.n_patients is None:
        return "not counted yet"
    if dataset.n_patients == dataset.n_studies:
        return "one study each, as far as known"
    each = dataset.n_studies / dataset.n_patients
    return f"{dataset.n_patients:,}, {each:.1f} studies each on average"


def _count(n: int | None) -> str:
    return "not counted yet" if n is None else f"{n:,}"


def _sections(dataset: Dataset) -> str:
    rows = []
    for name, n in dataset.sections.items():
        missing = "not counted yet" if n is None else f"{dataset.n_studies - n:,}"
        share = (
            ""
            if not n or n == dataset.n_studies
            else f" ({1 - n / dataset.n_studies:.0%})".replace("%", " %")
        )
        rows.append(
            f'<tr><th scope="row">{name.capitalize()}</th><td>{_count(n)}</td><td>{missing}{share}</td></tr>'
        )
    return html_table("Section", ("Studies that have it", "Missing"), rows, "Sections of the references")


def _resolution(dataset: Dataset, content: Content) -> str:
    rows = []
    for track in TRACKS:
        table = content.tables.get((dataset.id, track))
        n = table.n if table and table.n else dataset.tracks[track]
        resolution = table.resolution if table else Resolution()
        board = f'<a href="../../leaderboards/{dataset.id}/{track}/">{TRACK_TITLES[track]}</a>'
        rows.append(
            f'<tr><th scope="row">{board}</th><td>{_count(n)}</td><td>{len(table.rows) if table else 0}</td>'
            f"<td>{_shown(resolution.design_effect, 2)}</td><td>{_detectable(resolution, n, table)}</td><td>{_shown(resolution.mde_all_pairs, 3)}</td></tr>"
        )
    heads = ("Studies", "Models", "Design effect", "Detectable difference", "Over all pairs")
    return html_table("Track", heads, rows, "What the boards can tell apart")


def _shown(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _detectable(resolution: Resolution, n: int | None, table: Table | None) -> str:
    """The measured difference, or one to plan with."""
    if resolution.mde is not None:
        metric = table.ranked_by if table else None
        return f"{resolution.mde:.3f}<small>in mean {text(metric.title if metric else '')}</small>"
    if n is None:
        return "–"
    return f"about {detectable_difference(PLANNING_SD / sqrt(n)):.3f}<small>to plan with</small>"


def _resolution_notes(dataset: Dataset) -> list[str]:
    lines = [
        "- The detectable difference is what two models must differ by in the ranking metric for the board to tell them apart",
        "  four times out of five; the last column holds it over all pairs at once, which is what the ranks rest on.",
        "- The design effect says how many times the variance grows because studies of one patient are alike.",
        f"- A difference to plan with takes a paired standard deviation of {PLANNING_SD} in RadCliQ-v1 and independent studies;",
        "  a single model's studies spread by 0.53 on IU X-ray (MoERad's public predictions).",
    ]
    if dataset.cluster:
        lines.append("- Studies of one patient make it larger here.")
    return lines
