"""Strict, bounded reading of untrusted JSON and YAML: every problem reported, nothing raised.

Python's own parsers accept duplicate keys, NaN tokens, lone surrogates and any depth; each of these
is a problem with a code here. Size is bounded by the caller before a byte is read.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Any, Final

import yaml

from evaluator.core.plain_yaml import MAX_DEPTH, MAX_NUMBER, PlainLoader
from evaluator.core.problems import Problems, pointer

MAX_TOKENS: Final = 1_000_000
"""Strings and brackets of a JSON text; 10,000 studies take 70,000. A larger value would fill the memory."""
_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Unusable:
    """What a parser returns for a text without a usable value; the problem has been reported."""


UNUSABLE: Final = Unusable()


class _DuplicateKeys(dict[str, Any]):
    """An object with a repeated key."""

    repeated: tuple[str, ...] = ()


def decode(file: str, data: bytes, problems: Problems) -> str | None:
    """The text of a UTF-8 file, or `None` after reporting the problem (RX106).

    A byte order mark is reported and skipped, so that the rest is still checked.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        problems.add(
            "RX106",
            file,
            line=1,
            found="the file starts with a byte order mark",
            wanted="UTF-8 without a byte order mark",
            fix='save it as plain UTF-8 (in Python: open(path, "w", encoding="utf-8"))',
        )
        data = data[3:]
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
    r"""The line (from 1) of the n-th occurrence of `key` as an object key, or `None`.

    >>> line_of('{"a": 1,\n"b": 2}', "b")
    2
    """
    spellings = {json.dumps(key), json.dumps(key, ensure_ascii=False)}
    if _SURROGATE.search(key):
        spellings = {json.dumps(key)}
    pattern = r"(?<!\\)(?:" + "|".join(map(re.escape, sorted(spellings))) + r")\s*:"
    for number, match in enumerate(re.finditer(pattern, text), start=1):
        if number == occurrence:
            return text.count("\n", 0, match.start()) + 1
    return None


def parse_json(file: str, text: str, problems: Problems) -> Any:
    """The value of a JSON text, or `UNUSABLE` after reporting why it cannot be used (RX201–RX205, RX212).

    A value with duplicate keys, NaN tokens or lone surrogates is returned as far as it can be, so
    that the other checks still run.
    """
    if not _size_ok(file, text, problems):
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
            found=f"not JSON: {error.msg.lower().removesuffix(' at')} at line {error.lineno}, column {error.colno}",
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


def _size_ok(file: str, text: str, problems: Problems) -> bool:
    """Whether the text may be parsed: depth (RX204) and size (RX212) are checked before parsing starts."""
    depth = 0
    for count, match in enumerate(_TOKEN.finditer(text), start=1):
        if count > MAX_TOKENS:
            problems.add(
                "RX212",
                file,
                found=f"more than {MAX_TOKENS:,} strings and brackets",
                wanted="at most 100,000 studies",
                fix="keep only the studies of the dataset",
            )
            return False
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
    result = _DuplicateKeys(value)
    result.repeated = tuple(k for k, n in Counter(k for k, _ in pairs).items() if n > 1)
    return result


def _report_constants(file: str, text: str, constants: list[str], problems: Problems) -> None:
    for name in dict.fromkeys(constants):
        match = re.search(rf"[:\[,\s]{re.escape(name)}\s*[,\]}}]", text)
        problems.add(
            "RX203",
            file,
            line=text.count("\n", 0, match.start() + 1) + 1 if match else None,
            found=f"the token {name}, {constants.count(name)} times; it is not JSON",
            wanted="a string for every report",
            fix='write an empty string ("") where the model produced nothing',
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
                found=f"the key {key!r} appears more than once in one object",
                wanted="each key once",
                fix="remove the duplicates; a JSON reader would silently keep the last",
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
                    fix="re-encode the text from the model's output",
                )


class _Loader(PlainLoader):
    """YAML of a card."""


def _number(loader: _Loader, node: yaml.ScalarNode) -> float:
    """A number of bounded length; 2026.0 stays a float and is not an integer for a card."""
    if len(node.value) > MAX_NUMBER:
        raise yaml.MarkedYAMLError(None, None, "a number with too many digits", node.start_mark)
    if node.tag.endswith(":int"):
        return int(loader.construct_yaml_int(node))
    value = float(loader.construct_yaml_float(node))
    if not math.isfinite(value):
        raise yaml.MarkedYAMLError(None, None, f"{node.value} is not a number", node.start_mark)
    return value


_Loader.add_constructor("tag:yaml.org,2002:int", _number)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)


def parse_yaml(file: str, text: str, problems: Problems) -> Any:
    """The value of a YAML text, or `UNUSABLE` after reporting why it cannot be used (RX501)."""
    try:
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
            fix="fix the reported location, or start again from the template: rexrank new TEAM MODEL",
        )
        return UNUSABLE


def yaml_line_of(text: str, path: Iterable[str | int]) -> int | None:
    r"""The line (from 1) where the value at `path` starts in a YAML text that `parse_yaml` accepted.

    A path that does not exist gives the line of its last existing part; an empty one gives `None`.

    >>> yaml_line_of("a: 1\nb:\n  c: [x,\n    y]\n", ("b", "c", 1))
    4
    """
    node = _composed(text)
    line = None
    for part in path:
        if isinstance(node, yaml.MappingNode):
            entries = {key.value: (key, value) for key, value in node.value}
            if part not in entries:
                break
            mark, node = entries[part][0].start_mark, entries[part][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            mark = node.start_mark
        else:
            break
        line = mark.line + 1
    return line


@lru_cache(maxsize=2)
def _composed(text: str) -> Any:
    return yaml.compose(text, Loader=_Loader)
