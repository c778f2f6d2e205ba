"""YAML as plain data: no repeated keys, anchors, aliases, tags or dates, and bounded depth and numbers."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import Any, Final

import yaml

MAX_DEPTH: Final = 16
MAX_NUMBER: Final = 18
"""Most characters in a number."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_TAG: Final = "tag:yaml.org,2002:"


def _without(*kinds: str) -> dict[Any, list[Any]]:
    """PyYAML's rules for resolving plain scalars, without those that yield one of `kinds`."""
    tags = {_TAG + kind for kind in kinds}
    return {
        first: [(tag, pattern) for tag, pattern in rules if tag not in tags]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class PlainLoader(yaml.SafeLoader):
    """Builds the value of a text; raises `yaml.YAMLError` for whatever is not plain, before anything is built from it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def get_event(self) -> Any:
        """The next event of the parser.

        Raises `yaml.MarkedYAMLError` for depth, anchors, aliases, tags and lone surrogates.
        """
        event = super().get_event()  # type: ignore[no-untyped-call]
        wrong = None
        if isinstance(event, yaml.AliasEvent):
            wrong = "aliases are not allowed"
        elif getattr(event, "anchor", None):
            wrong = "anchors are not allowed"
        elif getattr(event, "tag", None):
            wrong = "tags are not allowed"
        elif isinstance(event, yaml.ScalarEvent) and _SURROGATE.search(event.value):
            wrong = "a lone surrogate"
        elif isinstance(event, yaml.CollectionStartEvent):
            self._depth += 1
            if self._depth > MAX_DEPTH:
                wrong = f"nested more than {MAX_DEPTH} levels deep"
        elif isinstance(event, yaml.CollectionEndEvent):
            self._depth -= 1
        if wrong:
            raise yaml.MarkedYAMLError(None, None, wrong, event.start_mark)
        return event

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        """The mapping of a node.

        Raises `yaml.MarkedYAMLError` for a key that is not text, or is repeated (PyYAML would keep the last
        value).
        """
        keys: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(None, None, f"the key {key!r} is not text", key_node.start_mark)
            if key in keys:
                raise yaml.MarkedYAMLError(None, None, f"the key {key!r} appears twice", key_node.start_mark)
            keys.add(key)
        return super().construct_mapping(node, deep)


PlainLoader.yaml_implicit_resolvers = _without("timestamp")


class StrictLoader(PlainLoader):
    """A `PlainLoader` with YAML 1.2's plain values.

    In YAML 1.1, which PyYAML follows, `yes` and `off` are booleans, `0590` is octal and `1:30` is 90. Here
    only `true` and `false` are booleans and only decimal digits are numbers; all else is text, which a typed
    field refuses.
    """


_NUMBERS: Final[Mapping[str, str]] = {
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?(?:0|[1-9][0-9]*)",
    "float": r"[-+]?(?:(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[1-9][0-9]*[eE][-+]?[0-9]+"
    r"|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)",
}
StrictLoader.yaml_implicit_resolvers = _without("timestamp", "merge", "value", *_NUMBERS)
for _kind, _pattern in _NUMBERS.items():
    _first = "tTfF" if _kind == "bool" else "-+.0123456789"
    StrictLoader.add_implicit_resolver(_TAG + _kind, re.compile(rf"(?:{_pattern})\Z"), list(_first))


def _number(loader: StrictLoader, node: yaml.ScalarNode) -> float:
    if len(node.value) > MAX_NUMBER:
        raise yaml.MarkedYAMLError(None, None, "a number with too many digits", node.start_mark)
    if node.tag == f"{_TAG}int":
        return int(loader.construct_yaml_int(node))
    return float(loader.construct_yaml_float(node))


StrictLoader.add_constructor(f"{_TAG}int", _number)
StrictLoader.add_constructor(f"{_TAG}float", _number)
