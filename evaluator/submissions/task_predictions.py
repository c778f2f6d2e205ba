"""What a prediction file of a task holds: its schema, its rules, and how it is written."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, JsonValue

from evaluator.core.problems import Problems
from evaluator.datasets.references import References
from evaluator.datasets.registry import Dataset
from evaluator.datasets.tasks.task import Prediction, Task, load
from evaluator.submissions.convert.columns import Wanted

P = TypeVar("P", bound=Prediction)


class TaskPredictions(ABC, Generic[P]):
    """A task's prediction file: one JSON object of predictions by item id.

    Size, encoding, JSON, coverage and order are checked for every task alike; the rest is here.
    """

    schema: ClassVar[str]
    """Name of its JSON Schema, as `predictions-v1`."""
    title: ClassVar[str]
    """Title of the schema."""
    model: ClassVar[type[BaseModel]]
    """What a whole file holds."""
    example: ClassVar[str]
    """A file in a few characters, for messages."""
    free_text: ClassVar[bool] = True
    """Whether predictions are written in words, whose number and likeness mean something."""

    @abstractmethod
    def shape(
        self, file: str, text: str, value: object, dataset: Dataset, problems: Problems
    ) -> dict[str, P]:
        """The predictions of the right shape, after naming every one that has another."""

    def content(
        self, file: str, text: str, predictions: Mapping[str, P], dataset: Dataset, problems: Problems
    ) -> None:
        """Nothing; names everything that is wrong with what well-shaped predictions say."""

    @abstractmethod
    def read(self, value: Mapping[str, JsonValue]) -> dict[str, P] | None:
        """The predictions of a file that is already in the repository; `None` if it is not a sound one."""

    @abstractmethod
    def plain(self, prediction: P) -> JsonValue:
        """A prediction as a file has it."""

    def dump(self, predictions: Mapping[str, P]) -> str:
        """A file's text: keys sorted, one item a line."""
        lines = [
            f"{json.dumps(i, ensure_ascii=False)}: {json.dumps(self.plain(predictions[i]), ensure_ascii=False)}"
            for i in sorted(predictions)
        ]
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @abstractmethod
    def convert(
        self,
        path: Path,
        dataset: Dataset,
        known: frozenset[str],
        *,
        wanted: Wanted,
        references: References | None,
        keep: bool,
    ) -> tuple[Mapping[str, P], tuple[str, ...]]:
        """The predictions of a file in any known form, and what people should know about how they were read.

        `known`: the dataset's item ids, empty where they are not known. `wanted`: columns that were named. `references`:
        to see that none of them is taken for a prediction. `keep`: leave texts as they are. Raises `Refused` with a
        sentence for each problem.
        """


def predictions_of(task: Task) -> TaskPredictions[Any]:
    """What a prediction file of a task holds."""
    form: TaskPredictions[Any] = load(task.predictions_by)
    return form
