"""Files of answers to multiple-choice questions: `{"<question id>": "A"}`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from evaluator.core.typed import TypedTable, form
from evaluator.submissions.rules.answers import QUESTION_ID

QuestionId = Annotated[
    str, form(QUESTION_ID, "1 to 200 printable ASCII characters without spaces at the ends", longest=200)
]
Letter = Literal["A", "B", "C", "D", ""]


class AnswerFile(TypedTable[QuestionId, Letter]):
    """One dataset's answers by question id: a letter, or an empty string for none. Keys sorted, one question a line, UTF-8. What is right never travels along."""

    root: dict[QuestionId, Letter] = Field(min_length=1)
