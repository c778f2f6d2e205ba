"""Results in the form of the Hugging Face Hub: `.eval_results/*.yaml` for a model's card, `eval.yaml` for a benchmark.

Format: https://huggingface.co/docs/hub/eval-results, with the benchmarks' part under "Eval.yaml specification" there. The
Hub shows a result when the dataset repository that it names is registered as a benchmark whose `eval.yaml` has the task.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import yaml
from pydantic import Field

from evaluator.core.version import __version__
from evaluator.datasets.challenge import challenge
from evaluator.datasets.registry import Dataset, get_dataset
from evaluator.datasets.tasks.task import get_task
from evaluator.leaderboard.overall_table import range_text
from evaluator.leaderboard.row import Entry as Part
from evaluator.leaderboard.table import Table
from evaluator.site.content import Content, Entry
from evaluator.site.model.board_section import anchor_of

FRAMEWORK: Final = "rexrank"
"""Our entry in the Hub's list of evaluation frameworks (`packages/tasks/src/eval.ts` of huggingface.js)."""


class Benchmark(Part):
    """The repository on the Hub that is a benchmark, and its task."""

    id: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    task_id: str


class Source(Part):
    """Where a result is published."""

    url: str
    name: str


class EvalResult(Part):
    """One result of a model: an entry of a file below `.eval_results/`."""

    dataset: Benchmark
    value: float
    date: str | None = Field(None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    source: Source
    notes: str


class EvalTask(Part):
    """A board of a benchmark."""

    id: str


class EvalConfig(Part):
    """The file that makes a dataset repository a benchmark: `eval.yaml`."""

    name: str
    description: str
    evaluation_framework: str
    tasks: tuple[EvalTask, ...]


def is_listed(dataset: Dataset) -> bool:
    """Whether results on a dataset may appear on the Hub: its references are public, and it is not synthetic."""
    return challenge().hub is not None and dataset.access == "public" and not dataset.synthetic


def result_name(table: Table) -> str:
    """The name of a row's file below `.eval_results/`, such as `rexrank.iu-xray.findings.yaml`."""
    return f"{FRAMEWORK}.{table.name}.yaml"


def result_path(entry: Entry) -> str:
    """The path at which the site serves a row's file."""
    return f"data/hub/models/{entry.row.id}/{result_name(entry.table)}"


def eval_result(entry: Entry, site_url: str) -> EvalResult | None:
    """The result of a ranked row on a public dataset's board; `None` for any other row, and for rehearsals."""
    table, row, _ = entry
    column, cell = table.ranked_by, row.metrics.get(table.primary)
    if not is_listed(get_dataset(table.dataset)) or table.rehearsal or row.rank_low is None:
        return None
    if column is None or cell is None or cell.display.value is None or row.rank_low is None:
        return None
    place = f"rank {range_text(row.rank_low, row.rank_high)} of {len(table.rows)}"
    return EvalResult(
        dataset=Benchmark(id=f"{challenge().hub}/{table.dataset}", task_id=table.track),
        value=cell.display.value,
        date=row.submitted,
        source=Source(url=f"{site_url}models/{row.id}/#{anchor_of(table)}", name=challenge().name),
        notes=f"{column.display_title}, higher is better; {place}; evaluator {__version__}",
    )


def eval_config(dataset: Dataset) -> EvalConfig:
    """A public dataset as a benchmark: a task, and so a board, for each of its tracks."""
    return EvalConfig(
        name=f"{challenge().short}: {dataset.title}",
        description=f"{get_task(dataset.task).title} on chest X-rays, {dataset.split} split. {dataset.about}",
        evaluation_framework=FRAMEWORK,
        tasks=tuple(EvalTask(id=t) for t in dataset.tracks),
    )


def yaml_text(value: Any) -> str:
    """A value of lists and mappings as YAML, its fields in their order."""
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120))


def result_yaml(result: EvalResult) -> str:
    """The text of a row's file: a list of one result."""
    return yaml_text([result.view()])


def hub_files(content: Content) -> Iterator[tuple[str, str]]:
    """Name below the site and text of every row's and every public dataset's file."""
    for dataset in {t.dataset for t in content.tables.values()}:
        if is_listed(get_dataset(dataset)):
            config = eval_config(get_dataset(dataset))
            yield f"data/hub/datasets/{dataset}/eval.yaml", yaml_text(config.view())
    for entries in content.models.values():
        for entry in entries:
            result = eval_result(entry, content.site_url)
            if result is not None:
                yield result_path(entry), result_yaml(result)
