"""The comment with the scores."""

from __future__ import annotations

import re
from html import unescape

import pytest
from support.comments import inert

from evaluator.github.score_comment import score_comment
from evaluator.github.score_result import check_result

SHA = "0" * 40
REPOSITORY = "https://github.com/rexrank/challenge"
HOSTILE = [
    "@everyone",
    "</details><img src=x>",
    "[x](https://evil.example)",
    "https://evil.example #1",
    "``` ` |",
    "\n# h",
]


def metric(value=0.5, low=0.4, high=0.6, n_failed=0):
    return {"value": value, "low": low, "high": high, "note": "", "n_failed": n_failed}


def row(name, kind="submission", rank=(None, None), **more):
    return {
        "id": name, "kind": kind, "rank_low": rank[0], "rank_high": rank[1], "missing": [], "badges": [],
        "metrics": {"bleu_2": metric(), "radcliq_v1": metric(1.2, 1.1, 1.3)}, **more,
    }  # fmt: skip


def board(**more):
    return {
        "dataset": "sandbox", "track": "findings", "title": "Sandbox", "n": 60, "n_clusters": 42, "step": None,
        "primary": "radcliq_v1", "models": 3,
        "metrics": [
            {"key": "radcliq_v1", "title": "1/RadCliQ-v1", "better": "higher"},
            {"key": "bleu_2", "title": "BLEU-2", "better": "higher"},
        ],
        "row": row("t/m", rank=(2, 3)), "why": None,
        "others": [row("a/best", rank=(1, 1)), row("z/next", rank=(2, 3)), row("baseline/normal-template", "null")],
        "differences": [
            {"id": "a/best", "difference": -0.05, "low": -0.07, "high": -0.0001, "p": 0.0004},
            {"id": "z/next", "difference": 0.01, "low": None, "high": None, "p": 0.4},
            {"id": "baseline/normal-template", "difference": 0.02, "low": 0.01, "high": 0.03, "p": 0.002, "outcome": "clears"},
        ],
        "before": None, "moved": [], "n_moved": 0, "diagnostics": {}, **more,
    }  # fmt: skip


def result(*boards, error=None, **more):
    value = {
        "schema": "rexrank/score-result/v1", "pull_request": 1, "sha": SHA, "submission": "t/m", "error": error,
        "not_scored": [], "quota": [], "boards": list(boards), **more,
    }  # fmt: skip
    return check_result(value)


def drawn(*boards, **more):
    comment = inert(score_comment(result(*boards, **more), REPOSITORY), REPOSITORY)
    text = unescape(re.sub(r"<[^>]+>", "", comment.html)).replace("\u00a0", " ")
    return comment, text


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ({"p": 0.0004, "matters": False}, "p < 0.001, within the margin"),
        ({"p": 0.0004, "matters": True}, "p < 0.001 |"),
        ({"p": 0.4, "matters": False}, "p = 0.400, not separated"),
        ({"p": 0.0004, "outcome": "below"}, "p < 0.001, below it"),
        ({"p": 0.4, "outcome": "not_shown"}, "p = 0.400, does not clear it"),
    ],
)
def test_a_lead_says_what_it_is_worth(pair, words):
    lead = {"id": "a/best", "difference": -0.05, "low": -0.07, "high": -0.01, **pair}
    comment = score_comment(result(board(differences=[lead])), REPOSITORY)
    assert words in comment.replace("\u00a0", " ")


def test_the_row_is_shown_with_the_best_its_neighbours_and_the_baselines():
    html, text = drawn(board())
    names = re.findall(r"a/best|t/m|z/next|Normal template", text.split("all metrics")[1])
    assert names[:4] == ["a/best", "t/m", "z/next", "Normal template"]
    assert "2–3 of 3" in text
    assert "1/RadCliQ-v1 ↑ 1.200 [1.100, 1.300]" in text
    assert "−0.050 [−0.070, 0.000], p < 0.001" in text
    assert "+0.010, p = 0.400, not separated" in text
    assert "+0.020 [+0.010, +0.030], p = 0.002, clears it" in text
    site = "https://rexrank.github.io/challenge/"
    for place in ("leaderboards/sandbox/findings/", "models/a/best/", "models/z/next/", "metrics/bleu_2/"):
        assert site + place in html.links
    assert f"{site}models/t/m/" not in html.links
    assert f"{REPOSITORY}/issues/new?template=dispute.yml" in html.links


