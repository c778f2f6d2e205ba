"""Values that the shared macros of the templates show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """Words with a link; without an address, only words."""

    label: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Number:
    """A number as shown, its interval and remarks, and the plain value that tables sort by; empty if unknown.

    `mark`: `best`, `second` or nothing; `heat`: a level from 0 (worst) to 4 (best), or nothing.
    """

    value: str = ""
    low: str = ""
    high: str = ""
    notes: tuple[str, ...] = ()
    sort: str = ""
    mark: str = ""
    heat: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """An interval across a cell in percent of its width, with a line at the best baseline if there is one."""

    title: str
    low: str
    mean: str
    high: str
    null: str | None = None
    filled: bool = True


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value."""

    name: str
    value: str
