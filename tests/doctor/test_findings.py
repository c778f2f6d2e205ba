"""Findings as text and JSON, and their exit codes."""

from __future__ import annotations

import json

import pytest

from evaluator.core.problems import RexrankError
from evaluator.doctor.findings import (
    Check,
    Finding,
    NotCheckable,
    Section,
    as_json,
    as_text,
    exit_status,
    from_json,
)

GOOD = Finding("RD101", "good", "runner.conf", "11 keys")
BAD = Finding("RD102", "bad", "scripts", "one is absent", "all six", "run setup.sh")
OPEN = Finding("RD307", "open", "clock", "no answer", fix="look at it")
SECTIONS = [Section("The kit", (GOOD, BAD)), Section("The machine", (OPEN,))]
TEXT = """\
The kit
  ✓ RD101  runner.conf: 11 keys
  ✗ RD102  scripts: one is absent
           wanted: all six
           fix: run setup.sh

The machine
  ○ RD307  clock: no answer
           look: look at it

1 ✓, 1 ✗, 1 ○
"""


def test_text():
    assert as_text(SECTIONS) == TEXT


def test_json_and_back():
    text = as_json(SECTIONS)
    assert json.loads(text)["counts"] == {"good": 1, "bad": 1, "open": 1}
    assert from_json(text) == SECTIONS


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"schema": "rexrank/doctor/v2", "sections": []}',
                                  '{"schema": "rexrank/doctor/v1", "sections": [{"title": "x", "findings": [{"state": "fine"}]}]}'])  # fmt: skip
def test_other_output_is_refused(text):
    with pytest.raises(RexrankError, match="not a list of findings"):
        from_json(text)


@pytest.mark.parametrize(
    ("findings", "usual", "strict"),
    [
        ((), 0, 0),
        ((GOOD,), 0, 0),
        ((OPEN,), 0, 1),
        ((GOOD, BAD), 1, 1),
    ],
)
def test_exit_status(findings, usual, strict):
    sections = [Section("x", findings)]
    assert (exit_status(sections, strict=False), exit_status(sections, strict=True)) == (usual, strict)


def test_what_was_read_cannot_write_to_the_terminal():
    text = as_text([Section("x", (Finding("RD1", "bad", "a\x1b[2J", "b\nc", "d\u202e", "e" * 1000),))])
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert max(map(len, text.splitlines())) < 330


def check(wrong, **words):
    return Check("RD1", "it", lambda _: wrong, "nothing", "mend it", **words).finding(None)


@pytest.mark.parametrize(
    ("wrong", "words", "finding"),
    [
        ([], {}, Finding("RD1", "good", "it", "nothing")),
        ([], {"fine": lambda _: "all of it"}, Finding("RD1", "good", "it", "all of it")),
        (["a"], {"fine": lambda _: 1 / 0}, Finding("RD1", "bad", "it", "a", "nothing", "mend it")),
        (map(str, range(9)), {}, Finding("RD1", "bad", "it", "0; 1; 2; 3; 4; 5; and 3 more", "nothing", "mend it")),
    ],
)  # fmt: skip
def test_a_check_is_good_or_bad(wrong, words, finding):
    assert check(wrong, **words) == finding


@pytest.mark.parametrize(("words", "fix"), [(("no answer",), "mend it"), (("no answer", "look there"), "look there")])  # fmt: skip
def test_a_check_that_cannot_be_made_is_open(words, fix):
    def wrong():
        yield "a"
        raise NotCheckable(*words)

    assert check(wrong()) == Finding("RD1", "open", "it", "no answer", "", fix)
