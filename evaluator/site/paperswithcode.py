"""Every board in the format of Papers with Code, which other collections of results read as well.

Format: "JSON format description" of https://github.com/paperswithcode/sota-extractor
"""

from __future__ import annotations

from collections.abc import Iterable

from evaluator.datasets.challenge import challenge
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.tasks.task import get_task
from evaluator.leaderboard.row import Entry as Part
from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table import Column, Table
from evaluator.site.content import Content
from evaluator.site.words import TRACK_TITLES


class PaperLink(Part):
    """The address of something."""

    title: str
    url: str


class SotaRow(Part):
    """A model on a board; values as text."""

    model_name: str
    paper_title: str
    paper_url: str
    code_links: tuple[PaperLink, ...]
    model_links: tuple[PaperLink, ...]
    metrics: dict[str, str]


class Sota(Part):
    """A board: its metrics and its rows."""

    metrics: tuple[str, ...]
    rows: tuple[SotaRow, ...]


class SotaDataset(Part):
    """A dataset's track with its board."""

    dataset: str
    description: str
    subdatasets: tuple[()]
    dataset_links: tuple[PaperLink, ...]
    dataset_citations: tuple[()]
    sota: Sota


class SotaTask(Part):
    """A task with the datasets on which it is measured."""

    task: str
    description: str
    subtasks: tuple[()]
    datasets: tuple[SotaDataset, ...]
    source_link: PaperLink


def sota_tasks(content: Content) -> tuple[SotaTask, ...]:
    """The tasks with every board that has a ranked row; without rehearsals and synthetic datasets."""
    by_task: dict[str, list[SotaDataset]] = {}
    for table in content.tables.values():
        dataset = get_dataset(table.dataset)
        if table.rows and not table.rehearsal and not dataset.synthetic:
            by_task.setdefault(dataset.task, []).append(_dataset(table, content.site_url))
    source = PaperLink(title=challenge().name, url=challenge().repository_url)
    return tuple(
        SotaTask(
            task=get_task(task).title,
            description=f"{get_task(task).title} on chest X-rays.",
            subtasks=(),
            datasets=tuple(datasets),
            source_link=source,
        )
        for task, datasets in by_task.items()
    )


def _dataset(table: Table, site_url: str) -> SotaDataset:
    columns = table.metrics
    return SotaDataset(
        dataset=f"{table.title}, {TRACK_TITLES.get(table.track, table.track)}",
        description=get_dataset(table.dataset).about,
        subdatasets=(),
        dataset_links=(PaperLink(title=table.title, url=f"{site_url}datasets/{table.dataset}/"),),
        dataset_citations=(),
        sota=Sota(
            metrics=tuple(c.display_title for c in columns),
            rows=tuple(_row(r, columns, site_url) for r in table.rows),
        ),
    )


def _row(row: Row, columns: Iterable[Column], site_url: str) -> SotaRow:
    values = {c.display_title: row.metrics[c.key].display.value for c in columns if c.key in row.metrics}
    code, weights = row.links.get("code", ""), row.links.get("weights", "")
    page = PaperLink(title="Model page", url=f"{site_url}models/{row.id}/")
    return SotaRow(
        model_name=row.name,
        paper_title="",
        paper_url=row.links.get("paper", ""),
        code_links=(PaperLink(title="Code", url=code),) if code else (),
        model_links=(page, *((PaperLink(title="Weights", url=weights),) if weights else ())),
        metrics={title: str(value) for title, value in values.items() if value is not None},
    )
