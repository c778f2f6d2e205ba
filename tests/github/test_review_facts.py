"""Counts and similarity for the maintainer."""

from __future__ import annotations

import pytest

from evaluator.datasets.report import StudyReport
from evaluator.github.review_facts import chosen, file_facts, nearest
from evaluator.submissions.submission import Predictions


def made(texts, digest="d"):
    return Predictions("sandbox", {f"s{i}": StudyReport(t) for i, t in enumerate(texts)}, digest)


def test_facts_by_hand():
    lines = file_facts(made(["Clear lungs.", "clear LUNGS", "Café au lait spot.", ""]))
    assert lines[0] == "words: 0 / 2 / 4 (5th, 50th, 95th percentile), 4 at most"
    assert lines[1] == "the most frequent report is the same in 2 of 4 studies"
    assert lines[2] == "1 report contains non-ASCII characters, 1 is empty"
    assert file_facts(made([])) == ["no report"]


@pytest.mark.parametrize(
    ("other", "share"),
    [
        (["A b.", "C d.", "E f.", "G h."], 1.0),
        (["a B", "c D!", "x", "y"], 0.5),
        (["x", "y", "z", ""], None),
    ],
)
def test_resemblance(other, share):
    neighbours = nearest(made(["A b.", "C d.", "E f.", "G h."]), {"t/m": made(other).items})
    assert neighbours == ([] if share is None else [("t/m", share)])


def test_a_sentence_appended_hides_nobody():
    text = "There is a small left effusion with basal atelectasis. The heart is enlarged. No pneumothorax is seen."
    theirs = made([f"{text} Film {i}." for i in range(9)])
    mine = made([f"{text} Film {i}. No acute disease." for i in range(9)])
    assert nearest(mine, {"t/m": theirs.items}) == [("t/m", 1.0)]


def test_empty_reports_resemble_nothing():
    assert nearest(made(["", " "]), {"t/m": made(["", ""]).items}) == []


def test_the_three_nearest_come_first():
    own = made([f"report {i}" for i in range(8)])
    others = {f"t/{k}": made([f"report {i}" for i in range(k)]).items for k in range(1, 6)}
    assert [name for name, _ in nearest(own, others)] == ["t/5", "t/4", "t/3"]


def test_samples_follow_from_the_bytes_alone():
    a, b = made(["x"] * 50), made(["x"] * 50, digest="e")
    assert chosen(a, 3) == chosen(made(["x"] * 50), 3) != chosen(b, 3)
    assert len(set(chosen(a, 50))) == 50
