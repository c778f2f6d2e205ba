"""SIGTERM and Ctrl-C: they end a command at once, but never between files that belong together."""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final

SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")


class Stopped(SystemExit):
    """The command was asked to stop; its exit code is 128 + the number of the signal.

    A `SystemExit`, so that no library mistakes it for an ordinary failure and carries on.
    """

    def __init__(self, number: int) -> None:
        self.reason = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        super().__init__(128 + number)


@dataclass
class _State:
    """`depth`: open `unbroken` blocks; `waiting`: a signal received inside one.

    `stopped`: whether one was raised.
    """

    depth: int = 0
    waiting: int | None = None
    stopped: bool = False


_STATE: Final = _State()


def stop_on_signals() -> None:
    """Makes a signal raise `Stopped` in the main thread, and a second one end the process at once.

    A signal that the parent process had us ignore (`nohup`) stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _on_signal)


def ignore_signals_at_exit() -> None:
    """Has a signal change nothing once Python shuts down: the command has said how it ended.

    Python takes the handlers away on its way out; a signal would then end the process in silence, with another code.
    """
    atexit.register(_ignore_signals)


def _ignore_signals() -> None:
    for name in SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    if _STATE.depth:
        _STATE.waiting = number
    elif _STATE.stopped:
        os._exit(128 + number)
    else:
        _STATE.stopped = True
        raise Stopped(number)


@contextmanager
def unbroken() -> Iterator[None]:
    """A block that defers signals until it ends, so that what belongs together is written together.

    Raises `Stopped` at its end if a signal arrived meanwhile.
    """
    _STATE.depth += 1
    try:
        yield
    finally:
        _STATE.depth -= 1
    if not _STATE.depth and _STATE.waiting is not None:
        _STATE.stopped = True
        raise Stopped(_STATE.waiting)
