"""What a task declares, and the existing tasks: one file each next to this one, found by listing the folder.

A dataset names its task. Everything that handles a submission asks the task: which tracks there are, what a
prediction file contains, which part of an item is compared, which metrics score it and which of them ranks.
Beyond data, a task needs three objects, one per room, named by `module:NAME` so that imports point one way:
how references are read (datasets), what a prediction file contains (submissions), and baselines and integrity
(scoring).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from evaluator.core.problems import InputError
from evaluator.datasets.challenge import NAME, challenge, task_files


class Item(Protocol):
    """The reference of one item, a study or a question about one."""

    @property
    def id(self) -> str:
        """Its key in the files."""

    @property
    def patient(self) -> str:
        """The patient; intervals and tests resample patients."""

    @property
    def subgroups(self) -> Mapping[str, str]:
        """By axis, the group it belongs to; an unknown one is left out."""

    def in_track(self, track: str) -> bool:
        """Whether it has a reference in a track."""


class Prediction(Protocol):
    """A model's output for one item."""

    @property
    def fields(self) -> Mapping[str, str]:
        """The texts by field name; a field that the file does not have is left out."""

    @property
    def empty(self) -> bool:
        """Whether it says nothing at all."""


@dataclass(frozen=True, slots=True)
class Track:
    """One way to enter a task, with one board per dataset.

    `id`: its name in paths, CSV and URLs, unique across tasks. `title`: as readers see it. `about`: which
    part of an item is compared, in a sentence. `needs`: the fields that every prediction of an entering file
    has. `optional`: whether a dataset has it only if its file says so.
    """

    id: str
    title: str
    about: str
    needs: tuple[str, ...]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """What a model does with a study, and everything needed to score it.

    `item`, `items`, `prediction`, `predictions`: the words for the contents of a file, such as "study" and
    "report". `empty`: how an empty prediction is written in a file. `complete`: whether a file must contain
    every item; otherwise a missing one counts as empty.

    `metrics`: what every submission is scored with, besides the metrics whose class says `on_boards`
    (`task_metrics`). `ranks_by`: what ranks the boards of a new challenge (default: the first of `metrics`).
    `stand_by`: what ranks if no model has the challenge's choice. `subgroup_metric`: the one of the subgroup
    tables (default: the primary). `aggregated`: those of the sensitivity panel. `compared`: those whose
    per-item scores are correlated in the search for copies, the first that both models have. `recomputed`:
    one without weights that the publisher recomputes from a public dataset's texts.

    `baselines`: titles of the baselines by their slugs. `checks`: codes of the integrity checks.
    `references_by`, `predictions_by`, `scoring_by`: see the module.
    """

    id: str
    title: str
    about: str
    item: str
    items: str
    prediction: str
    predictions: str
    empty: str
    tracks: tuple[Track, ...]
    baselines: Mapping[str, str]
    checks: tuple[str, ...]
    references_by: str
    predictions_by: str
    scoring_by: str
    metrics: tuple[str, ...] = ()
    ranks_by: str = ""
    stand_by: tuple[str, ...] = ()
    subgroup_metric: str = ""
    aggregated: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    recomputed: str = ""
    complete: bool = True

    def track(self, track: str) -> Track:
        """The track with an id; raises `KeyError` for one of another task."""
        return {t.id: t for t in self.tracks}[track]

    @property
    def primary(self) -> str:
        """The metric that ranks its boards: the challenge's choice. Raises `InputError` if it has made none."""
        key = challenge().primary.get(self.id)
        if key is None:
            raise InputError(f"{NAME} has no metric for {self.id} under [primary]: add one.")
        return key

    @property
    def track_ids(self) -> tuple[str, ...]:
        """The ids of its tracks, in table order."""
        return tuple(t.id for t in self.tracks)


def task_ids() -> tuple[str, ...]:
    """Ids of all tasks: report generation first, the others by name."""
    return task_files()


@cache
def get_task(task_id: str) -> Task:
    """The task with this id. Raises `InputError` with the nearest known id for an unknown one."""
    if task_id not in task_ids():
        near = difflib.get_close_matches(task_id[:80], task_ids(), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise InputError(f"unknown task {task_id!r}.{hint} Known: {', '.join(task_ids())}.")
    task: Task = import_module(f"evaluator.datasets.tasks.{task_id.replace('-', '_')}").TASK
    return task


@cache
def all_tracks() -> Mapping[str, Task]:
    """The task of every track, in table order. Raises `ValueError` if two tasks claim the same id."""
    owners: dict[str, Task] = {}
    for task in map(get_task, task_ids()):
        for track in task.track_ids:
            if track in owners:
                raise ValueError(f"{task.id} and {owners[track].id} both declare the track {track!r}")
            owners[track] = task
    return owners


def task_of(track: str) -> Task:
    """The task of a track. Raises `KeyError` for a track that no task has."""
    return all_tracks()[track]


def track_title(track: str) -> str:
    """A track's title as readers see it; its id if no task has it."""
    task = all_tracks().get(track)
    return task.track(track).title if task else track


@cache
def _baselines() -> Mapping[str, str]:
    return {slug: title for t in task_ids() for slug, title in get_task(t).baselines.items()}


def baseline_title(name: str) -> str:
    """The title of a baseline by its `team/model`; the name itself for another row."""
    return _baselines().get(name.partition("/")[2], name)


@cache
def load(name: str) -> Any:
    """The object of a `module:NAME`. Raises `ImportError` or `AttributeError` if there is none."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)
