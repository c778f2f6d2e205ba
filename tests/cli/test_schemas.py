"""JSON Schemas match the typed models, decide like the earlier hand-written ones, and every pattern ends the text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from support.mutations import spoilt

from evaluator.cli.schemas import OPEN, generated_schemas, titles
from evaluator.github.bundle_files import KINDS
from evaluator.site.api import SCHEMAS

VERDICT_FOLDER = Path(__file__).parents[1] / "data/schema_verdicts"
DOCUMENTS = json.loads((VERDICT_FOLDER / "documents.json").read_text("utf-8"))
VERDICTS = json.loads((VERDICT_FOLDER / "verdicts.json").read_text("utf-8"))
STRICTER = {
    "overview-v1": ("boards/0/best_display",),
    "record-v1": ("card/name: 10",),
    "bundle-v1 record": ("card/name: 10",),
    "table-v2": ("rows/0/diagnostics: a stranger",),
}
"""What readers were never promised and no file contained: invalid names, malformed values, a diagnostic that
no record has, a name too long for a board."""
NO_SIGNATURE = ("metrics/bleu_2/signature: ", "metrics/0/signature: ")
OTHERWISE = {
    "history-v1": ("events/0/name: 0", "events/0/primary: 0"),
    **dict.fromkeys(("record-v1", "bundle-v1 record", "bundle-v1 sanity", "bundle-v1 table"), NO_SIGNATURE),
}
"""What the program reads from old files though it no longer writes it, and invalid signatures, for which the
schema has no pattern."""
UNEQUAL = dict.fromkeys(
    ("bundle-v1 table", "table-v2"), ("rows: 11", *(f"ranks/{k}: 11" for k in ("low", "high", "worse_than")))
)
"""An empty list where each row has a number: a schema cannot compare lengths, the model does."""
WIDER = {"predictions-v1": ("s1/findings: gone", "s2/findings: gone")}
"""What is accepted since there is an impressions-only track."""
SCHEMA_FOLDER = Path(__file__).parents[2] / "evaluator/schemas"


@pytest.mark.parametrize("name", generated_schemas())
def test_a_schema_is_what_its_model_gives(name):
    assert (SCHEMA_FOLDER / name).read_text("utf-8") == generated_schemas()[name], "run: rexrank dev schemas"
    assert name.removesuffix(".schema.json") in (*SCHEMAS, "answers-v1", "score-result-v1", "bundle-v1")


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


def takes(model, value):
    try:
        model.model_validate(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_generated_schema_and_its_model_decide_as_before(name):
    name_of_schema, _, kind = name.partition(" ")
    model = KINDS[kind] if kind else titles()[name][0]
    value = json.loads(generated_schemas()[f"{name_of_schema}.schema.json"])
    part = {"$ref": f"#/$defs/{model.__name__}", "$defs": value["$defs"]} if kind else value
    schema = Draft202012Validator(part)
    documents = list(spoilt(DOCUMENTS[name]))
    assert len(documents) == len(VERDICTS[name])
    for (change, document), before in zip(documents, VERDICTS[name], strict=True):
        now = schema.is_valid(document)
        stricter = change.startswith(STRICTER.get(name, ())) and not now
        wider = change in WIDER.get(name, ()) and now
        assert stricter or wider or now == (before == "1"), change
        stranger = name in OPEN and change.endswith("a stranger")
        same = now and change not in UNEQUAL.get(name, ())
        assert stranger or change.startswith(OTHERWISE.get(name, ())) or takes(model, document) == same, (
            change
        )
