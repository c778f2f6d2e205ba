"""What is wrong, where, and how to fix it: the one vocabulary of every check and command.

A check never raises for bad input and never prints: it adds to a `Problems` collector, which keeps
everything, so that one pass shows a submitter everything to fix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import IntEnum, StrEnum
from typing import Any, ClassVar, Final

MAX_TEXT: Final = 300
"""Longest `found`, `wanted` or `fix` that leaves the program, in characters."""

MAX_PROBLEMS_PER_CODE_AND_FILE: Final = 20
"""Problems of one code shown for one file; the rest are counted (`Problems.suppressed`)."""


class ExitCode(IntEnum):
    """The meaning of a command's exit status; the same for every command.

    `PARTIAL`: some of what was asked for was done, and the output names what was not.
    """

    DONE = 0
    INPUT = 1
    FAILURE = 2
    PARTIAL = 3


class RexrankError(Exception):
    """An internal or machine failure, unless it is an `InputError`: one sentence that includes the fix.

    Commands print the message without a traceback and exit with `exit_code`.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.FAILURE


class InputError(RexrankError):
    """The user's mistake: a name, option, file or request that cannot be used; the command exits 1."""

    exit_code = ExitCode.INPUT


class Severity(StrEnum):
    """How bad a problem is: an `error` refuses the submission, a `warning` does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of one rule.

    `code` is stable (`RX104`) and has an anchor in the documentation; `file` is relative to the
    repository or submission root; `pointer` is an RFC 6901 JSON pointer or empty; `line` counts
    from 1 or is `None` when unknown. `found`, `wanted` and `fix` are plain text, lower-case fact
    first; hostile characters are made visible by `visible` before they get here.
    """

    code: str
    file: str
    found: str
    wanted: str
    fix: str
    pointer: str = ""
    line: int | None = None
    severity: Severity = Severity.ERROR

    def to_dict(self) -> dict[str, Any]:
        """The problem as plain JSON values, in a fixed order of keys."""
        return asdict(self) | {"severity": str(self.severity)}


def visible(text: object, limit: int = 80) -> str:
    r"""`text` made safe to print: controls, surrogates and odd spaces as `\uXXXX`, cut at `limit`.

    >>> visible('a\u202eb\n')
    'a\\u202eb\\u000a'
    """
    raw = str(text)
    excerpt = raw if len(raw) <= limit else raw[: limit - 1] + "…"
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in excerpt)


def first_line(error: BaseException, limit: int = 160) -> str:
    r"""The message of another library's error, as one printable line.

    >>> first_line(ValueError("no such token\nin line 3"))
    'no such token'
    """
    lines = str(error).strip().splitlines()
    return visible(lines[0], limit).rstrip(".:") if lines else "no reason given"


def pointer(*parts: str | int) -> str:
    """RFC 6901 JSON pointer of the given path.

    >>> pointer("a/b", 0, "m~n")
    '/a~1b/0/m~0n'
    """
    return "".join("/" + str(p).replace("~", "~0").replace("/", "~1") for p in parts)


class Problems:
    """An ordered collector of problems that keeps memory bounded and counts what it leaves out."""

    def __init__(self) -> None:
        self._items: list[Problem] = []
        self._counts: dict[tuple[str, str], int] = {}
        self._errors = 0

    def add(
        self,
        code: str,
        file: str,
        *,
        found: str,
        wanted: str,
        fix: str,
        pointer: str = "",
        line: int | Callable[[], int | None] | None = None,
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Nothing; keeps one problem, its text fields made printable and cut to `MAX_TEXT`.

        `line` may be a function, which is called only for a problem that is listed.
        """
        self._count(code, file, 1)
        self._errors += severity is Severity.ERROR
        if self._counts[code, file] > MAX_PROBLEMS_PER_CODE_AND_FILE:
            return
        self._items.append(
            Problem(
                code=code,
                file=visible(file, MAX_TEXT),
                found=visible(found, MAX_TEXT),
                wanted=visible(wanted, MAX_TEXT),
                fix=visible(fix, MAX_TEXT),
                pointer=visible(pointer, MAX_TEXT),
                line=line() if callable(line) else line,
                severity=severity,
            )
        )

    def extend(self, other: Problems) -> None:
        """Nothing; keeps another collector's problems too, and counts those that it only counts."""
        for problem in other:
            self._count(problem.code, problem.file, 1)
            if self._counts[problem.code, problem.file] <= MAX_PROBLEMS_PER_CODE_AND_FILE:
                self._items.append(problem)
        for (code, file), n in other.suppressed.items():
            self._count(code, file, n)
        self._errors += other.n_errors

    def _count(self, code: str, file: str, n: int) -> None:
        self._counts[code, file] = self._counts.get((code, file), 0) + n

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    @property
    def ok(self) -> bool:
        """Whether there are no errors (warnings are allowed)."""
        return self._errors == 0

    @property
    def n_errors(self) -> int:
        """Number of errors, including those not listed."""
        return self._errors

    @property
    def n_warnings(self) -> int:
        """Number of warnings, including those not listed."""
        return sum(self._counts.values()) - self._errors

    @property
    def suppressed(self) -> dict[tuple[str, str], int]:
        """How many problems of each (code, file) were found but not listed."""
        return {
            k: n - MAX_PROBLEMS_PER_CODE_AND_FILE
            for k, n in self._counts.items()
            if n > MAX_PROBLEMS_PER_CODE_AND_FILE
        }


class MetricUnavailable(Exception):
    """The metric cannot run here (weights, package or judge absent): the message says how to fix it."""
