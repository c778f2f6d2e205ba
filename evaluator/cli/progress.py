"""Progress on standard error: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from evaluator.cli.output import is_quiet
from evaluator.core.types import ProgressCallback

QUIET_SECONDS: Final = 10.0
"""Off a terminal, at most one line in this many seconds for one task."""


@contextmanager
def progress() -> Iterator[ProgressCallback]:
    """A callback (what, done, total) that shows the progress of long work."""
    if is_quiet():
        yield lambda what, done, total: None  # noqa: ARG005 - the callback's own names
        return
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, tuple[TaskID, float]] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                number = bars.add_task(what, total=total, rate="")
                tasks[what] = (number, time.monotonic())
            number, start = tasks[what]
            bars.update(number, completed=done, total=total, rate=_rate(done, start))

        yield show


def _lines() -> ProgressCallback:
    times: dict[str, tuple[float, float]] = {}

    def show(what: str, done: int, total: int) -> None:
        now = time.monotonic()
        start, last = times.setdefault(what, (now, now))
        if now - last < QUIET_SECONDS and not (done >= total and now - start >= QUIET_SECONDS):
            if done >= total:
                times.pop(what)
            return
        times[what] = (start, now)
        rest = (now - start) / done * (total - done) if done else None
        eta = f", about {rest:.0f} s left" if rest else ""
        print(f"{what}: {done}/{total}{_rate(done, start)}{eta}", file=sys.stderr, flush=True)
        if done >= total:
            times.pop(what)

    return show


def _rate(done: int, started: float) -> str:
    elapsed = time.monotonic() - started
    return f" {done / elapsed:.1f}/s" if done and elapsed > 0.05 else ""
