"""The JSON Schemas of host files are what the typed models give."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.cli.schemas import generated_schemas
from evaluator.site.api import SCHEMAS

SCHEMA_FOLDER = Path(__file__).parents[2] / "evaluator/schemas"


@pytest.mark.parametrize("name", generated_schemas())
def test_a_schema_is_what_its_model_gives(name):
    assert (SCHEMA_FOLDER / name).read_text("utf-8") == generated_schemas()[name], "run: rexrank dev schemas"
    assert name.removesuffix(".schema.json") in SCHEMAS
