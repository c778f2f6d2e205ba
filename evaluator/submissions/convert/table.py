"""The output of every reader of prediction files: a table of rows with their places, whatever the format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from evaluator.core.problems import InputError, visible

KEY: Final = "(key)"
"""The column of an object's own keys."""
VALUE: Final = "(value)"
"""The column of an object's values, if they are not objects themselves."""
SHOWN: Final = 5
"""Ids and columns that a sentence lists; the rest are counted."""


class Missing(Enum):
    """A field that a row does not have at all, unlike an empty one."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


class Refused(InputError):
    """A source that is not converted: one sentence for each problem, with its place and fix."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n  ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its place in words, and one value for each column of its table."""

    where: str
    cells: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns (names may come twice), and how they were read, in words."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    how: str
    notes: tuple[str, ...] = ()

    def column(self, index: int) -> Iterator[Any]:
        """The values of one column, in the order of the rows."""
        return (row.cells[index] for row in self.rows)

    @property
    def listing(self) -> str:
        """The names of the columns, the first few of many, and notes from reading the file."""
        return "; ".join([listed(self.columns, 20), *self.notes])

    def named(self, index: int) -> str:
        """A column's name as shown in messages; the keys and values of an object have no name of their own."""
        name = self.columns[index]
        words = {KEY: "the keys of the object", VALUE: "the values of the object"}
        return words.get(name, f"column '{visible(name)}'")


def names(words: str) -> frozenset[str]:
    """The words of a text, as a set of names."""
    return frozenset(words.split())


def listed(names: list[str] | tuple[str, ...], limit: int = SHOWN) -> str:
    """Names in quotes, printable, the first few of many.

    >>> listed(["a", "b"], 1)
    "'a', …"
    """
    return ", ".join(f"'{visible(n)}'" for n in names[:limit]) + (", …" if len(names) > limit else "")


def first_ids(ids: list[str] | tuple[str, ...]) -> str:
    """The first few ids, printable, for a sentence that has counted them."""
    return visible(", ".join(ids[:SHOWN]), 200)
