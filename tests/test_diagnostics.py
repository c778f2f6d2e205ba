"""What the texts look like, in counts."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator.datasets.references import Reference, References
from evaluator.datasets.registry import get_dataset
from evaluator.diagnostics import describe_pairs, diagnose
from evaluator.metrics.base import Scores
from evaluator.records import Board
from evaluator.scoring import Scored
from evaluator.submission import StudyReport


def outcome(reports, dataset="iu-xray", failed=0):
    studies = {s: Reference(s, f"finding {s} here now", None, s, {}) for s in reports}
    references = References(get_dataset(dataset), studies, "d")
    bad = np.arange(len(reports)) < failed
    scored = Scored(tuple(reports), {"m": Scores(np.zeros(len(reports)), bad)}, {"m": "m"})
    return diagnose(Board(get_dataset(dataset), "findings"), references, scored, reports, "clean")


def test_numbers():
    numbers = describe_pairs([("a b c d", "A  b c d"), ("e f", "e"), ("g h", "e"), ("i j", "")])
    assert numbers == {
        "n_empty": 1,
        "distinct_fraction": 0.75,
        "top1_share": 0.5,
        "length_ratio": 0.5,
        "exact_match": 0.25,
    }


def many(n, make):
    return {f"s{i:03}": StudyReport(make(i)) for i in range(n)}


@pytest.mark.parametrize(
    ("reports", "failed", "codes", "result"),
    [
        (many(200, lambda i: f"report number {i} now"), 0, [], "pass"),
        (many(200, lambda i: f"report number {i % 10} now"), 0, ["C10"], "badge"),
        (many(200, lambda i: f"report number {i if i > 70 else 0} now"), 0, ["C10"], "badge"),
        (many(200, lambda _: "one report for all"), 0, ["C10"], "badge"),
        (many(200, lambda i: "" if i < 3 else f"report number {i} now"), 0, ["C2"], "quarantine"),
        (many(200, lambda i: f"report number {i} now"), 3, ["C3"], "quarantine"),
        (many(200, lambda i: f"r {i} " * 20), 0, ["C5"], "quarantine"),
    ],
)
def test_badges(reports, failed, codes, result):
    _, integrity = outcome(reports, failed=failed)
    assert [b["code"] for b in integrity["badges"]] == codes
    assert integrity["outcome"] == result
    assert "report" not in "".join(b["text"] for b in integrity["badges"] if "report for all" in b["text"])


def test_a_missing_study_counts_as_empty():
    numbers, _ = outcome(many(10, lambda i: f"x {i}"))
    assert numbers["n_empty"] == 0
