"""Which models are listed without a rank, and why; what a maintainer's release changes."""

from __future__ import annotations

import json

import pytest
from support import records, tables
from support.tables import ranked

from evaluator.core.problems import RexrankError
from evaluator.core.typed import view
from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.eligibility import read_releases, sort_entrants
from evaluator.leaderboard.ranking import mark_contamination
from evaluator.scoring.records import Board

REAL = Board(get_dataset("iu-xray"), "findings")
WITHHELD = Board(get_dataset("rexgradient"), "findings")
FLAG = {"code": "C5", "outcome": "quarantine", "text": "t", "ids": []}
QUARANTINED = {"outcome": "quarantine", "badges": [FLAG]}


def record(model="m", *, kind="submission", mean=0.5, blob="b", n=590, **more):
    ends = {"se": 0.01234, "low": mean - 0.01, "high": mean + 0.01, "n": n}
    whole = {
        "kind": kind,
        "model": model,
        "card": {"name": model},
        "n": n,
        "n_clusters": n,
        "metrics": {"radcliq_v1": records.entry(mean, "r|v1|protocol:clean", **ends)},
        "diagnostics": {"top1_share": 0.1},
        "provenance": {"references_sha256": "d", "predictions_sha256": blob},
    }
    return records.record(**whole | more)


@pytest.mark.parametrize(
    ("changes", "board", "reason"),
    [
        ({}, REAL, None),
        ({"metrics": {}}, REAL, "lacks radcliq_v1 under the board's signature"),
        (
            {"integrity": QUARANTINED},
            REAL,
            "held by integrity check C5 until a maintainer releases it",
        ),
        ({"integrity": QUARANTINED, "blob": "free"}, REAL, None),
        (
            {"diagnostics": {"top1_share": 0.95}},
            REAL,
            "null-like: one report is used for at least nine in ten studies; enter it as a baseline",
        ),
        ({"diagnostics": {"top1_share": 0.95}}, Board(get_dataset("sandbox"), "findings"), None),
        (
            {"ladder": {"improved": False, "best": "t/a"}},
            WITHHELD,
            (
                "no better than the team's best (t/a) by more than one standard error: such results are not "
                "shown on a withheld dataset"
            ),
        ),
        ({"ladder": {"improved": True, "best": "t/a"}}, WITHHELD, None),
    ],
)
def test_reasons(changes, board, reason):
    other = record("other")
    entrants = sort_entrants(
        board, [other, record("m", **changes)], rehearsal=False, released=frozenset({"free"})
    )
    assert entrants.why.get("t/m") == reason
    table = ranked(board, entrants, rehearsal=False)
    rows = [*table.rows, *table.incomplete]
    assert {r.id: r.why_unranked for r in rows}["t/m"] == reason


def test_what_the_ladder_withholds_shows_no_number_anywhere():
    withheld = record("m", mean=0.123_456, n=10_000, ladder={"improved": False, "best": "t/a"})
    improvement = record(
        "a",
        mean=0.5,
        n=10_000,
        diagnostics={"top1_share": 0.123_456_789, "signal": {"bleu_2": {"gain": 0.987_654_3, "p": 0.5}}},
    )
    table = ranked(
        WITHHELD, sort_entrants(WITHHELD, [improvement, withheld], rehearsal=False), rehearsal=False
    )
    (row,) = table.incomplete
    assert row.metrics == {}
    assert view(row.diagnostics) == {}
    assert view(table.rows[0].diagnostics) == {
        "top1_share": 0.123,
        "signal": {"bleu_2": {"gain": 0.988, "p": 0.5}},
    }


def test_releases_name_bytes_and_a_person(tmp_path):
    assert read_releases(tmp_path) == frozenset()
    path = tmp_path / "releases.json"
    digest = "ab" * 32
    path.write_text(json.dumps({digest: {"by": "someone", "why": "short reports by design"}}))
    assert read_releases(tmp_path) == {digest}
    path.write_text("{}")
    assert read_releases(tmp_path) == frozenset()


def test_private_numbers_are_coarse_and_rank_by_their_own_precision():
    entries = [record("a", mean=0.500_31, n=10_000), record("b", mean=0.500_29, n=10_000)]
    table = ranked(WITHHELD, sort_entrants(WITHHELD, entries, rehearsal=False), rehearsal=False)
    assert [r.model for r in table.rows] == ["b", "a"]
    assert {r.metrics["radcliq_v1"].mean for r in table.rows} == {0.5}
    assert {r.metrics["radcliq_v1"].se for r in table.rows} == {0.01}
    assert table.step == 0.001
    public = ranked(REAL, sort_entrants(REAL, [record(mean=1 / 3)], rehearsal=False), rehearsal=False)
    assert public.step is None
    assert public.rows[0].metrics["radcliq_v1"].mean == 0.333333


def test_gain_over_the_best_baseline():
    entries = [
        record("m", mean=0.5),
        record("n1", kind="null", mean=0.9),
        record("n2", kind="null", mean=0.7),
    ]
    table = ranked(REAL, sort_entrants(REAL, entries, rehearsal=False), rehearsal=False)
    gain = table.rows[0].metrics["radcliq_v1"].gain_over_null
    assert (gain.null, gain.gain) == ("t/n2", pytest.approx(0.2))
    assert table.nulls[0].metrics["radcliq_v1"].gain_over_null is None


def test_a_model_that_drops_from_public_to_withheld_is_marked():
    def table(dataset, access, means):
        rows = [tables.row(f"t/{m}", metrics={"radcliq_v1": tables.cell(v)}) for m, v in means.items()]
        return tables.typed(tables.table(*rows, dataset=dataset, access=access, primary="radcliq_v1"))

    public = {"a": 1.0, "b": 1.1, "c": 0.9, "d": 1.05, "e": 0.2}
    withheld = {"a": 1.01, "b": 1.12, "c": 0.93, "d": 1.04, "e": 1.0}
    boards = [table("iu-xray", "public", public), table("rexgradient", "withheld", withheld)]
    for result in mark_contamination(boards):
        assert {r.model: [b.code for b in r.badges] for r in result.rows} == {
            **{key: [] for key in "abcd"},
            "e": ["C22"],
        }


def test_a_broken_link_to_releases_is_an_error(tmp_path):
    (tmp_path / "releases.json").symlink_to("nowhere")
    with pytest.raises(RexrankError, match=r"releases\.json"):
        read_releases(tmp_path)


def test_the_sandbox_says_why_a_template_has_a_rank_there():
    collapsed = record("template", diagnostics={"top1_share": 0.95})
    entrants = sort_entrants(
        Board(get_dataset("sandbox"), "findings"), [collapsed, record("m")], rehearsal=False
    )
    assert [
        n for n in entrants.notes if "t/template gives the same report for at least nine in ten studies" in n
    ]
    assert not [n for n in entrants.notes if "t/m " in n]
    assert not sort_entrants(REAL, [collapsed], rehearsal=False).notes
