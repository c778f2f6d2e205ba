"""Files that a host writes, read into typed models: everything wrong with one is named at once.

YAML, TOML or JSON by the file's ending. Size, encoding and syntax are checked before any value is built; an
invalid file raises `InvalidFile`, whose text is the list of problems.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections import Counter
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import IO, Any, Final, Literal, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from evaluator.core.counts import count_text
from evaluator.core.plain_yaml import MAX_DEPTH, StrictLoader
from evaluator.core.problems import InputError, Problems, pointer
from evaluator.core.typed import DISAGREE, FIELD, add_violations

UNREADABLE: Final = "RX601"
SYNTAX: Final = "RX602"
HOST_RULES: Final[Mapping[str, tuple[str, str]]] = {
    UNREADABLE: (
        "Unreadable file",
        "The file is missing, too large, or not UTF-8 without a byte order mark.",
    ),
    SYNTAX: (
        "Syntax",
        "The file is not plain YAML, TOML or JSON (no repeated keys, NaN, anchors, aliases or tags).",
    ),
    FIELD: (
        "Field",
        "A field is missing, unknown or has the wrong type. Values are never converted between types.",
    ),
    DISAGREE: ("Inconsistent fields", "Each field is valid, but they contradict each other."),
}
"""Title and explanation of each code that a host's file can have."""
MAX_BYTES: Final = 64_000
_NOTHING: Final = object()
"""Stands for the value of an unusable text; its problem has been reported."""
Form = Literal["YAML", "TOML", "JSON"]
_FORMS: Final[Mapping[str, Form]] = {"yaml": "YAML", "yml": "YAML", "toml": "TOML"}
Openable = Path | Traversable
"""A path, or a resource of a package."""
_M = TypeVar("_M", bound=BaseModel)


class InvalidFile(InputError):
    """A file that the host maintains is invalid; the message lists every problem."""

    def __init__(self, file: str, problems: Problems) -> None:
        n = problems.n_errors
        lines = [f"{file} cannot be used: {count_text(n, 'problem')}."]
        for p in problems:
            place = " ".join(x for x in (p.code, p.pointer, f"line {p.line}" if p.line else "") if x)
            lines += [
                f"  {place}",
                f"    found   {p.found}",
                f"    wanted  {p.wanted}",
                f"    fix     {p.fix}",
            ]
        more = sum(problems.suppressed.values())
        lines += [f"  … and {more:,} more"] if more else []
        super().__init__("\n".join(lines))
        self.file = file
        self.problems = problems


def read_host_file(
    path: Openable,
    model: type[_M],
    *,
    name: str | None = None,
    known: Mapping[str, str] | None = None,
    fixes: Mapping[str, str] | None = None,
    limit: int = MAX_BYTES,
    form: Form | None = None,
) -> _M:
    """The model that the file contains. Raises `InvalidFile` with every problem of it.

    `name`: the file's name in messages. `known`: fields whose values come from elsewhere and need not be in
    the file. `fixes`: see `add_violations`. `limit`: bytes. `form`: by the name's ending unless given.
    """
    file = name or str(path)
    problems = Problems()
    text = _text(path, file, limit, problems)
    kind = form or _FORMS.get(file.rpartition(".")[2], "JSON")
    value = _value(file, text, kind, problems) if text is not None else _NOTHING
    if isinstance(value, dict):
        for key in value.keys() & (known or {}).keys():
            found, fix = f"unknown field {key!r}: the file's location says it", "remove it"
            problems.add(FIELD, file, pointer=pointer(key), found=found, wanted="the other fields", fix=fix)
        value = {**value, **(known or {})}
    result = _validated(model, file, value, problems, fixes) if value is not _NOTHING else None
    if result is None or not problems.ok:
        raise InvalidFile(file, problems)
    return result


def _validated(
    model: type[_M], file: str, value: Any, problems: Problems, fixes: Mapping[str, str] | None
) -> _M | None:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        add_violations(error, file, problems, model, fixes=fixes)
        return None


def _opened(path: Openable) -> IO[bytes]:
    """The open file; a pipe without a writer reads as empty instead of blocking."""

    def at_once(name: str, flags: int) -> int:
        descriptor = os.open(name, flags | os.O_NONBLOCK)
        os.set_blocking(descriptor, True)
        return descriptor

    return open(path, "rb", opener=at_once) if isinstance(path, Path) else path.open("rb")


def _text(path: Openable, file: str, limit: int, problems: Problems) -> str | None:
    """The text of a file, or `None` after naming the problem (RX601)."""
    try:
        with _opened(path) as source:
            data = source.read(limit + 1)
    except OSError as error:
        found = f"cannot be read: {error.strerror or error}"
        problems.add(UNREADABLE, file, found=found, wanted="a readable file", fix="write it, or name another")
        return None
    if len(data) > limit:
        found, fix = f"more than {limit:,} bytes", "remove everything else"
        problems.add(UNREADABLE, file, found=found, wanted=f"at most {limit:,} bytes", fix=fix)
        return None
    if data.startswith(b"\xef\xbb\xbf"):
        found, wanted = "the file starts with a byte order mark", "UTF-8 without a byte order mark"
        problems.add(UNREADABLE, file, line=1, found=found, wanted=wanted, fix="save it as plain UTF-8")
        data = data[3:]
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02x} at position {error.start} is not UTF-8"
        problems.add(UNREADABLE, file, line=line, found=found, wanted="UTF-8 text", fix="save it as UTF-8")
        return None


def _value(file: str, text: str, kind: Form, problems: Problems) -> Any:
    """The value of a text, after naming what is wrong with its syntax (RX602)."""
    if not text.strip():
        problems.add(SYNTAX, file, found="an empty file", wanted="fields with values", fix="fill it in")
        return _NOTHING
    parse = {"YAML": _yaml, "TOML": _toml, "JSON": _json}[kind]
    try:
        value = parse(file, text, problems)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else getattr(error, "lineno", None)
        what = getattr(error, "problem", None) or getattr(error, "msg", None) or str(error)
        fix = "indent with spaces" if "\\t" in what else "fix the location named"
        wanted = f"plain {kind}: each key once, no anchors, aliases or tags" if kind == "YAML" else kind
        problems.add(SYNTAX, file, line=line, found=f"not usable {kind}: {what}", wanted=wanted, fix=fix)
        return _NOTHING
    if _too_deep(value):
        found, wanted = f"nested more than {MAX_DEPTH} levels deep", "a few levels"
        problems.add(SYNTAX, file, found=found, wanted=wanted, fix="flatten it")
        return _NOTHING
    return value


def _yaml(_file: str, text: str, _problems: Problems) -> Any:
    return yaml.load(text, Loader=StrictLoader)  # noqa: S506 - it builds plain values alone


def _toml(_file: str, text: str, _problems: Problems) -> Any:
    return tomllib.loads(text)


def _json(file: str, text: str, problems: Problems) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for key, n in Counter(k for k, _ in pairs).items():
            if n > 1:
                found = f"the key {key!r} appears {n} times in one object"
                problems.add(SYNTAX, file, found=found, wanted="each key once", fix="remove the duplicates")
        return dict(pairs)

    def constant(token: str) -> None:
        found = f"the token {token}; it is not JSON"
        problems.add(SYNTAX, file, found=found, wanted="finite numbers", fix="write a number")

    return json.loads(text, object_pairs_hook=unique, parse_constant=constant)


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            v for x in level if isinstance(x, dict | list) for v in (x.values() if isinstance(x, dict) else x)
        ]
    return any(isinstance(x, dict | list) for x in level)
