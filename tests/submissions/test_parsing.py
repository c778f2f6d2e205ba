"""Strict, bounded reading of JSON and YAML: no input raises, and valid input is read correctly."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evaluator.core.problems import Problems
from evaluator.submissions.parsing import UNUSABLE, decode, line_of, parse_json, parse_yaml, yaml_line_of

WHOLE = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SOUND = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | WHOLE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WHOLE, inner, max_size=3),
    max_leaves=8,
)


@given(SOUND, st.booleans(), st.sampled_from([None, 1]))
def test_valid_json_is_read_as_the_json_module_does(value, ascii_only, indent):
    problems = Problems()
    assert parse_json("f", json.dumps(value, ensure_ascii=ascii_only, indent=indent), problems) == value
    assert not list(problems)


@given(st.text(max_size=40) | st.text('[]{}":,\\ua1NaNInfity -\n', max_size=40))
def test_no_text_raises(text):
    for parse in (parse_json, parse_yaml):
        problems = Problems()
        assert parse("f", text, problems) is not UNUSABLE or list(problems)


@given(st.text("[]{}:,-?&*!|>'\"%@`#a1 \n\t.~<", max_size=60))
def test_no_yaml_raises_and_what_is_read_is_plain(text):
    value = parse_yaml("f", text, Problems())
    if value is not UNUSABLE:
        assert json.dumps(value, allow_nan=True)
        assert value == yaml.safe_load(text) or value != value  # noqa: PLR0124


@given(st.binary(max_size=30))
def test_decoding_agrees_with_python(data):
    problems = Problems()
    text = decode("f", data, problems)
    if list(problems) and not data.startswith(b"\xef\xbb\xbf"):
        assert text is None
    elif text is not None:
        assert text == data.decode("utf-8-sig")


@pytest.mark.parametrize("depth", [16, 17])
def test_sixteen_levels_are_the_limit(depth):
    for parse, code in ((parse_json, "RX204"), (parse_yaml, "RX501")):
        problems = Problems()
        value = parse("f", "[" * depth + "]" * depth, problems)
        assert (value is UNUSABLE) is (depth == 17)
        assert [p.code for p in problems] == [code] * (depth == 17)


def test_brackets_in_texts_do_not_count_as_depth():
    assert parse_json("f", json.dumps({"a": "[" * 99 + '\\"' * 9}), Problems()) == {"a": "[" * 99 + '\\"' * 9}


@given(st.dictionaries(WHOLE, st.integers(0, 9), min_size=1, max_size=5), st.booleans())
def test_the_line_of_a_key(value, ascii_only):
    text = json.dumps(value, indent=0, ensure_ascii=ascii_only)
    for number, key in enumerate(value, start=2):
        assert line_of(text, key) == number
    assert line_of(text, "not a key of it") is None


CARD = "a: 1\n# remark\nb:\n  c: x\n  d:\n  - p\n  - q: r\n"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), None),
        (("a",), 1),
        (("b",), 3),
        (("b", "d", 1), 7),
        (("b", "d", 1, "q"), 7),
        (("b", "no"), 3),
        (("z",), None),
    ],
)
def test_the_line_of_a_yaml_value(path, line):
    assert yaml_line_of(CARD, path) == line


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026.0", 2026.0),
        ("2.5", 2.5),
        ("0x10", 16),
        ("1_000", 1000),
        ("2026-01-02", "2026-01-02"),
    ],
)
def test_numbers_and_dates(text, value):
    result = parse_yaml("f", f"a: {text}", Problems())["a"]
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".inf", "-.inf", ".Inf"])
def test_an_invalid_number_is_named(text):
    problems = Problems()
    parse_yaml("f", f"a: 1\nyear: {text}", problems)
    (problem,) = problems
    assert (problem.code, problem.line) == ("RX501", 2)
    assert text in problem.found
