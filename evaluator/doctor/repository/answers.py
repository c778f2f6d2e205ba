"""What GitHub answered, path by path, as far as the token may ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from evaluator.doctor.findings import Finding, unsettled

NONE: Final = 0


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

    def status(self, path: str) -> int:
        """The status of a path, 0 for one that was not asked."""
        return self.known.get(path, Answer(NONE)).status

    def refused(self, code: str, what: str, path: str, look: str) -> Finding:
        """The finding on a question that the token may not ask."""
        status = self.status(path)
        found = f"GitHub answers {status}" if status else "it was not asked"
        return unsettled(code, what, f"{found}: this token may not read it", look)
