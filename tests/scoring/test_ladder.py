"""How a second run on a withheld dataset changes what is shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support import records

from evaluator.datasets.registry import get_dataset
from evaluator.scoring.ladder import FIRST, People, take_step
from evaluator.scoring.record import LadderStep
from evaluator.scoring.records import Board, published, read_records, write_record

WITHHELD = Board(get_dataset("rexgradient"), "findings")
RESTRICTED = Board(get_dataset("mimic-cxr"), "findings")
PUBLIC = Board(get_dataset("sandbox"), "findings")
N = 200
BASE = np.random.default_rng(3).normal(1.0, 0.5, N)


def frame(values):
    ids = [f"s{i:03}" for i in range(N)]
    failed = np.zeros(N, dtype=np.bool_)
    return pd.DataFrame({"study_id": ids, "patient": ids, "radcliq_v1": values, "failed:radcliq_v1": failed})


def record(model, values, blob, board=WITHHELD, team="t", signature="r|v1|protocol:clean", references="d"):
    return records.record(
        dataset=board.dataset.id,
        track=board.track,
        team=team,
        model=model,
        card={"name": blob},
        n=N,
        n_clusters=N,
        metrics={"radcliq_v1": records.entry(float(np.mean(values)), signature, n=N)},
        diagnostics={"exact_match": 1 / 3},
        provenance={"predictions_sha256": blob, "references_sha256": references},
        submitted=None,
    )


@pytest.fixture
def keep(tmp_path):
    def run(model, values, blob, people=None, **more):
        entry = record(model, values, blob, **more)
        step, scores = take_step(WITHHELD, tmp_path / "store", entry, frame(values), people or People())
        write_record(tmp_path / "board", tmp_path / "store", WITHHELD, step, scores)
        return step

    run.root = tmp_path
    return run


@pytest.mark.parametrize("board", [PUBLIC, RESTRICTED], ids=lambda b: b.dataset.access)
def test_other_datasets_pass(tmp_path, board):
    entry = record("m", BASE, "1", board)
    assert take_step(board, tmp_path, entry, frame(BASE))[0] is entry


def test_the_first_run_is_shown_and_a_clear_gain_too(keep):
    assert keep("m", BASE, "1").ladder == FIRST
    better = keep("m", BASE - 0.2, "2")
    assert better.ladder == LadderStep(improved=True, best="t/m")
    assert better.metrics["radcliq_v1"].mean == pytest.approx(BASE.mean() - 0.2)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_no_gain_leaves_the_row_as_it_was(keep, noise):
    keep("m", BASE, "1")
    values = BASE + np.random.default_rng(4).normal(0.01, noise, N)
    step = keep("m", values, "2")
    assert step.metrics["radcliq_v1"].mean == pytest.approx(BASE.mean())
    assert step.provenance.predictions_sha256 == "2"
    assert step.provenance.shown_predictions_sha256 == "1"
    assert step.card.name == "2"
    (row,) = read_records(keep.root / "board", WITHHELD, keep.root / "store")
    assert row.metrics["radcliq_v1"].mean == pytest.approx(BASE.mean())


def test_another_model_without_gain_is_listed_without_numbers(keep):
    keep("m", BASE, "1")
    other = keep("other", BASE + 0.1, "2")
    assert other.ladder == LadderStep(improved=False, best="t/m")
    row = published(WITHHELD, other)
    assert row.metrics == {}
    assert row.view()["diagnostics"] == {}
    # Withheld runs are not a rung: the next run is compared with what is shown.
    assert keep("third", BASE + 0.05, "3").ladder == LadderStep(improved=False, best="t/m")


def test_the_same_file_again_keeps_its_verdict(keep):
    keep("m", BASE, "1")
    first = keep("other", BASE + 0.1, "2")
    assert keep("other", BASE + 0.1, "2").ladder == first.ladder
    assert keep("m", BASE, "1").ladder == FIRST


@pytest.mark.parametrize("more", [{"team": "u"}, {"signature": "r|v2|protocol:clean"}, {"references": "e"}])
def test_only_like_is_compared_with_like(keep, more):
    keep("m", BASE, "1")
    assert keep("n", BASE + 0.1, "2", **more).ladder == FIRST


@pytest.mark.parametrize("others", [0, 1, 3])
def test_no_run_answers_a_question_about_one_study(keep, others):
    """A run that is better in a single study reveals nothing, whoever else is on the board."""
    for k in range(others):
        keep("m", BASE + np.random.default_rng(k).normal(0, 0.3, N), f"o{k}", team=f"u{k}")
    keep("m", BASE, "1")
    one = BASE.copy()
    one[17] -= 0.3
    assert keep("m", one, "2").ladder == FIRST  # the row as it was
    assert keep("n", one, "3").ladder == LadderStep(improved=False, best="t/m")
    assert keep("n", BASE - 0.2, "4").ladder == LadderStep(improved=True, best="t/m")


SHARED = [
    ("a contact of both", People({"1": frozenset({7})}, frozenset({7, 8}), "2"), False),
    ("known from the ledger alone", People({"1": frozenset({7}), "2": frozenset({7})}), False),
    ("nobody in common", People({"1": frozenset({7})}, frozenset({8}), "2"), True),
    ("accounts of another run", People({"1": frozenset({7})}, frozenset({7}), "3"), True),
]


@pytest.mark.parametrize(("people", "shown"), [s[1:] for s in SHARED], ids=[s[0] for s in SHARED])
def test_another_team_of_the_same_people_is_compared_with_their_best(keep, people, shown):
    keep("m", BASE, "1")
    step = keep("n", BASE + 0.1, "2", people=people, team="u").ladder
    assert step == (FIRST if shown else LadderStep(improved=False, best="t/m"))


def test_an_unchanged_row_still_belongs_to_its_makers(keep):
    """The shown row is the first file's; the people behind the second are behind it too."""
    people = People({"1": frozenset({7}), "2": frozenset({8})})
    keep("m", BASE, "1", people=people)
    keep("m", BASE + 0.1, "2", people=people)
    later = People({**people.known, "3": frozenset({7})})
    assert keep("n", BASE + 0.1, "3", people=later, team="u").ladder.best == "t/m"
