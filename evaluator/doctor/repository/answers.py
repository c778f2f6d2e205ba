"""What GitHub answered, path by path, as far as the token may ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from evaluator.core.problems import RexrankError
from evaluator.doctor.findings import Finding, unsettled

NONE: Final = 0
_M = TypeVar("_M", bound=BaseModel)


def read_body(body: Any, kind: type[_M], path: str) -> _M:
    """The typed value of an answer's body; raises `RexrankError` for another form."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise RexrankError(
            f"GitHub's answer to {path} has another form than the doctor knows. Update the evaluator."
        ) from error


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and what came with it; the status is 0 for what was not asked."""

    status: int
    body: Any = None


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers by path below the repository, `""` for the repository itself."""

    known: Mapping[str, Answer]

    def body(self, path: str) -> Any:
        """What came for a path, `None` without a success."""
        answer = self.known.get(path, Answer(NONE))
        return answer.body if answer.status == 200 else None

    def read(self, path: str, kind: type[_M]) -> _M | None:
        """What came for a path, typed; `None` without a success. Raises `RexrankError` for another form."""
        body = self.body(path)
        return None if body is None else read_body(body, kind, path)

    def status(self, path: str) -> int:
        """The status of a path, 0 for one that was not asked."""
        return self.known.get(path, Answer(NONE)).status

    def refused(self, code: str, what: str, path: str, look: str) -> Finding:
        """The finding on a question that the token may not ask."""
        status = self.status(path)
        found = f"GitHub answers {status}" if status else "it was not asked"
        return unsettled(code, what, f"{found}: this token may not read it", look)
