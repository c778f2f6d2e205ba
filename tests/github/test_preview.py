"""What may leave the runner."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support import tables

from evaluator.core.problems import RexrankError
from evaluator.core.typed import view
from evaluator.github.preview import Origin, board_result, read_origin
from evaluator.github.score_result import check_result, failure
from evaluator.leaderboard.row import NullTest

SHA = "a" * 40
LEAK = """
import os, subprocess, sys
from pathlib import Path
from evaluator.github.preview import private_log
print("before")
try:
    with private_log(Path(sys.argv[1])):
        print("CANARY buffered")
        print("CANARY error", file=sys.stderr)
        os.write(1, b"CANARY raw\\n")
        subprocess.run(["echo", "CANARY child"])
        if len(sys.argv) > 2:
            raise KeyError("CANARY key")
except KeyError:
    pass
print("after")
"""


@pytest.mark.parametrize("fails", [False, True])
def test_everything_printed_goes_to_the_private_log(tmp_path, fails):
    log = tmp_path / "logs" / "x.log"
    command = [sys.executable, "-c", LEAK, str(log), *(["x"] if fails else [])]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    assert process.stdout == "before\nafter\n"
    assert "CANARY" not in process.stderr
    text = log.read_text()
    assert all(f"CANARY {w}" in text for w in ("buffered", "error", "raw", "child"))
    assert log.stat().st_mode & 0o077 == 0


def good():
    return {
        **failure(3, SHA, "").view(),
        "error": None,
        "submission": "t/m",
        "boards": [
            {
                "dataset": "d",
                "track": "report",
                "title": "D",
                "n": 10,
                "n_clusters": 9,
                "step": None,
                "primary": "bleu_2",
                "models": 1,
                "metrics": [{"key": "bleu_2", "title": "B", "better": "higher"}],
                "row": None,
                "why": None,
                "others": [],
                "differences": [],
                "before": None,
                "moved": [],
                "n_moved": 0,
                "diagnostics": {},
            }
        ],
    }


def change(path, value):
    bundle = good()
    node = bundle
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return bundle


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "text",
        change(["more"], 1),
        change(["boards", 0, "study_id"], "s1"),
        change(["boards", 0, "n"], "Clear lungs."),
        change(["boards", 0, "step"], "x"),
        change(["boards", 0, "track"], "other"),
        change(["boards", 0, "why"], "x" * 401),
        change(["boards"], good()["boards"] * 21),
        change(["sha"], "A" * 40),
        change(["pull_request"], 0),
        change(["error"], "x" * 1001),
        {k: v for k, v in good().items() if k != "sha"},
    ],
)
def test_a_result_that_violates_the_schema_does_not_leave(value):
    with pytest.raises(RexrankError) as failure:
        check_result(value)
    assert "Clear lungs" not in str(failure.value)


def test_a_valid_result_leaves_unchanged():
    assert check_result(good()).view() == good()
    assert check_result(failure(3, SHA, "x" * 1900).view()).error == "x" * 1000


def table(*ids, nulls=(), incomplete=(), **fields):
    def row(name, kind="submission", rank=None):
        why = "held" if kind == "submission" and rank is None else None
        ranks = {} if rank is None else {"rank_low": rank, "rank_high": rank}
        return tables.row(name, kind=kind, why_unranked=why, **ranks)

    return tables.typed(
        tables.table(
            *(row(i, rank=n) for n, i in enumerate(ids, start=1)),
            incomplete=[row(i) for i in incomplete],
            nulls=[row(i, "null") for i in nulls],
            notes=["t/odd is left out: stand-in."],
            **fields,
        )
    )


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("t/a", ["t/b", "baseline/x"]),
        ("t/c", ["t/a", "t/b", "t/d", "baseline/x"]),
        ("t/e", ["t/a", "t/d", "baseline/x"]),
        ("t/held", ["t/a", "baseline/x"]),
    ],
)
def test_a_row_is_shown_with_the_best_its_neighbours_and_the_baselines(name, others):
    result = board_result(
        table("t/a", "t/b", "t/c", "t/d", "t/e", nulls=["baseline/x"], incomplete=["t/held"]), name
    )
    assert result.row.id == name
    assert [r.id for r in result.others] == others
    assert (result.why is None) == (name != "t/held")


def pair(a, b, difference=0.2, low=0.1, high=0.3, p=0.01):
    return {
        "a": a,
        "b": b,
        "difference": difference,
        "low": low,
        "high": high,
        "p": p,
        "better": "a",
        "matters": True,
    }


@pytest.mark.parametrize("higher", [True, False])
def test_a_lead_is_of_the_model_asked_for_whatever_is_better(higher):
    """`difference` is the mean of a minus the mean of b; a lead is above zero if this model is better."""
    pairs = [pair("t/a", "t/b"), pair("t/b", "t/c", low=None, high=None), pair("t/a", "t/c")]
    of = table("t/a", "t/b", "t/c", nulls=["baseline/x"], pairs=pairs)
    (column,) = of.metrics
    of = of.model_copy(update={"metrics": (column.model_copy(update={"higher_is_better": higher}),)})
    leads = {d.id: d for d in board_result(of, "t/b").differences}
    sign = 1 if higher else -1
    assert leads.keys() == {"t/a", "t/c"}
    assert leads["t/a"].difference == -0.2 * sign
    assert sorted((leads["t/a"].low, leads["t/a"].high)) == sorted((-0.3 * sign, -0.1 * sign))
    assert leads["t/a"].low < leads["t/a"].high
    assert (leads["t/c"].difference, leads["t/c"].low) == (0.2 * sign, None)


def test_a_baseline_is_compared_too():
    of = table("t/a", nulls=["baseline/x"])
    test = NullTest(null="baseline/x", gain=0.2, low=0.1, high=0.3, p=0.001, outcome="clears")
    of = of.model_copy(update={"rows": (of.rows[0].model_copy(update={"against_nulls": (test,)}),)})
    assert [view(d) for d in board_result(of, "t/a").differences] == [
        {"id": "baseline/x", "difference": 0.2, "low": 0.1, "high": 0.3, "p": 0.001, "outcome": "clears"}
    ]


def test_changes_on_the_board_are_shown():
    before, after = table("t/a", "t/b", "t/gone"), table("t/b", "t/a", "t/new")
    assert board_result(after, "t/a").before is None
    result = board_result(after, "t/a", before)
    assert result.before.model_dump() == {"rank_low": 1, "rank_high": 1, "value": None}
    assert [m.model_dump() for m in result.moved] == [{"id": "t/b", "before": (2, 2), "after": (1, 1)}]
    assert result.n_moved == 1
    assert board_result(after, "t/new", before).before is None
    assert board_result(after, "t/a", before.model_copy(update={"primary": "other"})).before is None


def test_a_row_that_is_left_out_says_why():
    result = board_result(table("t/a"), "t/odd")
    assert (result.row, result.why) == (None, "t/odd is left out: stand-in.")


def test_an_unknown_origin_is_empty(tmp_path):
    assert read_origin(tmp_path, "d") == Origin()
