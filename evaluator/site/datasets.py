"""Dataset pages: what each dataset is, who can get it, what it lacks, and which differences its boards resolve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from evaluator.datasets.registry import Dataset, TrackName
from evaluator.datasets.tasks.task import Task, get_task
from evaluator.leaderboard.rank_types import Resolution
from evaluator.leaderboard.table import Table
from evaluator.site.content import Content
from evaluator.site.template import render
from evaluator.site.views import Fact, Link
from evaluator.site.words import AXIS_TITLES, TRACK_TITLES, size_text
from evaluator.statistics.board_analysis import detectable_difference

PLANNING_SD: Final = 0.5
"""Assumed standard deviation of a paired difference in RadCliQ-v1 if no board has measured it."""

_ACCESS: Final = {
    "public": "public: reports and per-study scores are shown on the model pages",
    "restricted": "restricted: anyone with credentialed access can read them, and could copy them; no text or per-study score is published, and aggregates are rounded to three decimals",
    "withheld": "withheld: no participant has access; only aggregates are published, in steps of {:.3g}",
}


@dataclass(frozen=True, slots=True)
class DatasetLine:
    """A dataset at a glance; `tracks`: how many studies have a reference, by track."""

    dataset: Link
    task: str
    split: str
    size: str
    patients: str
    tracks: tuple[Fact, ...]
    access: str
    licence: str


@dataclass(frozen=True, slots=True)
class Index:
    """The datasets at a glance."""

    rows: tuple[DatasetLine, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """How many references have a section."""

    name: str
    studies: str
    missing: str


@dataclass(frozen=True, slots=True)
class TrackLine:
    """Which differences the board of a track resolves."""

    board: Link
    studies: str
    models: int
    design_effect: str
    detectable: str
    remark: str
    over_all_pairs: str


@dataclass(frozen=True, slots=True)
class Page:
    """One dataset; `cluster`: what studies of one patient share, empty if each counts separately."""

    id: str
    title: str
    task: Task
    about: str
    split: str
    studies: str
    items: str
    patients: str
    cluster: str
    references: str
    digests: tuple[str, ...]
    ids_digest: str
    is_synthetic: bool
    is_scored_at_home: bool
    subgroups: str
    training_names: tuple[str, ...]
    licence: str
    sections: tuple[Section, ...]
    how_to_get: str
    links: tuple[Link, ...]
    command: str
    tracks: tuple[TrackLine, ...]
    planning_sd: float | None
    notes: tuple[str, ...]


def datasets_index(datasets: Sequence[Dataset]) -> str:
    """The datasets at a glance, as Markdown."""
    rows = (
        DatasetLine(
            dataset=Link(d.title, f"{d.id}/"),
            task=get_task(d.task).title,
            split=d.split,
            size=size_text(d, next(iter(d.tracks))) if d.n_items else f"{d.n_studies:,} studies",
            patients="–" if d.n_patients is None else f"{d.n_patients:,}",
            tracks=tuple(Fact(TRACK_TITLES[t], _count(d.tracks[t])) for t in d.tracks),
            access=d.access,
            licence=d.licence,
        )
        for d in datasets
    )
    return render("dataset/index.md", view=Index(tuple(rows)))


def dataset_page(dataset: Dataset, content: Content) -> str:
    """One dataset: counts, missing sections, patients, resolution of its boards, licence, access."""
    digests = {
        r.provenance.references_sha256
        for entries in content.models.values()
        for table, _, r in entries
        if table.dataset == dataset.id
    }
    view = Page(
        id=dataset.id,
        title=dataset.title,
        task=get_task(dataset.task),
        about=dataset.about,
        split=dataset.split,
        studies=f"{dataset.n_studies:,}",
        items=f"{dataset.n_items:,}" if dataset.n_items else "",
        patients=_patients(dataset),
        cluster=dataset.cluster or "",
        references=_ACCESS[dataset.access].format(dataset.exposure.step(dataset.size or 0) or 0),
        digests=tuple(sorted(digests)),
        ids_digest=dataset.ids_digest or "",
        is_synthetic=dataset.synthetic,
        is_scored_at_home=dataset.access != "withheld",
        subgroups=", ".join(AXIS_TITLES.get(s, s.replace("_", " ")) for s in dataset.subgroups),
        training_names=tuple(dataset.training_names),
        licence=dataset.licence,
        sections=tuple(_section(dataset, name, n) for name, n in dataset.sections.items()),
        how_to_get=dataset.how_to_get,
        links=tuple(Link(what[0].upper() + what[1:], address) for what, address in dataset.links.items()),
        command=f"rexrank score submissions/TEAM/MODEL --dataset {dataset.id}",
        tracks=tuple(_track(dataset, t, content.tables.get((dataset.id, t))) for t in dataset.tracks),
        planning_sd=PLANNING_SD if _planned(dataset) else None,
        notes=tuple(dataset.notes),
    )
    return render("dataset/page.md", view=view)


def _patients(dataset: Dataset) -> str:
    if dataset.n_patients is None:
        return "not yet counted"
    if dataset.n_patients == dataset.n_studies:
        return "one study per patient, as far as is known"
    each = dataset.n_studies / dataset.n_patients
    return f"{dataset.n_patients:,}, {each:.1f} studies per patient on average"


def _count(n: int | None) -> str:
    return "not yet counted" if n is None else f"{n:,}"


def _section(dataset: Dataset, name: str, n: int | None) -> Section:
    missing = "not yet counted" if n is None else f"{dataset.n_studies - n:,}"
    if n and n != dataset.n_studies:
        missing += f" ({1 - n / dataset.n_studies:.0%})".replace("%", " %")
    return Section(name.capitalize(), _count(n), missing)


def _track(dataset: Dataset, track: TrackName, table: Table | None) -> TrackLine:
    n = table.n if table and table.n else dataset.tracks[track]
    resolution = table.resolution if table else Resolution()
    detectable, remark = _detectable(resolution, n, table, planned=_planned(dataset))
    return TrackLine(
        board=Link(TRACK_TITLES[track], f"../../leaderboards/{dataset.id}/{track}/"),
        studies=_count(n),
        models=len(table.rows) if table else 0,
        design_effect=_shown(resolution.design_effect, 2),
        detectable=detectable,
        remark=remark,
        over_all_pairs=_shown(resolution.mde_all_pairs, 3),
    )


def _planned(dataset: Dataset) -> bool:
    """Whether the planning spread is for the metric that ranks the dataset's boards."""
    return get_task(dataset.task).primary == "radcliq_v1"


def _shown(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _detectable(
    resolution: Resolution, n: int | None, table: Table | None, *, planned: bool
) -> tuple[str, str]:
    """The measured difference, or one for planning, and a remark."""
    if resolution.mde is not None:
        metric = table.ranked_by if table else None
        return f"{resolution.mde:.3f}", f"in mean {metric.title if metric else ''}"
    if n is None or not planned:
        return "–", ""
    return f"about {detectable_difference(PLANNING_SD / sqrt(n)):.3f}", "planning value"
