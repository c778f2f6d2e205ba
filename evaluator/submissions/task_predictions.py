"""The prediction files of a task: schema, rules, and how they are written."""

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

    Size, encoding, JSON, coverage and order are checked the same way for every task; the rest is here.
    """

    schema: ClassVar[str]
    """Name of its JSON Schema, as `predictions-v1`."""
    title: ClassVar[str]
    """Title of the schema."""
    model: ClassVar[type[BaseModel]]
    """The model of a whole file."""
    example: ClassVar[str]
    """A short example file, for messages."""
    free_text: ClassVar[bool] = True
    """Whether predictions are free text, whose length and similarity are meaningful."""

    @abstractmethod
    def shape(
        self, file: str, text: str, value: object, dataset: Dataset, problems: Problems
    ) -> dict[str, P]:
        """The predictions of the right shape, after reporting every other."""

    def content(
        self, file: str, text: str, predictions: Mapping[str, P], dataset: Dataset, problems: Problems
    ) -> None:
        """Nothing; reports every problem in the content of well-shaped predictions."""

    @abstractmethod
    def read(self, value: Mapping[str, JsonValue]) -> dict[str, P] | None:
        """The predictions of a file that is already in the repository; `None` if it is not valid."""

    @abstractmethod
    def plain(self, prediction: P) -> JsonValue:
        """A prediction in the form of a file."""

    def dump(self, predictions: Mapping[str, P]) -> str:
        """A file's text: keys sorted, one item per line."""
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
        """The predictions of a file in any known form, and notes on how they were read.

        `known`: the dataset's item ids, empty if they are not known. `wanted`: columns that were named.
        `references`: to make sure that none of them is taken for a prediction. `keep`: leave texts unchanged.
        Raises `Refused` with a sentence for each problem.
        """


def predictions_of(task: Task) -> TaskPredictions[Any]:
    """A task's rules for prediction files."""
    form: TaskPredictions[Any] = load(task.predictions_by)
    return form
