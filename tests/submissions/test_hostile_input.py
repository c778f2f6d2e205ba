"""Hostile input: whatever the bytes, the checks end with a verdict, and work and memory stay in proportion."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.submissions import FIRST, GOOD_CARD, check
from support.work import calls, grows_in_proportion, peak

from evaluator.core.typed import json_schema
from evaluator.site.content import schema_text
from evaluator.submissions.report_file import Study
from evaluator.submissions.rules.structure import well_formed
from evaluator.submissions.tree import Entry, Tree
from evaluator.submissions.validate import validate


def test_a_200_mb_line_is_refused_unread():
    def read(limit: int) -> bytes:
        raise AssertionError("read")

    tree = Tree([Entry("submissions/a/b/sandbox.json", "file", 200_000_000, read)])
    codes = [p.code for p in validate(tree, ["submissions/a/b"], lambda _: set()).problems]
    assert codes == ["RX108", "RX103"]


@pytest.mark.parametrize("unit", [b"[", b'"', b"[],", b'{"a":', b"\\"])
def test_hostile_bulk_is_refused_with_work_and_memory_in_proportion(submission, unit):
    """A quadratic step would not end at 19 MB."""

    def write(size):
        (submission / "sandbox.json").write_bytes(unit * (size // len(unit)))

    def refuse():
        assert not check(submission).ok

    def work(size):
        write(size)
        return calls(refuse)

    assert grows_in_proportion(work, 500_000)
    write(19_000_000)
    assert peak(refuse) < 16 * 19_000_000


@pytest.mark.parametrize("unit", ["<|", "\ufdfa", "\u200b", "[", "disregard ", "a b ", "\U000e0100"])
def test_hostile_reports_take_work_and_memory_in_proportion(submission, unit):
    def write(size):
        content = json.dumps({FIRST: {"findings": unit * (size // len(unit))}}, ensure_ascii=False)
        (submission / "sandbox.json").write_text(content, encoding="utf-8")

    def find():
        assert "RX406" in {p.code for p in check(submission).problems}

    def work(size):
        write(size)
        return calls(find)

    assert grows_in_proportion(work, 100_000)
    write(2_000_000)
    assert peak(find) < 100e6


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["findings", "impression", "a/b", "~", ""]) | st.text(max_size=3),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_json_breaks_the_checks(submission, value):
    (submission / "sandbox.json").write_text(json.dumps(value))
    assert not check(submission).ok


@given(st.binary(max_size=60), st.sampled_from(["sandbox.json", "model.yaml"]))
def test_no_bytes_break_the_checks(submission, data, name):
    (submission / name).write_bytes(data)
    report = check(submission)
    assert not report.ok
    (submission / "model.yaml").write_text(GOOD_CARD)


@given(JSON)
def test_the_fast_path_never_disagrees_with_the_schema(value):
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(json_schema(Study))
    assert well_formed(value) == validator.is_valid(value)


@pytest.mark.parametrize(
    "name", ["predictions-v1.schema.json", "model-card-v1.schema.json", "record-v1.schema.json"]
)
def test_schemas_are_closed_versioned_and_explain_every_field(name):
    from jsonschema import Draft202012Validator

    value = json.loads(schema_text(name.removesuffix(".schema.json")))
    Draft202012Validator.check_schema(value)
    assert value["$id"].endswith(name)

    def walk(node, path):
        for key, field in node.get("properties", {}).items():
            whole = {**value["$defs"].get(field.get("$ref", "").rpartition("/")[2], {}), **field}
            if "allOf" not in path:
                assert whole.get("title"), (path, key)
                assert whole.get("description"), (path, key)
            walk(whole, [*path, key])

    walk({**value, "allOf": None}, [])
