"""The JSON Schemas of host files are what the typed models give, and every pattern ends the text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluator.cli.schemas import generated_schemas
from evaluator.site.api import SCHEMAS

SCHEMA_FOLDER = Path(__file__).parents[2] / "evaluator/schemas"


@pytest.mark.parametrize("name", generated_schemas())
def test_a_schema_is_what_its_model_gives(name):
    assert (SCHEMA_FOLDER / name).read_text("utf-8") == generated_schemas()[name], "run: rexrank dev schemas"
    assert name.removesuffix(".schema.json") in SCHEMAS


def patterns(node):
    """Every regular expression of a schema."""
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        keyed = node.get("patternProperties")
        yield from keyed if isinstance(keyed, dict) else ()
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from patterns(inner)


@pytest.mark.parametrize("path", sorted(SCHEMA_FOLDER.glob("*.json")), ids=lambda p: p.name)
def test_patterns_that_end_in_a_dollar_end_the_text(path):
    for pattern in patterns(json.loads(path.read_text("utf-8"))):
        assert pattern.endswith(r"$(?!\n)") or "$" not in pattern, pattern
