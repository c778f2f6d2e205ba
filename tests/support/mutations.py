"""A JSON document damaged in one place: every field removed, given another type or size, or an unknown one added."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1,
    0.5,
    2_000_000_000,
    "",
    "x",
    "x\n",
    "X" * 5_000,
    [],
    {},
    ["x"],
)
"""Replacements for a value."""


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every value of a document, its own first; of a list only the first entry's."""
    yield path
    if isinstance(value, dict):
        for key in sorted(value):
            yield from places(value[key], (*path, key))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*path, 0))


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    """The value at a path."""
    for part in path:
        value = value[part]
    return value


def spoilt(document: Any) -> Iterator[tuple[str, Any]]:
    """A name and a document for every way of damaging it, in a fixed order; the undamaged one first."""
    yield "as it is", document
    for path in places(document):
        where = "/".join(map(str, path))
        if isinstance(at(document, path), dict):
            copied = copy.deepcopy(document)
            at(copied, path)["a stranger"] = 1
            yield f"{where}: a stranger", copied
        if not path:
            continue
        if isinstance(path[-1], str):
            copied = copy.deepcopy(document)
            del at(copied, path[:-1])[path[-1]]
            yield f"{where}: gone", copied
        for number, value in enumerate(VALUES):
            copied = copy.deepcopy(document)
            at(copied, path[:-1])[path[-1]] = value
            yield f"{where}: {number}", copied
