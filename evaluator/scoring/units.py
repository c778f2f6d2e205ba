"""Units of work: one submission on one dataset with one group of metrics, scored only into the store.

The store finds finished scores by what they depend on, so any machine may score a unit, even twice or only in
part: the machine that makes the records afterwards finds the same numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field

from evaluator.core.problems import InputError, MetricUnavailable
from evaluator.core.typed import Typed, form
from evaluator.core.workspace import store_directory
from evaluator.datasets.tasks.task import Task, get_task
from evaluator.metrics.registry import fits, get_metric, in_dependency_order, task_metrics
from evaluator.scoring.baselines import baseline_pairs
from evaluator.scoring.record import Slug
from evaluator.scoring.records import NULL_TEAM, Board
from evaluator.scoring.run import ScoreSettings, board_metrics, board_pairs, board_run, score_board
from evaluator.scoring.score_store import ScoreStore

if TYPE_CHECKING:
    from evaluator.core.types import Pair
    from evaluator.datasets.references import References
    from evaluator.metrics.signature import Signature
    from evaluator.submissions.submission import Submission

TEXTS: Final = "texts"
"""The group of metrics that load no model."""
MODELS: Final = "models"
"""The group of those that load one. A judged metric is a group of its own."""
_SLUG: Final = r"[a-z0-9][a-z0-9.-]{0,39}"
WHOSE: Final = rf"(?:{_SLUG}/{_SLUG}|{NULL_TEAM})"
"""A submission, or all baselines of a dataset, as a pattern."""
GROUP: Final = "[a-z][a-z0-9_]{0,39}"
MAX_UNITS: Final = 5_000
RESCORING: Final = "rescoring.json"
"""In the leaderboard: the units that its next state waits for; absent if there are none."""


class Unit(Typed):
    """One submission (or a dataset's baselines) on one dataset by one group of metrics."""

    submission: Annotated[str, form(WHOSE, f"TEAM/MODEL or {NULL_TEAM}", longest=90)]
    dataset: Slug
    group: Annotated[str, form(GROUP, "a group of metrics")]

    def __str__(self) -> str:
        return f"{self.submission}:{self.dataset}:{self.group}"


class Rescoring(Typed):
    """`rescoring.json`: what the scorer's store lacks, so that boards keep their rows until it is scored."""

    schema_: Literal["rexrank/rescoring/v1"] = Field(alias="schema")
    units: Annotated[tuple[Unit, ...], Field(strict=False, max_length=MAX_UNITS)]


def parse_units(text: str, most: int) -> list[Unit]:
    """The units of a space-separated text; raises `InputError` for another form or more than `most`."""
    one = rf"{WHOSE}:{_SLUG}:{GROUP}"
    names = text.split(" ", most)
    if len(names) > most or not all(re.fullmatch(one, n) for n in names):
        raise InputError(f"wanted 1 to {most} units SUBMISSION:DATASET:GROUP, separated by spaces.")
    return [Unit(submission=s, dataset=d, group=g) for s, d, g in (name.split(":") for name in names)]


def metric_groups(task: Task) -> dict[str, tuple[str, ...]]:
    """The metrics of a task by group, the cheapest group first."""
    groups: dict[str, list[str]] = {TEXTS: [], MODELS: []}
    for key in task_metrics(task.id):
        groups.setdefault(group_of(key), []).append(key)
    return {name: tuple(keys) for name, keys in groups.items() if keys}


def group_of(key: str) -> str:
    """The group of a metric, by what it and the metrics it combines need."""
    metric = get_metric(key)
    if metric.family == "judge":
        return key
    return MODELS if any(get_metric(k).weights for k in in_dependency_order([key])) else TEXTS


def score_unit(
    unit: Unit,
    references: References,
    settings: ScoreSettings,
    submission: Submission | None = None,
    training: Sequence[object] = (),
) -> None:
    """Scores a unit into the store.

    `submission`: the unit's submission, `None` for the baselines, which learn from `training`. A metric that
    cannot run here is left out. Records and tables are not made.
    """
    for track in references.dataset.tracks:
        board = Board(references.dataset, track)
        keys = tuple(k for k in metric_groups(board.task).get(unit.group, ()) if fits(k, board.task, track))
        if keys:
            for pairs in _tables(board, references, settings, submission, training):
                score_board(board, pairs, replace(settings, metrics=keys))


def lacking(
    references: References,
    settings: ScoreSettings,
    submission: Submission | None = None,
    training: Sequence[object] = (),
) -> list[str]:
    """The groups for which the store lacks scores that this machine can compute; arguments as in `score_unit`."""
    store, groups = ScoreStore(store_directory(settings.store)), set()
    for track in references.dataset.tracks:
        board = Board(references.dataset, track)
        run = board_run(board, settings)
        for pairs in _tables(board, references, settings, submission, training):
            for key in signatures_here(board, settings):
                parts = [get_metric(k).signature(run) for k in in_dependency_order([key])]
                if any(store.get(store.key(s, pairs), len(pairs)) is None for s in parts):
                    groups.add(group_of(key))
    return [g for g in metric_groups(get_task(references.dataset.task)) if g in groups]


def _tables(
    board: Board,
    references: References,
    settings: ScoreSettings,
    submission: Submission | None,
    training: Sequence[object],
) -> list[list[Pair]]:
    """Every list of pairs that is scored on a board for a submission, or for the baselines."""
    if submission is None:
        return baseline_pairs(board, references, settings, training)
    predictions = submission.files[board.dataset.id]
    if board.track not in predictions.tracks:
        return []
    return [board_pairs(board, references, predictions.items, settings.protocol)]


def signatures_here(board: Board, settings: ScoreSettings) -> dict[str, Signature]:
    """The signatures of the board's metrics that can run here."""
    run = board_run(board, settings)
    signatures = {}
    for key in board_metrics(board, settings):
        try:
            signatures[key] = get_metric(key).signature(run)
        except MetricUnavailable:
            continue
    return signatures
