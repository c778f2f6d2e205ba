"""One answer to a multiple-choice question, and the allowed letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LETTERS: Final = ("A", "B", "C", "D")
"""Letters of the four options, in their order."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One predicted answer: a letter of `LETTERS`, or an empty string if the model gave none."""

    value: str

    @property
    def fields(self) -> dict[str, str]:
        """The text by the name of its field."""
        return {"answer": self.value}

    @property
    def empty(self) -> bool:
        """Whether the question was left unanswered."""
        return not self.value
