"""Files that one job of a run passes to the next: bounded in size, and checked against a schema by both jobs.

They are files because an environment variable is limited to little more than a hundred kilobytes, and a
comment in another alphabet or the scores of eight boards are larger.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from evaluator.core.files import write_text
from evaluator.core.problems import RexrankError

MAX_FEEDBACK_BYTES: Final = 8_000_000
MAX_RESULT_BYTES: Final = 2_000_000
MAX_PULLS: Final = 50
FEEDBACK: Final = "feedback.json"
RESULT: Final = "result.json"


@dataclass(frozen=True, slots=True)
class Feedback:
    """Feedback on one pull request at one commit: its status (`state` is empty for none) and its comment (empty for none)."""

    number: int
    sha: str
    state: str
    description: str
    comment: str = ""


def write_feedback(folder: Path, feedback: Sequence[Feedback]) -> None:
    """Writes the feedback on at most `MAX_PULLS` pull requests; raises `RexrankError` if they violate the schema."""
    text = json.dumps(
        {"schema": "rexrank/feedback/v1", "pulls": [asdict(f) for f in feedback]}, ensure_ascii=False
    )
    _checked(json.loads(text), "feedback-v1")
    write_text(folder / FEEDBACK, text)


def read_feedback(folder: Path) -> list[Feedback]:
    """The feedback from another job; raises `RexrankError` for anything too large or of another form."""
    return [
        Feedback(**pull)
        for pull in _checked(read_json(folder / FEEDBACK, MAX_FEEDBACK_BYTES), "feedback-v1")["pulls"]
    ]


def read_json(path: Path, limit: int) -> Any:
    """The JSON of a regular file of at most `limit` bytes; raises `RexrankError` for any other."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > limit:
            raise RexrankError(f"{path.name} of the previous job is missing, or larger than {limit:,} bytes.")
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise RexrankError(f"{path.name} of the previous job cannot be read. Run the job again.") from error


def _checked(value: Any, schema: str) -> dict[str, Any]:
    from jsonschema import Draft202012Validator

    text = resources.files("evaluator.schemas").joinpath(f"{schema}.schema.json").read_text("utf-8")
    if next(Draft202012Validator(json.loads(text)).iter_errors(value), None) is not None:
        raise RexrankError("what was passed to the next job does not match its schema.")
    fields: dict[str, Any] = value
    return fields
