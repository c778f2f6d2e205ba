"""No pattern of a JSON Schema lets a text end in a line break by `$` alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SCHEMAS = sorted((Path(__file__).parents[2] / "evaluator/schemas").glob("*.json"))


def patterns(node):
    """Every regular expression of a schema."""
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        keyed = node.get("patternProperties")
        yield from keyed if isinstance(keyed, dict) else ()
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from patterns(inner)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda p: p.name)
def test_patterns_that_end_in_a_dollar_end_the_text(path):
    for pattern in patterns(json.loads(path.read_text("utf-8"))):
        assert pattern.endswith(r"$(?!\n)") or "$" not in pattern, pattern