def test_changes_on_the_board_are_mentioned():
    moves = [{"id": "z/next", "before": [1, 2], "after": [2, 2]}]
    _, text = drawn(
        board(before={"rank_low": 3, "rank_high": 3, "value": 1.1}, moved=moves, n_moved=4),
        board(before={"rank_low": None, "rank_high": None, "value": None}),
        board(),
    )
    assert "rank 3, 1.100" in text
    assert "Other rank changes: z/next from 1–2 to 2 and 3 more." in text
    assert "no rank" in text
    assert "not on the board" in text


def test_the_first_two_boards_are_unfolded():
    body = score_comment(result(board(), board(), board()), REPOSITORY)
    assert body.count("<details open>") == 2
    assert body.count("<details>") == 1


def test_reports_flags_failures_and_missing_metrics_are_mentioned():
    diagnostics = {
        "n_empty": 2, "distinct_fraction": 0.9, "top1_share": 0.05, "length_ratio": 0.8, "exact_match": 0.01,
        "copied_spans": 0.0, "judge_outliers": {"green": {"above": 3, "below": 1_200}},
    }  # fmt: skip
    badges = [{"code": "C2", "outcome": "quarantine", "text": "2 of 60 reports are empty"}]
    own = row("t/m", badges=badges, missing=["green"])
    own["metrics"]["bleu_2"]["n_failed"] = 2
    _, text = drawn(board(row=own, why="held by integrity check C2", diagnostics=diagnostics))
    assert "No rank on Sandbox, findings: held by integrity check C2." in text
    assert "90.0% are distinct; the most common one is used for 5.0% of the studies" in text
    assert "2 empty" in text
    assert "green far above what RadGraph-F1 and RaTEScore predict in 3 studies, far below in 1,200" in text
    assert "C2: 2 of 60 reports are empty (held: no rank until a maintainer has reviewed it)" in text
    assert "Not computed here: green" in text
    assert "2 failed (worst score)" in text
    assert "| none |" in score_comment(result(board(row=own)), REPOSITORY)


def test_a_withheld_dataset_says_how_coarse_it_is():
    quota = {
        "dataset": "rexgradient", "digest": "a" * 64, "counted": True, "used": 1, "runs": 1, "window_days": 30,
        "used_in_year": 2, "runs_per_year": 6, "next": "2026-12-26T13:58:12Z", "holder": "team/t",
        "holders": [{"holder": "team/t", "next": "2026-12-26T13:58:12Z"}],
    }  # fmt: skip
    _, text = drawn(board(step=5 / 62), quota=[quota])
    assert "rounded to steps of 0.0806." in text
    assert "1.20 [1.10, 1.30]" in text
    assert "−0.05 [−0.07, 0.00]" in text
    assert "1 of 1 used in 30 days, 2 of 6 in a year" in text
    assert "can be scored from 2026-12-26 13:58 UTC" in text
    _, text = drawn(error="t has used its runs.", quota=[quota])
    assert "Nothing is wrong with the submission" in text


def test_what_is_not_shown_has_no_table():
    own = row("t/m", metrics={})
    html, text = drawn(board(row=own, why="withheld by the Ladder"))
    assert "withheld by the Ladder" in text
    assert len([t for t, _ in html.tags if t == "table"]) == 1
    _, text = drawn(board(row=None, why="t/m is left out: a stand-in", others=[], differences=[]))
    assert "t/m is left out" in text


def test_datasets_without_references_are_named():
    _, text = drawn(board(), not_scored=["mimic-cxr"])
    assert "mimic-cxr is not scored: this runner does not have its references." in text


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_from_a_runner_becomes_markup(text):
    badge = {"code": "C10", "outcome": "badge", "text": text}
    drawn(board(title=text, why=text, row=row("t/m", badges=[badge], missing=[text[:30]])))
    drawn(error=text)
    drawn(board(), not_scored=[text[:40]])
