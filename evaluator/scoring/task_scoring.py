"""What a task adds to scoring: its baselines, sanity probes and integrity checks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

from evaluator.core.types import Pair
from evaluator.datasets.references import References
from evaluator.datasets.tasks.task import Prediction, Task, load
from evaluator.models.runtime import Run
from evaluator.scoring.bands import Band
from evaluator.scoring.earlier import Earlier
from evaluator.scoring.engine import Scored
from evaluator.scoring.integrity.flags import Flag
from evaluator.scoring.record import Diagnostics
from evaluator.scoring.records import Board

P = TypeVar("P", bound=Prediction)


@dataclass(frozen=True, slots=True)
class Entry(Generic[P]):
    """A submission as scored on a board, for its integrity checks.

    `pairs`: the texts as they were scored, of `predictions`. `run`: how the board was scored. `name`:
    `team/model`. `earlier`: earlier submissions. `strata`: a label per item; references are shuffled within
    equal labels; empty for none.
    """

    board: Board
    references: References
    scored: Scored
    pairs: Sequence[Pair]
    predictions: Mapping[str, P]
    run: Run
    name: str = ""
    earlier: Earlier = field(default_factory=Earlier)
    strata: Sequence[str] = ()


class TaskScoring(ABC, Generic[P]):
    """A task's part of scoring; texts, scores and records work the same for every task."""

    bands: ClassVar[Mapping[str, Band]] = MappingProxyType({})
    """Sanity bands by metric, if the task's differ from those of the metrics' own classes."""

    probed: ClassVar[int] = 500
    """Most references probed against themselves and an empty prediction; the shuffle uses all."""

    @abstractmethod
    def nulls(
        self, references: References, training: Sequence[Any], seed: str
    ) -> Mapping[str, Mapping[str, P]]:
        """Per baseline (a key of the task's `baselines`), a prediction for every item.

        `training`: of the task's own kind, from `<dataset>.train.json`; baselines that need it are left out
        without it. `seed` names the dataset and its version: the same seed gives the same rows on any
        machine.
        """

    @abstractmethod
    def probes(self, references: References, seed: str) -> Mapping[str, Mapping[str, P]]:
        """The sanity probes of the metrics by name: `itself`, `empty` and `shuffled`, one prediction per item."""

    def training(self, path: Path) -> Sequence[Any]:  # noqa: ARG002 - of a task that learns from training data
        """What baselines learn from, read from a file of training data; nothing for a task without such baselines."""
        return ()

    def axes(self, board: Board, pairs: Sequence[Pair], scored: Scored, run: Run) -> dict[str, list[str]]:  # noqa: ARG002 - of a task with such axes
        """Subgroup axes derived from the references: by name, one group per item."""
        return {}

    @abstractmethod
    def describe(self, references: References, pairs: Sequence[Pair]) -> Diagnostics:
        """Only diagnostics, as for baselines: a baseline that copies on purpose is not accused of it."""

    @abstractmethod
    def diagnose(self, entry: Entry[P]) -> tuple[Diagnostics, list[Flag]]:
        """Diagnostics of the predictions, and the integrity checks' flags, before they are adapted for publication."""

    def copies(self, predictions: Mapping[str, P], references: References) -> list[Flag]:  # noqa: ARG002 - of a task whose predictions can be copies
        """Flags of predictions that repeat their references, for a check before anything is public."""
        return []


def scoring_of(task: Task) -> TaskScoring[Any]:
    """A task's part of scoring."""
    rules: TaskScoring[Any] = load(task.scoring_by)
    return rules
