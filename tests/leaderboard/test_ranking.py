"""Which models are on a board, in which column, and in which order."""

from __future__ import annotations

import pandas as pd
import pytest
from support import records
from support.tables import ranked

from evaluator.core.problems import RexrankError
from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.eligibility import sort_entrants
from evaluator.leaderboard.ranking import board_keys, check_frames, overview
from evaluator.scoring.records import Board

SANDBOX = Board(get_dataset("sandbox"), "findings")
REAL = Board(get_dataset("iu-xray"), "findings")


def record(
    model="m", *, metrics=None, stand_in=False, kind="submission", status="active", digest="d", n=60, **more
):
    values = {"bleu_2": 0.5} if metrics is None else metrics
    return records.record(
        kind=kind,
        model=model,
        card={"name": model, "status": status, "training_data": ["iu-xray"]},
        n=n,
        n_clusters=42,
        metrics={k: records.entry(v, f"{k}|v1|protocol:clean", n=n) for k, v in values.items()},
        stand_in=stand_in,
        provenance={"references_sha256": digest, "predictions_sha256": "p"},
        **more,
    )


def test_stand_ins_never_enter_a_real_table():
    entries = [record("a", stand_in=True), record("b")]
    real = sort_entrants(REAL, entries, rehearsal=False)
    assert [r.model for r in real.ranked] == ["b"]
    assert real.notes[0] == (
        "t/a is left out: it was scored with stand-in or unverified weights. Rescore it with verified weights."
    )
    assert len(sort_entrants(SANDBOX, entries, rehearsal=False).ranked) == 2
    rehearsal = sort_entrants(REAL, entries, rehearsal=True)
    assert len(rehearsal.ranked) == 2
    assert ranked(REAL, rehearsal, rehearsal=True).rehearsal is True
    assert ranked(REAL, real, rehearsal=False).rehearsal is False
    assert (
        ranked(SANDBOX, sort_entrants(SANDBOX, entries, rehearsal=False), rehearsal=False).rehearsal is True
    )


def test_two_signatures_never_share_a_column():
    odd = record("c")
    other = odd.metrics["bleu_2"].model_copy(update={"signature": "bleu_2|v0|protocol:clean"})
    odd = odd.model_copy(update={"metrics": {"bleu_2": other}})
    entrants = sort_entrants(SANDBOX, [record("a"), record("b"), odd], rehearsal=False)
    assert [r.model for r in entrants.ranked] == ["a", "b"]
    assert [r.model for r in entrants.incomplete] == ["c"]
    assert "t/c: bleu_2 has a different signature" in entrants.notes[0]


def test_other_references_stop_the_ranking():
    with pytest.raises(RexrankError, match="t/c differ from the rest"):
        sort_entrants(SANDBOX, [record("a"), record("b"), record("c", digest="e")], rehearsal=False)


def test_the_primary_ranks_and_another_stands_by():
    both = record("a", metrics={"bertscore": 0.1, "bleu_2": 0.9})
    entrants = sort_entrants(SANDBOX, [both, record("b")], rehearsal=False)
    assert entrants.primary == "bertscore"
    assert [r.model for r in entrants.incomplete] == ["b"]
    assert board_keys(entrants) == ["bertscore", "bleu_2"]
    assert ranked(SANDBOX, entrants, rehearsal=False).rule == "stand-by/bertscore/v2"


def test_withdrawn_rows_stay_listed():
    entrants = sort_entrants(
        SANDBOX, [record("a"), record("b", status="withdrawn"), record("c", kind="null")], rehearsal=False
    )
    table = ranked(SANDBOX, entrants, rehearsal=False)
    assert [[r.model for r in getattr(table, g)] for g in ("rows", "withdrawn", "nulls")] == [
        ["a"],
        ["b"],
        ["c"],
    ]


def test_rows_are_in_the_order_of_the_mean():
    entries = [record("a", metrics={"bleu_2": 0.2}), record("b", metrics={"bleu_2": 0.7})]
    table = ranked(SANDBOX, sort_entrants(SANDBOX, entries, rehearsal=False), rehearsal=False)
    assert [r.model for r in table.rows] == ["b", "a"]
    assert overview([table]).boards[0].n_models == 2


@pytest.mark.parametrize("noise", [(0, 0), (1e-9, 0), (0, 1e-9)])
def test_rounding_puts_no_row_above_another(noise):
    """Equal means: the earlier submission first, then the name, whatever the last bits say."""
    means = {"b": 0.5 + noise[0], "a": 0.5 + noise[1], "late": 0.5 + sum(noise), "best": 0.6}
    entries = [
        record(m, metrics={"bleu_2": v}, submitted="2026-02-01" if m == "late" else "2026-01-01")
        for m, v in means.items()
    ]
    table = ranked(SANDBOX, sort_entrants(SANDBOX, entries, rehearsal=False), rehearsal=False)
    assert [r.model for r in table.rows] == ["best", "a", "b", "late"]


def test_training_on_the_dataset_is_marked():
    table = ranked(REAL, sort_entrants(REAL, [record("a")], rehearsal=False), rehearsal=False)
    assert table.rows[0].trained_on_dataset is True
    table = ranked(SANDBOX, sort_entrants(SANDBOX, [record("a")], rehearsal=False), rehearsal=False)
    assert table.rows[0].trained_on_dataset is False


def test_per_study_files_must_hold_the_same_studies():
    one = pd.DataFrame({"study_id": ["a", "b"], "patient": ["p", "p"]})
    check_frames(SANDBOX, {"x": one, "y": one.copy()})
    with pytest.raises(RexrankError, match="per-study scores of x and y"):
        check_frames(SANDBOX, {"x": one, "y": one.assign(study_id=["a", "c"])})
