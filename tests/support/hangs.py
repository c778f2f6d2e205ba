"""When a test takes a process to hang. No test is to be this slow: the limit only keeps a gate from waiting for ever."""

from __future__ import annotations

from typing import Final

HANG: Final = 900
"""Seconds; below the limit of a whole test in `pyproject.toml`, which cannot say what hung."""
