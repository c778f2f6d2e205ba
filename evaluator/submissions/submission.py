"""A submission that has passed the checks: frozen, typed, nothing left to parse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from evaluator.datasets.registry import Dataset, get_dataset
from evaluator.datasets.tasks.task import Prediction, get_task
from evaluator.submissions.model_card import ModelCard


@dataclass(frozen=True, slots=True)
class Predictions:
    """One dataset's predictions: a report or an answer by item id, and the SHA-256 of the file's bytes."""

    dataset: str
    items: Mapping[str, Prediction]
    sha256: str
    entered: tuple[str, ...] | None = None
    """The tracks, if the items were dropped (`Submission.outline`)."""

    @property
    def tracks(self) -> tuple[str, ...]:
        """The tracks the file enters, in table order: see `tracks_of`."""
        return tracks_of(self.items, get_dataset(self.dataset)) if self.entered is None else self.entered

    @property
    def n_empty(self) -> int:
        """Number of empty predictions."""
        return sum(p.empty for p in self.items.values())


def tracks_of(items: Mapping[str, Prediction], dataset: Dataset) -> tuple[str, ...]:
    """The tracks of a dataset whose fields every prediction has."""
    task = get_task(dataset.task)
    there = frozenset.intersection(*(frozenset(p.fields) for p in items.values())) if items else frozenset()
    return tuple(t for t in dataset.tracks if there.issuperset(task.track(t).needs))


@dataclass(frozen=True, slots=True)
class Submission:
    """A team's model: its card and its predictions by dataset id."""

    team: str
    model: str
    card: ModelCard
    files: Mapping[str, Predictions]

    def outline(self) -> Submission:
        """The same without its predictions, small enough to keep hundreds of submissions in memory."""
        outlines = {d: replace(p, items={}, entered=p.tracks) for d, p in self.files.items()}
        return replace(self, files=outlines)
