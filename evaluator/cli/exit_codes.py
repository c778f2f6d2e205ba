"""Work on several things, of which some may fail: the rest is done all the same, and exit code 3 says so."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from evaluator.core.problems import ExitCode, RexrankError

_T = TypeVar("_T")


def each(items: Sequence[_T], work: Callable[[_T], ExitCode]) -> ExitCode:
    """`DONE` when `work` was done for every item, `PARTIAL` when it was not for some.

    What fails is named on standard error. Raises the first `RexrankError` where nothing was done.
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
