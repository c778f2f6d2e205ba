"""How a command prints: text, JSON for programs, or, if quiet, only the requested output and errors.

One command runs per process; its output is captured here if JSON is requested, and written by `finish`.
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
    """The output of the running command, and its form."""

    quiet: bool = False
    real: TextIO | None = None
    caught: io.StringIO = field(default_factory=io.StringIO)
    result: JsonValue = None
    errors: list[str] = field(default_factory=list)


_output = _Output()


def begin() -> None:
    """Forgets the settings of an earlier command in this process."""
    global _output  # noqa: PLW0603 - one command runs at a time
    _output = _Output()


def ask_for_json() -> None:
    """From now on, captures standard output, to be part of one JSON object at the end."""
    if _output.real is None:
        _output.real, sys.stdout = sys.stdout, _output.caught


def ask_for_quiet(*, speaks: bool) -> None:
    """Suppresses progress, and other output unless the command fails or `speaks`: its output is its result."""
    _output.quiet = True
    if not speaks and _output.real is None:
        _output.real, sys.stdout = sys.stdout, _output.caught


def is_quiet() -> bool:
    """Whether progress and other messages are suppressed."""
    return _output.quiet


def result(value: JsonValue) -> None:
    """Keeps the command's result, as `result` of its JSON."""
    _output.result = value


def add_results(values: Sequence[JsonValue]) -> None:
    """Adds further results of the command after the earlier ones."""
    earlier = _output.result if isinstance(_output.result, list) else []
    _output.result = [*earlier, *values]


def note(message: str) -> None:
    """Keeps an error for the JSON."""
    _output.errors.append(message)


def error(message: str) -> None:
    """Prints an error on standard error, and keeps it for the JSON."""
    note(message)
    print(message, file=sys.stderr)


def finish(command: str, code: int, *, json: bool) -> None:
    """Writes the captured output: as JSON or, for a quiet command that failed, to standard error."""
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
