"""Files from one job of a run to the next, of a bounded size and a form that both hold to.

The environment of a process holds little more than a hundred kilobytes a value; a comment in another alphabet,
or the scores of eight boards, is more.
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

MAX_TOLD_BYTES: Final = 8_000_000
MAX_RESULT_BYTES: Final = 2_000_000
MAX_PULLS: Final = 50
TOLD: Final = "told.json"
RESULT: Final = "result.json"


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of one pull request at one commit: the status (`state` empty for none) and the comment (empty for none)."""

    number: int
    sha: str
    state: str
    words: str
    comment: str = ""


def write_told(folder: Path, told: Sequence[Told]) -> None:
    """Writes what is said of at most `MAX_PULLS` pull requests; raises `RexrankError` for what breaks the schema."""
    text = json.dumps({"schema": "rexrank/told/v1", "pulls": [asdict(t) for t in told]}, ensure_ascii=False)
    _checked(json.loads(text), "told-v1")
    write_text(folder / TOLD, text)


def read_told(folder: Path) -> list[Told]:
    """What another job wrote; raises `RexrankError` for anything that is too large or of another form."""
    return [Told(**pull) for pull in _checked(read_json(folder / TOLD, MAX_TOLD_BYTES), "told-v1")["pulls"]]


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
