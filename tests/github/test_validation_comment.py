"""What people read: everything they need, and nothing from a stranger takes effect in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.challenges import use
from support.comments import inert
from support.submissions import model_card

from evaluator.core.problems import Problems, Severity
from evaluator.datasets.challenge import Policy
from evaluator.datasets.report import StudyReport
from evaluator.github.pull_request import Intake
from evaluator.github.quota_status import QuotaNotes
from evaluator.github.validation_comment import RepositoryFacts, validation_comment, verdict
from evaluator.submissions.submission import Predictions, Submission
from evaluator.submissions.validate import FileSummary, FolderResult, Report

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
    "rexrank/challenge#1 and #2",
]


def intake(
    text="Clear.", folder="submissions/t/m", objection=None, kind="submission", problems=None, status="active",
    dataset="sandbox",
):  # fmt: skip
    predictions = Predictions(dataset, {"s1": StudyReport(text), "s2": StudyReport("Heart normal.")}, "d")
    submission = Submission(
        "t", "m", model_card(status=status, superseded_by="t/n", reason="It is gone."), {dataset: predictions}
    )
    files = FileSummary(dataset, 2, ("findings",), 0, 2, 1, 2, "d")
    problems = problems or Problems()
    entry = FolderResult(folder, "t", "m", submission if problems.ok else None, (files,))
    return Intake(1, SHA, kind, folder, Report(problems, (entry,)), objection, "f" * 40)


def wrong(text, severity=Severity.ERROR):
    problems = Problems()
    problems.add("RX102", text, found=text, wanted=text, fix=text, pointer=text, severity=severity)
    return problems


@pytest.mark.parametrize("text", HOSTILE)
def test_reports_objections_folders_and_problems_are_inert(text):
    inert(validation_comment(intake(text)))
    inert(validation_comment(intake(objection=text)))
    inert(validation_comment(intake(folder=f"submissions/t/{text}", kind="withdrawal")))
    inert(validation_comment(intake(problems=wrong(text))))
    inert(validation_comment(intake(problems=wrong(text, Severity.WARNING))))
    inert(validation_comment(intake(problems=wrong(f"run: {text} (so)"))))
    others = {"sandbox": {text: {"s1": StudyReport("Clear."), "s2": StudyReport("Heart normal.")}}}
    inert(validation_comment(intake(), RepositoryFacts(others)))


@given(st.text(alphabet="`@[]()<>!|\\\n\r ab*_#:", max_size=60))
def test_any_report_stays_in_its_fence(text):
    inert(validation_comment(intake(text)))


def test_a_stranger_reads_what_was_found_and_what_happens_next():
    comment = inert(validation_comment(intake()))
    assert "✅ Valid submission" in comment.prose
    assert "Sandbox: 2 of 60 studies; findings track; 2 distinct reports, 1 word (median)" in comment.prose
    assert "What happens next. You do not need to do anything." in comment.prose
    assert "Quota" not in comment.prose
    assert f"{SHA}" in comment.code


def test_a_maintainer_reads_facts_and_what_to_paste():
    around = RepositoryFacts({"sandbox": {"a/b": {"s1": StudyReport("clear")}}}, people=["opened by `x`"])
    comment = inert(validation_comment(intake(), around))
    assert f"/score {SHA}\n" in comment.code
    assert "a/b" in comment.code
    assert " 50%" in comment.prose
    assert "5th, 50th, 95th percentile" in comment.prose
    assert "opened by " in comment.prose
    assert "2 reports chosen by hash" in comment.prose


def test_in_a_small_challenge_a_merge_is_what_scores(monkeypatch):
    use(monkeypatch, profile="small")
    comment = inert(validation_comment(intake()))
    assert "A maintainer reviews the predictions and merges this pull request." in comment.prose
    assert "within a quarter of an hour" in comment.prose
    assert "Merge it to score it" in comment.prose
    assert "/score" not in comment.html
    assert "requests scoring" not in comment.prose
    assert verdict(intake()) == ("success", "valid: scored once it is merged")


def test_a_long_sample_is_broken_into_lines():
    comment = inert(validation_comment(intake("word " * 400)))
    sample = max(comment.code, key=len)
    assert sample.count("\n") > 5
    assert max(map(len, sample.split("\n"))) <= 88


@pytest.mark.parametrize(
    ("waits", "policy", "words"),
    [
        ({}, Policy(), "scored once in 30 days and 6 times in a year. For t: rexgradient now."),
        ({"rexgradient": None}, Policy(), "For t: rexgradient now."),
        ({"rexgradient": "2026-12-26T13:58:12Z"}, Policy(), "rexgradient from 2026-12-26 13:58 UTC."),
        ({}, Policy(runs=2, window_days=7, runs_per_year=9), "scored twice in 7 days and 9 times in a year"),
    ],
)
def test_the_quota_of_a_withheld_dataset_is_mentioned(waits, policy, words):
    comment = inert(
        validation_comment(
            intake(dataset="rexgradient"), RepositoryFacts(noted=QuotaNotes(waits), policy=policy)
        )
    )
    text = "".join(p for p in [comment.html])
    plain = "".join(part.split(">", 1)[-1] for part in text.split("<")).replace("\n", " ")
    assert words in plain


def test_every_problem_has_its_place_its_page_and_its_fix():
    problems = Problems()
    problems.add("RX202", "a/x.json", found="twice", wanted="once.", fix="remove one", pointer="/s1", line=3)
    problems.add("RX209", "a/x.json", found="old", wanted="new", fix="type: rexrank convert x (it stays)")
    problems.add("RX211", "a/x.json", found="order", wanted="sorted", fix="sort", severity=Severity.WARNING)
    comment = inert(validation_comment(intake(problems=problems)))
    assert "❌ Not valid: 2 problems, 1 warning" in comment.prose
    assert "What to do. Fix everything" in comment.prose
    assert "Items marked ⚠️ may stay" in comment.prose
    assert "Wanted: once." in comment.prose
    assert "Fix: remove one" in comment.prose
    assert "(it stays)" in comment.prose
    assert {"a/x.json", "/s1", "twice", "rexrank convert x", "rexrank validate submissions/t/m"} <= set(
        comment.code
    )
    assert [link.rpartition("#")[2] for link in comment.links] == ["rx202", "rx209", "rx211"]
    assert "/score" not in comment.html


def test_warnings_alone_do_not_refuse():
    comment = inert(validation_comment(intake(problems=wrong("x", Severity.WARNING))))
    assert "✅ Valid submission with 1 warning" in comment.prose
    assert "They do not block the submission" in comment.prose


def test_an_objection_makes_it_not_valid_and_gives_no_command():
    comment = inert(validation_comment(intake(objection="x is not a contact of t/m")))
    assert "❌ Not valid" in comment.prose
    assert "Not yours to change. x is not a contact of t/m." in comment.prose
    assert "/score" not in comment.html


@pytest.mark.parametrize(
    ("of", "state", "words"),
    [
        ({"kind": "other", "folder": ""}, "success", "nothing to score"),
        ({}, "pending", "waiting for a maintainer to review it"),
        ({"problems": wrong("x")}, "failure", "not valid"),
        ({"objection": "x"}, "failure", "not valid"),
        ({"kind": "withdrawal"}, "success", "withdrawal"),
        ({"status": "withdrawn"}, "success", "withdrawal"),
        ({"kind": "withdrawal", "objection": "x"}, "failure", "not valid"),
    ],
)
def test_the_first_status_of_a_commit(of, state, words):
    status = verdict(intake(**of))
    assert status[0] == state
    assert words in status[1]


@pytest.mark.parametrize("of", [{"kind": "withdrawal"}, {"status": "withdrawn"}])
def test_a_withdrawal_says_what_stays(of):
    comment = inert(validation_comment(intake(**of)))
    assert "✅ Withdrawal" in comment.prose
    assert "stays" in comment.prose
    assert "/score" not in comment.html


def test_thousands_of_problems_fit_into_a_comment():
    problems = Problems()
    for i in range(3_000):
        problems.add("RX206", f"a/{i:04}.json", found="x" * 250, wanted="y" * 250, fix="z" * 250)
    comment = inert(validation_comment(intake(problems=problems)))
    assert "more; run" in comment.prose
