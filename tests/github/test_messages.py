"""What people read: nothing of a stranger's comes alive in it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.checks.validation import Found, Report
from evaluator.github.intake import Intake
from evaluator.github.messages import score_comment, validation_comment
from evaluator.problems import Problems
from evaluator.submission import Predictions, StudyReport, Submission

SHA = "0" * 40
HOSTILE = [
    "@everyone",
    "[x](https://evil.example)",
    "![x](https://evil.example/a.png)",
    "<img src=x onerror=alert(1)>",
    "`` ` ```",
    "a | b",
    "</details><!-- rexrank:score v1 -->",
    "::set-output name=x::y",
    "\n\n# heading\n```\n@everyone\n",
    "https://evil.example",
]


def intake(text="Clear.", folder="submissions/t/m", objection=None, kind="submission", problems=None):
    predictions = Predictions("sandbox", {"s1": StudyReport(text), "s2": StudyReport("Heart normal.")}, "d")
    submission = Submission("t", "m", {}, {"sandbox": predictions})
    found = Found(folder, "t", "m", submission, ())
    return Intake(1, SHA, kind, folder, Report(problems or Problems(), (found,)), objection)


def prose(body):
    """The comment without code, in which nothing is markup."""
    bare = re.sub(r"^```.*?^```", "", body, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", bare)


def inert(body):
    rest = prose(body)
    assert not re.search(r"(?<!\\)@\w", rest), rest
    assert not re.search(r"(?<!\\)\]\(", rest), rest
    assert not re.search(r"<(?!/?(?:details|summary)>)", rest), rest
    assert "```" not in rest


@pytest.mark.parametrize("text", HOSTILE)
def test_reports_objections_folders_and_errors_are_inert(text):
    inert(validation_comment(intake(text)))
    inert(validation_comment(intake(objection=text)))
    inert(validation_comment(intake(folder=f"submissions/t/{text}", kind="withdrawal")))
    problems = Problems()
    problems.add("RX102", text, found=text, wanted=text, fix=text, pointer=text)
    inert(validation_comment(intake(problems=problems)))
    inert(score_comment(result(error=text)))
    inert(score_comment(result(boards=[board(title=text, why=text, badge=text)])))
    others = {"sandbox": {text: {"s1": StudyReport("Clear."), "s2": StudyReport("Heart normal.")}}}
    inert(validation_comment(intake(), others))


@settings(max_examples=200)
@given(st.text(alphabet="`@[]()<>!|\\\n\r ab*_#:", max_size=60))
def test_any_report_stays_in_its_fence(text):
    inert(validation_comment(intake(text)))


def test_a_stranger_reads_what_happens_next_and_a_maintainer_what_to_paste():
    body = validation_comment(intake(), {"sandbox": {"a/b": {"s1": StudyReport("clear")}}})
    assert "Valid" in body
    assert "What happens next" in body
    assert f"/score {SHA}" in body
    assert "`a/b` 50%" in body
    assert "5th, 50th, 95th percentile" in prose(body).replace("\\", "")


def test_an_objection_makes_it_not_valid_and_gives_no_command():
    body = validation_comment(intake(objection="x is no contact of t/m"))
    assert "Not valid" in body
    assert "/score" not in body


def board(title="Set", why=None, badge="badge"):
    metric = {"value": 0.5, "low": 0.4, "high": 0.6, "note": "", "n_failed": 0}
    row = {
        "id": "t/m", "kind": "submission", "rank_low": 1, "rank_high": 2, "missing": ["green"],
        "badges": [{"code": "C10", "outcome": "badge", "text": badge}], "metrics": {"bleu_2": metric},
    }  # fmt: skip
    null = {**row, "id": "baseline/empty", "kind": "null", "rank_low": None, "rank_high": None, "badges": []}
    return {
        "dataset": "x", "track": "findings", "title": title, "n": 590, "n_clusters": 500, "step": 5 / 590,
        "primary": "bleu_2", "models": 3, "metrics": [{"key": "bleu_2", "title": "BLEU-2"}], "row": row,
        "why": why, "others": [null],
    }  # fmt: skip


def result(error=None, boards=()):
    return {
        "schema": "rexrank/score-result/v1", "pull_request": 1, "sha": SHA, "submission": "t/m",
        "error": error, "not_scored": [], "boards": list(boards),
    }  # fmt: skip


def test_scores_stand_beside_the_null_rows():
    body = score_comment(result(boards=[board()]))
    assert "| **t/m** | 1–2 | 0.500 \\[0.400, 0.600\\] |" in body.replace("[0", "\\[0").replace(
        "0]", "0\\]"
    ).replace("\\\\", "\\")
    assert "(baseline)" in body
    assert "steps of 0.00847" in body
    assert "not computed: `green`" in body
