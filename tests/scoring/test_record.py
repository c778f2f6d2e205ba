"""The typed record: what it accepts, what it refuses, and that it round-trips."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from evaluator.cli.schemas import generated_schemas
from evaluator.core.files import dump_json
from evaluator.core.problems import RexrankError
from evaluator.scoring.record import Record
from evaluator.scoring.records import typed_record

ENTRY = {
    "mean": 1 / 3, "se": None, "low": None, "high": None, "n": 2, "n_failed": 0, "signature": "bleu_2|v1|protocol:clean",
}  # fmt: skip
GOOD = {
    "schema": "rexrank/record/v1", "kind": "submission", "dataset": "iu-xray", "track": "findings", "team": "acme",
    "model": "m-1", "card": {"name": "M"}, "protocol": "clean", "n": 2, "n_clusters": 1, "metrics": {"bleu_2": ENTRY},
    "missing": {"green": "no judge"}, "stand_in": False, "diagnostics": {"signal": None},
    "integrity": {"outcome": "badge", "badges": [{"code": "C5", "outcome": "badge", "text": "t", "ids": ["a"]}]},
    "provenance": {"predictions_sha256": "p", "references_sha256": "d", "pull_request": None}, "submitted": None,
}  # fmt: skip
SCHEMA = Draft202012Validator(json.loads(generated_schemas()["record-v1.schema.json"]))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"task": "report-generation"},
        {"ladder": None},
        {"ladder": {"improved": True, "best": None}},
        {"metrics": {}, "kind": "null"},
        {
            "card": {
                "name": "M",
                "year": None,
                "contact": ["a"],
                "links": {"code": "x"},
                "of an older version": [1],
            }
        },
        {"diagnostics": {"n_empty": 0, "top1_share": 0.5, "length_ratio": None, "judge_outliers": None}},
        {"diagnostics": {"signal": {"word_similarity": {"gain": -0.5, "p": 0.25}}}},
    ],
)
def test_a_record_round_trips_byte_for_byte(tmp_path, change):
    """A record from before records had a task is read, and no field is added to it."""
    path = tmp_path / "record.json"
    path.write_text(dump_json(GOOD | change))
    record = typed_record(path)
    assert record.task == "report-generation"
    assert dump_json(record.view()) == path.read_text()
    assert SCHEMA.is_valid(GOOD | change)


@pytest.mark.parametrize(
    "change",
    [
        {"task": "diagnosis"},
        {"n": "2"},
        {"n": 0},
        {"n": True},
        {"stand_in": 1},
        {"team": "Acme\n"},
        {"schema": "rexrank/record/v2"},
        {"more": 1},
        {"metrics": {"bleu_2": {**ENTRY, "mean": None}}},
        {"metrics": {"bleu_2": {**ENTRY, "more": 1}}},
        {"integrity": {"outcome": "fine", "badges": []}},
        {"integrity": {"outcome": "pass"}},
        {"integrity": {"outcome": "pass", "badges": [], "thresholds": None}},
        {"diagnostics": {"more": 1}},
        {"diagnostics": {"exact_match": None}},
        {"diagnostics": {"top1_share": -0.1}},
        {"diagnostics": {"signal": {"bleu_2": {"gain": 1.0}}}},
        {"card": {"status": "gone"}},
        {"card": {"name": None}},
        {"provenance": {"more": 1}},
        {"ladder": {"improved": True}},
    ],
)
def test_an_invalid_record_is_refused_by_model_and_schema(tmp_path, change):
    with pytest.raises(ValidationError):
        Record.model_validate(GOOD | change)
    assert not SCHEMA.is_valid(GOOD | change)
    path = tmp_path / "record.json"
    path.write_text(json.dumps(GOOD | change))
    pointer = "/" + next(iter(change))
    with pytest.raises(RexrankError, match=rf"at {pointer}\b.*wanted.*Score its submission again"):
        typed_record(path)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_is_finite(number):
    with pytest.raises(ValidationError):
        Record.model_validate(GOOD | {"metrics": {"bleu_2": {**ENTRY, "mean": number}}})


def test_a_record_is_frozen():
    record = Record.model_validate(GOOD)
    with pytest.raises(ValidationError):
        record.n = 3
