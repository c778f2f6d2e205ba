"""Strict, bounded reading of JSON and YAML that strangers wrote: every problem named, nothing raised.

Python's own parsers accept duplicate keys, NaN tokens, lone surrogates and any depth; each of these
is a problem with a code here. Size is bounded by the caller before a byte is read.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Hashable
from functools import partial
from typing import Any, Final

import yaml

from evaluator.problems import Problems, pointer

MAX_DEPTH: Final = 16
_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Unusable:
    """What a parser returns for a text that has no usable value; the problem has been named."""


UNUSABLE: Final = Unusable()


class _DuplicateKeys(dict[str, Any]):
    """An object whose text held a key more than once."""

    repeated: tuple[str, ...] = ()


def decode(file: str, data: bytes, problems: Problems) -> str | None:
    """The text of a UTF-8 file without a byte order mark, or `None` after naming the problem (RX106)."""
    if data.startswith(b"\xef\xbb\xbf"):
        problems.add(
            "RX106",
            file,
            line=1,
            found="the file starts with a byte order mark",
            wanted="UTF-8 without a byte order mark",
            fix='save it as plain UTF-8 (in Python: open(path, "w", encoding="utf-8"))',
        )
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        problems.add(
            "RX106",
            file,
            line=data.count(b"\n", 0, error.start) + 1,
            found=f"byte 0x{data[error.start]:02x} at position {error.start} is not UTF-8",
            wanted="UTF-8 text",
            fix='save it as UTF-8 (in Python: open(path, "w", encoding="utf-8"))',
        )
        return None


def line_of(text: str, key: str, occurrence: int = 1) -> int | None:
    r"""The line (from 1) of the n-th place where `key` stands as an object key, or `None`.

    >>> line_of('{"a": 1,\n"b": 2}', "b")
    2
    """
    spellings = {json.dumps(key), json.dumps(key, ensure_ascii=False)}
    if _SURROGATE.search(key):
        spellings = {json.dumps(key)}
    pattern = "(?:" + "|".join(map(re.escape, sorted(spellings))) + r")\s*:"
    for number, match in enumerate(re.finditer(pattern, text), start=1):
        if number == occurrence:
            return text.count("\n", 0, match.start()) + 1
    return None


def parse_json(file: str, text: str, problems: Problems) -> Any:
    """The value of a JSON text, or `UNUSABLE` after naming why it cannot be used (RX201–RX205).

    A value with duplicate keys, NaN tokens or lone surrogates is returned as far as it can be, so
    that the other checks still run.
    """
    if not _depth_ok(file, text, problems):
        return UNUSABLE
    constants: list[str] = []

    def constant(name: str) -> None:
        constants.append(name)

    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=constant)
    except json.JSONDecodeError as error:
        problems.add(
            "RX201",
            file,
            line=error.lineno,
            found=f"not JSON: {error.msg.lower()} at line {error.lineno}, column {error.colno}",
            wanted="one JSON object",
            fix="write the file with a JSON library instead of by hand (rexrank convert does)",
        )
        return UNUSABLE
    except (ValueError, RecursionError) as error:
        problems.add(
            "RX201",
            file,
            found=f"not usable JSON: {error}",
            wanted="one JSON object of strings",
            fix="write the file with a JSON library and put no numbers in it",
        )
        return UNUSABLE
    _report_constants(file, text, constants, problems)
    _report_duplicates(file, text, value, problems)
    _report_surrogates(file, text, value, problems)
    return value


def _depth_ok(file: str, text: str, problems: Problems) -> bool:
    depth = 0
    for match in _TOKEN.finditer(text):
        mark = match.group()
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                line = text.count("\n", 0, match.start()) + 1
                problems.add(
                    "RX204",
                    file,
                    line=line,
                    found=f"nested more than {MAX_DEPTH} levels deep at line {line}",
                    wanted='two levels: {"<study id>": {"findings": "…"}}',
                    fix="flatten the file; rexrank convert writes the right form",
                )
                return False
        elif mark in "]}":
            depth -= 1
    return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    marked = _DuplicateKeys(value)
    marked.repeated = tuple(k for k, n in Counter(k for k, _ in pairs).items() if n > 1)
    return marked


def _report_constants(file: str, text: str, constants: list[str], problems: Problems) -> None:
    for name in dict.fromkeys(constants):
        match = re.search(rf"[:\[,\s]{re.escape(name)}\s*[,\]}}]", text)
        problems.add(
            "RX203",
            file,
            line=text.count("\n", 0, match.start() + 1) + 1 if match else None,
            found=f"the token {name}, {constants.count(name)} times; it is not JSON",
            wanted="a string for every report",
            fix='write an empty string ("") where the model gave nothing',
        )


def _report_duplicates(file: str, text: str, value: Any, problems: Problems) -> None:
    places: list[tuple[tuple[str, ...], Any]] = [((), value)]
    places += [((k,), v) for k, v in value.items()] if isinstance(value, dict) else []
    for path, item in places:
        for key in getattr(item, "repeated", ()):
            problems.add(
                "RX202",
                file,
                pointer=pointer(*path, key),
                line=partial(line_of, text, key, 2) if not path else partial(line_of, text, str(path[0])),
                found=f"the key {key!r} stands more than once in one object",
                wanted="every key once",
                fix="remove the copies; a JSON reader would silently keep the last",
            )


def _report_surrogates(file: str, text: str, value: Any, problems: Problems) -> None:
    if not re.search(r"\\u[dD][89a-fA-F]", text) or not isinstance(value, dict):
        return
    for key, item in value.items():
        fields = item.items() if isinstance(item, dict) else [("", item)]
        for name, content in [("", key), *fields]:
            if isinstance(content, str) and _SURROGATE.search(content):
                problems.add(
                    "RX205",
                    file,
                    pointer=pointer(key, name) if name else pointer(key),
                    line=partial(line_of, text, key),
                    found="a lone surrogate (half of a character, such as \\ud83d)",
                    wanted="whole Unicode characters",
                    fix="encode the text anew from the model's output",
                )


class _Loader(yaml.SafeLoader):
    """YAML without aliases, duplicate keys or dates."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                "an alias (*name)", event.start_mark, "aliases are not allowed", event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(None, None, f"the key {key!r} is no text", key_node.start_mark)
            if key in seen:
                raise yaml.MarkedYAMLError(None, None, f"the key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(file: str, text: str, problems: Problems) -> Any:
    """The value of a YAML text, or `UNUSABLE` after naming why it cannot be used (RX501)."""
    try:
        _check_yaml_depth(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error)
        problems.add(
            "RX501",
            file,
            line=mark.line + 1 if mark else None,
            found=f"not usable YAML: {what}",
            wanted="plain YAML: keys and values, no anchors, aliases, tags or repeated keys",
            fix="start again from the template: rexrank new TEAM MODEL",
        )
        return UNUSABLE


def _check_yaml_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise yaml.YAMLError(f"nested more than {MAX_DEPTH} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
