"""Files of answers to multiple-choice questions: `{"<question id>": "A"}`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, cast

from pydantic import BaseModel, Field, JsonValue

from evaluator.core.problems import Problems
from evaluator.core.typed import TypedTable, form
from evaluator.datasets.answer import Answer
from evaluator.datasets.question_references import Question
from evaluator.datasets.references import References
from evaluator.datasets.registry import Dataset
from evaluator.submissions.convert.answer_conversion import convert_answers
from evaluator.submissions.convert.columns import Wanted
from evaluator.submissions.rules.answers import (
    EXAMPLE,
    QUESTION_ID,
    check_one_letter,
    check_unanswered,
    read_answers,
)
from evaluator.submissions.task_predictions import TaskPredictions

QuestionId = Annotated[
    str,
    form(QUESTION_ID, "1 to 200 printable ASCII characters without leading or trailing spaces", longest=200),
]
Letter = Literal["A", "B", "C", "D", ""]


class AnswerFile(TypedTable[QuestionId, Letter]):
    """One dataset's answers by question id: a letter, or an empty string for none.

    Keys sorted, one question per line, UTF-8. Correct answers are never included.
    """

    root: dict[QuestionId, Letter] = Field(min_length=1)


class Answers(TaskPredictions[Answer]):
    """A file of answers: one letter per question."""

    schema: ClassVar[str] = "answers-v1"
    title: ClassVar[str] = "Answers, version 1"
    model: ClassVar[type[BaseModel]] = AnswerFile
    example: ClassVar[str] = EXAMPLE
    free_text: ClassVar[bool] = False

    def shape(
        self, file: str, text: str, value: object, dataset: Dataset, problems: Problems
    ) -> dict[str, Answer]:
        """The answers, after reporting everything that is not one."""
        return read_answers(file, text, value, dataset.id, problems)

    def content(
        self,
        file: str,
        text: str,  # noqa: ARG002
        predictions: Mapping[str, Answer],
        dataset: Dataset,  # noqa: ARG002
        problems: Problems,
    ) -> None:
        """Warns of unanswered questions and of using a single letter throughout."""
        check_unanswered(file, predictions, problems)
        check_one_letter(file, predictions, problems)

    def read(self, value: Mapping[str, JsonValue]) -> dict[str, Answer] | None:
        """The answers of a file that follows the schema or needs only tidying; `None` for any other."""
        problems = Problems()
        answers = read_answers("", "", dict(value), "", problems)
        return answers if problems.ok else None

    def plain(self, prediction: Answer) -> JsonValue:
        """The letter."""
        return prediction.value

    def convert(
        self,
        path: Path,
        dataset: Dataset,  # noqa: ARG002
        known: frozenset[str],
        *,
        wanted: Wanted,
        references: References | None,
        keep: bool,  # noqa: ARG002
    ) -> tuple[Mapping[str, Answer], tuple[str, ...]]:
        """The letter of every question; see `convert_answers`."""
        questions = cast("Mapping[str, Question]", references.studies) if references is not None else None
        conversion = convert_answers(path, known, wanted=wanted, questions=questions)
        return conversion.answers, conversion.notes


ANSWERS: Final = Answers()
"""The rules for files of answers."""
