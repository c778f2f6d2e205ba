"""Findings as text and JSON, and what they are worth."""

from __future__ import annotations

import json

import pytest

from evaluator.core.problems import RexrankError
from evaluator.doctor.findings import (
    Section,
    as_json,
    as_text,
    bad,
    exit_status,
    from_json,
    good,
    listed,
    unsettled,
)

SECTIONS = [
    Section(
        "The kit",
        (
            good("RD101", "runner.conf", "11 keys"),
            bad("RD102", "scripts", "one is absent", "all six", "run setup.sh"),
        ),
    ),
    Section("The machine", (unsettled("RD307", "clock", "no answer", "look at it"),)),
]
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
def test_another_answer_is_refused(text):
    with pytest.raises(RexrankError, match="no list of the doctor's findings"):
        from_json(text)


@pytest.mark.parametrize(
    ("findings", "usual", "strict"),
    [
        ((), 0, 0),
        ((good("a", "b", "c"),), 0, 0),
        ((unsettled("a", "b", "c"),), 0, 1),
        ((bad("a", "b", "c", "d", "e"),), 1, 1),
    ],
)
def test_exit_status(findings, usual, strict):
    sections = [Section("x", findings)]
    assert (exit_status(sections, strict=False), exit_status(sections, strict=True)) == (usual, strict)


def test_what_was_read_cannot_write_to_the_terminal():
    text = as_text([Section("x", (bad("RD1", "a\x1b[2J", "b\nc", "d\u202e", "e" * 1000),))])
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert max(map(len, text.splitlines())) < 330


def test_a_long_list_is_counted():
    assert listed(str(n) for n in range(9)) == "0; 1; 2; 3; 4; 5; and 3 more"
