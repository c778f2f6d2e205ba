"""How much work a call does, counted and not timed, so that a busy machine changes nothing."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any


def calls(function: Callable[[], Any]) -> int:
    """Calls of Python and C functions that `function` makes in this thread."""
    count = 0

    def see(_: FrameType, event: str, __: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def peak(function: Callable[[], Any]) -> int:
    """Bytes that `function` holds at once at most, of what Python allocates."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def grows_in_proportion(work: Callable[[int], int], size: int, slack: int = 2_000) -> bool:
    """Whether twice the size costs at most about twice the work; `slack` is what does not grow."""
    work(size)  # once for what is imported and compiled the first time
    return work(2 * size) <= 2.2 * work(size) + slack
