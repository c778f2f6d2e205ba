"""A board is ranked again if any of its inputs has changed, and only then."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest
from support.damage import DAMAGE, copy, state

from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard import rank as ranking
from evaluator.leaderboard.ranked_store import inputs_digest
from evaluator.scoring.records import Board

BOARD = Board(get_dataset("sandbox"), "findings")
KEPT = "store/ranked/sandbox.findings.json"


@pytest.fixture
def board(made, tmp_path):
    return copy(made, tmp_path / "leaderboard")


@pytest.fixture
def computed(monkeypatch):
    """The names of the boards that were computed, in order."""
    names = []
    rank_board = ranking.rank_board

    def counted(board, *args, **options):
        names.append(board.name)
        return rank_board(board, *args, **options)

    monkeypatch.setattr(ranking, "rank_board", counted)
    return names


def rank(board, *, rehearsal=False):
    ranking.rank_all(board, board / "store", rehearsal=rehearsal)


def test_unchanged_boards_are_left_alone(board, computed):
    before = state(board)
    times = {p: p.stat().st_mtime_ns for p in board.rglob("*") if p.is_file()}
    rank(board)
    assert computed == []
    assert state(board) == before
    assert {p: p.stat().st_mtime_ns for p in board.rglob("*") if p.is_file()} == times


def test_kept_and_computed_boards_are_the_same_bytes(board, computed):
    before = state(board)
    shutil.rmtree(board / "store/ranked")
    shutil.rmtree(board / "tables")
    rank(board)
    assert computed == ["sandbox.findings", "sandbox.report"]
    assert state(board) == before


def test_of_a_kept_board_no_score_is_read_but_those_of_the_ranking_metric(board, computed, monkeypatch):
    columns = []
    read = pd.read_parquet

    def counted(file, **options):
        columns.append(options.get("columns"))
        return read(file, **options)

    monkeypatch.setattr(pd, "read_parquet", counted)
    rank(board)
    assert computed == []
    assert columns
    assert all(c is not None and len(c) == 3 for c in columns)


def test_a_file_of_pairs_that_a_disk_changed_is_computed_again(board, computed):
    path = board / KEPT.replace(".json", ".parquet")
    data = path.read_bytes()
    path.write_bytes(data[:-20] + bytes([data[-20] ^ 1]) + data[-19:])
    rank(board)
    assert computed == ["sandbox.findings"]
    assert path.read_bytes() == data


def card(value):
    value["card"]["institution"] = "Elsewhere"


def edit(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def store_record(board):
    folder = board / "store/records/sandbox/findings"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a__b.json").write_text("{}")


CHANGES = {
    "a record": lambda b: edit(b / "records/sandbox/findings/rexrank-sandbox__near-copy.json", card),
    "a per-study file": lambda b: (b / "studies/sandbox/findings/note.txt").write_text("x"),
    "a release": lambda b: (b / "releases.json").write_text(
        json.dumps({"0" * 64: {"by": "someone", "why": "looked at by hand"}})
    ),
    "the sanity probes": lambda b: (b / "sanity/sandbox.findings.json").unlink(),
    "a full record in the store": store_record,
    "the kept file, damaged": lambda b: (b / KEPT).write_text("{"),
    "the kept file, gone": lambda b: (b / KEPT).unlink(),
    "the kept file, of another form": lambda b: edit(b / KEPT, lambda v: v["table"].pop("rows")),
    "a digit of the kept file": lambda b: edit(b / KEPT, lambda v: v["table"].update(n=v["table"]["n"] + 1)),
    "the kept file, of another version": lambda b: edit(b / KEPT, lambda v: v.update(schema="x")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_boards_are_computed(board, computed, name):
    CHANGES[name](board)
    rank(board)
    assert "sandbox.findings" in computed
    assert set(computed) - {"sandbox.findings"} <= ({"sandbox.report"} if name == "a release" else set())


@pytest.mark.parametrize("name", ["a pipe", "a full folder", "a link to nothing"])
def test_no_stored_board_can_block_ranking(board, name):
    before = state(board)
    DAMAGE[name](board / KEPT)
    rank(board)
    assert {k: v for k, v in state(board).items() if k != KEPT} == {
        k: v for k, v in before.items() if k != KEPT
    }


def test_rehearsal_salt_and_program_are_inputs(board, monkeypatch):
    def digest(*, rehearsal=False):
        return inputs_digest(BOARD, board, board / "store", rehearsal=rehearsal)

    digests = {digest(), digest(rehearsal=True)}
    monkeypatch.setenv("REXRANK_SALT", "long and random")
    digests.add(digest())
    monkeypatch.setattr("evaluator.leaderboard.ranked_store.program_digest", lambda: "another")
    digests.add(digest())
    assert len(digests) == 4
    elsewhere = copy(board, board.parent / "elsewhere")
    assert inputs_digest(BOARD, elsewhere, elsewhere / "store", rehearsal=False) == digest()
