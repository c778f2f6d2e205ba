"""Dataset pages: what each set is, who may have it, how much it can tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evaluator.datasets.registry import Dataset
from evaluator.pages.boards import TRACK_TITLES
from evaluator.pages.entries import Content
from evaluator.pages.markup import text


def datasets_index(datasets: Sequence[Dataset]) -> str:
    """The datasets at a glance."""
    lines = [
        "---",
        "title: Datasets",
        "---",
        "# Datasets",
        "",
        "| Dataset | Studies | Patients | References | Licence |",
        "|---|---:|---:|---|---|",
    ]
    for d in datasets:
        patients = "–" if d.n_patients is None else f"{d.n_patients:,}"
        shown = "public" if d.references_public else "private"
        lines.append(f"| [{d.title}]({d.id}.md) | {d.n_studies:,} | {patients} | {shown} | {d.licence} |")
    lines += [
        "",
        "Of a private set only aggregates are published: means to a step of max(0.001, 5/n), no study, no text.",
    ]
    return "\n".join(lines) + "\n"


def dataset_page(dataset: Dataset, content: Content) -> str:
    """One dataset: counts, missing sections, patients, what a board on it can tell apart, licence, access."""
    patients = (
        "One study each, as far as known"
        if dataset.n_patients in {None, dataset.n_studies}
        else f"{dataset.n_patients:,}, {dataset.n_studies / (dataset.n_patients or 1):.1f} studies each on average"
    )
    unit = f"patients (`{dataset.cluster}`)" if dataset.cluster else "studies, each taken as its own patient"
    lines = [
        "---",
        f"title: {dataset.title}",
        f"description: Counts, licence, access and resolution of {dataset.title}.",
        "---",
        f"# {dataset.title}",
        "",
        dataset.about,
        "",
        "| | |",
        "|---|---|",
        f"| Split | {dataset.split} |",
        f"| Studies | {dataset.n_studies:,} |",
        f"| Patients | {patients} |",
        f"| Intervals resample | {unit} |",
        f"| References | {'public' if dataset.references_public else 'private; only aggregates are published'} |",
        f"| Subgroups | {', '.join(s.replace('_', ' ') for s in dataset.subgroups) or 'none'} |",
        f"| Counts as trained on it | {', '.join(dataset.training_names) or 'nothing'} |",
        f"| Licence | {dataset.licence} |",
        "",
        "## How to get it",
        "",
        dataset.access,
        "",
        "## Boards",
        "",
        "| Track | Studies with a reference | Without | Models | Design effect | Detectable difference | Over all pairs |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for track, n in dataset.tracks.items():
        table = content.tables.get((dataset.id, track))
        lines.append(_track(dataset, track, n, table))
    lines += [
        "",
        "The detectable difference is what two models must differ by in the ranking metric for the board to tell them",
        "apart four times out of five; the last column holds it over all pairs at once. The design effect says how many",
        "times the variance grows because studies of one patient are alike.",
    ]
    if dataset.notes:
        lines += ["", "## Mind", "", *(f"- {n}" for n in dataset.notes)]
    return "\n".join(lines) + "\n"


def _track(dataset: Dataset, track: str, n: int | None, table: Mapping[str, Any] | None) -> str:
    known = table["n"] if table and table["n"] else n
    missing = "not counted yet" if known is None else f"{dataset.n_studies - known:,}"
    resolution = (table or {}).get("resolution") or {}

    def shown(key: str, digits: int) -> str:
        value = resolution.get(key)
        return "–" if value is None else f"{value:.{digits}f}"

    studies = "not counted yet" if known is None else f"{known:,}"
    board = f"[{text(TRACK_TITLES[track])}](../leaderboards/{dataset.id}/{track}.md)"
    models = len(table["rows"]) if table else 0
    return (
        f"| {board} | {studies} | {missing} | {models} | {shown('design_effect', 2)} "
        f"| {shown('mde', 3)} | {shown('mde_all_pairs', 3)} |"
    )
