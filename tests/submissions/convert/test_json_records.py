"""JSON that is damaged, nested, repeated or of no known form is refused with its position."""

from __future__ import annotations

import json

import pytest

from evaluator.submissions.convert import json_records
from evaluator.submissions.convert.table import Refused

from .conftest import STUDIES

A, B = STUDIES

REFUSED = {
    "cut off": ('{"a": "x', "line 1, is not JSON"),
    "brace alone": ("{", "line 1, is not JSON"),
    "a damaged line": (f'{{"id": "{A}", "report": "x"}}\n{{"id": "{B}", "report": }}\n', "line 2, is not JSON"),
    "a line of prose": (f'{{"id": "{A}", "report": "x"}}\nfailed\n', "line 2, is not JSON"),
    "deep": ("[" * 100_000, "is not readable JSON"),
    "deep values": ('{"CXR1004_IM-0005": ' + "[" * 50 + "1" + "]" * 50 + "}", "nested too deep"),
    "a long number": ('{"a": ' + "1" * 10_000 + "}", "is not readable JSON"),
    "empty object": ("{}", "contains no studies"),
    "empty list": ("[]", "no rows"),
    "list of an empty object": ("[{}]", "no study id"),
    "list of texts": ('["a", "b"]', "a list of texts without ids"),
    "list of numbers": ("[1, 2]", "entry 1: wanted an object"),
    "a key twice": (f'{{"{A}": "x", "{A}": "y"}}', f"the key '{A}' appears twice in one object"),
    "a key twice on line 3": (f'\n\n{{"id": "{A}", "report": "x", "report": "y"}}', "value that starts on line 3: the key 'report'"),
    "a lone surrogate in an id": ('{"\\ud83d": "x"}', "no study id"),
    "no ids": ([{"prediction": "x"}, {"prediction": "y"}], "no study id of iu-xray is in any column"),
    "ids that are true": ([{"id": True, "report": "x"}], "no study id of iu-xray"),
    "a number for a text": ({A: {"model_prediction": "x"}, B: {"model_prediction": 3}}, f"study {B}: the prediction is a number, not a text"),
    "a bool for a text": ({A: "x", B: False}, f"study {B}: the prediction is true or false"),
    "a number for a section": ({A: {"findings": "x", "impression": 3}}, "the prediction is a number"),
    "several texts": ({A: ["x", "y"]}, "the prediction is a list of 2 items; wanted one text"),
    "an object of other things": ({A: {"prediction": {"a": 1, "b": 2}}}, "the prediction is an object, not a text"),
    "a field that is not there": ([{"id": A, "report": "x"}, {"id": B, "error": "oom"}], "entry 2: no field 'report', which the other rows have"),
    "findings that are not there": ({A: {"findings": "x", "impression": "y"}, B: {"impression": "y"}}, f"study {B}: no field 'findings'"),
    "texts and objects mixed": ({A: "x", B: {"findings": "y"}}, f"study {B}: no field"),
    "several lists": ({"train": [{"id": A, "report": "x"}], "test": [{"id": B, "report": "y"}]}, "contains several lists: 'train', 'test'"),
    "lists of unequal length": ({"study_id": [A, B], "report": ["x"]}, "differ in length"),
    "split with short rows": ({"columns": ["study_id", "report"], "data": [[A]]}, "row 1 of 'data': wanted 2 cells"),
    "split with one name twice": ({"columns": ["report", "report"], "data": []}, "two columns have the same name"),
    "several answers": ([{"custom_id": A, "response": {"body": {"choices": [{}, {}]}}}], "2 answers to one request"),
    "two problems at once": ({A: 3, B: 4}, f"study {A}: the prediction is a number, not a text.\n  "),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_place(door, name):
    content, words = REFUSED[name]
    code, text, reports = door(content, "p.json")
    assert (code, reports) == (1, None)
    assert words in text
    assert "Traceback" not in text


def test_values_are_bounded(monkeypatch):
    monkeypatch.setattr(json_records, "MAX_MARKS", 1_000)
    with pytest.raises(Refused, match="too many values"):
        json_records.read_json("[" + ",".join(["[]"] * 1_000) + "]", "x")


NOTHING = [None, "", float("nan"), [], [None], {"text": None}]


@pytest.mark.parametrize("value", NOTHING, ids=repr)
def test_a_missing_text_is_an_empty_report_and_is_reported(door, value):
    code, words, reports = door(
        json.dumps({A: {"model_prediction": value}, B: {"model_prediction": "clear"}})
    )
    assert (code, reports) == (0, {A: {"findings": ""}, B: {"findings": "clear"}})
    assert f"1 study has no report: left empty, which gets the worst score (first: {A})" in words


def test_a_missing_impression_is_empty_and_is_reported(door):
    code, words, reports = door({A: {"findings": "x", "impression": "y"}, B: {"findings": "z"}})
    assert (code, reports[B]) == (0, {"findings": "z", "impression": ""})
    assert f"1 study had no impression; it is empty (first: {B})" in words
