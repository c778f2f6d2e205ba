"""Work on several items, some of which may fail: the rest is still done, and exit code 3 says so."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from evaluator.core.problems import ExitCode, RexrankError

_T = TypeVar("_T")


def each(items: Sequence[_T], work: Callable[[_T], ExitCode]) -> ExitCode:
    """`DONE` if `work` succeeded for every item, `PARTIAL` if it failed for some.

    Failures are reported on standard error. Raises the first `RexrankError` if nothing was done.
    """
    statuses: list[ExitCode] = []
    failures: list[RexrankError] = []
    for item in items:
        try:
            statuses.append(work(item))
        except RexrankError as error:
            failures.append(error)
    if failures and not statuses:
        first, *failures = failures
        _print(failures)
        raise first
    _print(failures)
    return ExitCode.PARTIAL if failures else max(statuses, default=ExitCode.DONE)


def _print(failures: Sequence[RexrankError]) -> None:
    for failure in failures:
        print(f"rexrank: {failure}", file=sys.stderr)
