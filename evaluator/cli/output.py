"""How a command prints: its words, JSON for programs, or, for the quiet, what it was asked for and what went wrong.

One command runs in a process; what it prints is caught here where JSON is asked for, and written by `finish`.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO

from pydantic import JsonValue

from evaluator.core.console import print_data
from evaluator.core.files import dump_json


@dataclass(slots=True)
class _Output:
    """What the running command prints, and how."""

    quiet: bool = False
    real: TextIO | None = None
    caught: io.StringIO = field(default_factory=io.StringIO)
    result: JsonValue = None
    errors: list[str] = field(default_factory=list)


_output = _Output()


def begin() -> None:
    """Forgets what an earlier command of this process asked for."""
    global _output  # noqa: PLW0603 - one command runs at a time
    _output = _Output()


def ask_for_json() -> None:
    """From now on standard output is caught, to be part of one JSON object at the end."""
    if _output.real is None:
        _output.real, sys.stdout = sys.stdout, _output.caught


def ask_for_quiet(*, speaks: bool) -> None:
    """No progress; and no words unless the command `speaks`, or fails: what it prints is what it was asked for."""
    _output.quiet = True
    if not speaks and _output.real is None:
        _output.real, sys.stdout = sys.stdout, _output.caught


def is_quiet() -> bool:
    """Whether progress and words are not wanted."""
    return _output.quiet


def result(value: JsonValue) -> None:
    """Keeps what the command found or made, as `result` of its JSON."""
    _output.result = value


def add_results(values: Sequence[JsonValue]) -> None:
    """Keeps further things that the command made, behind those it made before."""
    earlier = _output.result if isinstance(_output.result, list) else []
    _output.result = [*earlier, *values]


def note(message: str) -> None:
    """Keeps what went wrong for the JSON."""
    _output.errors.append(message)


def error(message: str) -> None:
    """Prints what went wrong on standard error, and keeps it for the JSON."""
    note(message)
    print(message, file=sys.stderr)


def finish(command: str, code: int, *, json: bool) -> None:
    """Writes what was caught: as JSON, or, of a quiet command that failed, to standard error."""
    if _output.real is None:
        return
    sys.stdout, _output.real = _output.real, None
    words = _output.caught.getvalue()
    if json:
        lines: list[JsonValue] = list(words.splitlines())
        value: JsonValue = {
            "schema": "rexrank/command/v1",
            "command": command,
            "exit_code": code,
            "result": _output.result,
            "output": lines,
            "errors": list(_output.errors),
        }
        print_data(dump_json(value))
    elif code:
        sys.stderr.write(words)
