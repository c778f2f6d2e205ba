"""Whether the difference of two models is real, in words: every outcome of the test, and what the other metrics say."""

from __future__ import annotations

import pytest
from support import tables

from evaluator.leaderboard.table import PairTest
from evaluator.site.compare_verdict import Numbers, verdict

BEHIND = "They differ by 0.120 in mean BLEU-2, 95 % interval 0.100 to 0.140 (p < 0.001, adjusted for all pairs of the board)"


def said(numbers, *, better="a", matters=True, p=0.0004, access="public", **fields):
    column = tables.table()["metrics"][0] | {"equivalence": 0.01}
    worse = column | {"key": "radcliq_v1", "title": "RadCliQ-v1", "higher_is_better": False}
    table = tables.typed(
        tables.table(
            tables.row("t/a"), tables.row("t/b"), metrics=[column, worse], access=access, resolution=fields
        )
    )
    test = PairTest(
        a="t/a", b="t/b", difference=0.12, low=0.1, high=0.14, p=p, better=better, matters=matters
    )
    return verdict(table, *table.rows, test, numbers)


def numbers(d=0.12, low=0.1, high=0.14, p=0.0004, q=0.001):
    return Numbers(d, low, high, p, q)


@pytest.mark.parametrize(
    ("given", "answer", "detail"),
    [
        ({}, "a is better than b: the difference is significant.", f"{BEHIND}."),
        (
            {"better": "b", "d": -0.12, "low": -0.14, "high": -0.1},
            "b is better than a: the difference is significant.",
            f"{BEHIND}.",
        ),
        (
            {"matters": False},
            "a is better than b, but within the equivalence margin: the difference is too small to matter.",
            f"{BEHIND}; models closer than 0.01 count as equivalent by convention, so the difference does not separate ranks.",
        ),
        (
            {"better": None, "p": 0.2, "mde_all_pairs": 0.034},
            "a and b are statistically tied: a difference this small could be chance.",
            (
                "They differ by 0.120 in mean BLEU-2, 95 % interval 0.100 to 0.140 (p = 0.200, adjusted for all pairs of the board). "
                "The interval excludes 0, but with this many pairs on a board some intervals do so by chance. "
                "A tie does not mean they are equal: this board can separate two models with 80 % power only if they differ by about 0.034."
            ),
        ),
        (
            {"better": None, "p": 1, "access": "withheld", "d": 0, "low": None, "high": None},
            "a and b are statistically tied: a difference this small could be chance.",
            "They differ by less than the precision shown in mean BLEU-2 (p ≥ 0.05, adjusted for all pairs of the board).",
        ),
    ],
    ids=["better", "worse", "within the margin", "tied", "withheld"],
)
def test_every_outcome(given, answer, detail):
    ends = {k: given.pop(k) for k in ("d", "low", "high") if k in given}
    found = said({"bleu_2": numbers(**ends)}, **given)
    assert (found.answer, found.detail) == (answer, detail)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (numbers(-0.3), "1 favours a, 0 favour b, and 0 show no difference that matters"),
        (numbers(0.3), "0 favour a, 1 favours b, and 0 show no difference that matters"),
        (numbers(0.3, q=0.05), "0 favour a, 0 favour b, and 1 shows no difference that matters"),
        (numbers(0.009), "0 favour a, 0 favour b, and 1 shows no difference that matters"),
    ],
    ids=["lower is better", "the second", "not significant", "within the margin"],
)
def test_what_the_other_metrics_say(other, words):
    found = said({"bleu_2": numbers(), "radcliq_v1": other})
    assert found.detail.endswith(f" Of the one other metric, {words}.")


def test_without_a_test_nothing_is_said():
    assert said({}).answer == "The ranking test does not compare these two."
