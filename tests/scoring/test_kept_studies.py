"""A record and its per-study scores, which the Ladder reads, change together, whoever writes and wherever it stops."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import pytest
from support import records

from evaluator.core.files import atomic_writer
from evaluator.core.problems import RexrankError
from evaluator.datasets.registry import get_dataset
from evaluator.scoring import records as module
from evaluator.scoring.kept_studies import DAY, copy_rows
from evaluator.scoring.records import (
    Board,
    read_record,
    read_studies,
    record_path,
    studies_bytes,
    studies_path,
    write_record,
)

BOARD = Board(get_dataset("rexgradient"), "findings")
PLACE = ("rexgradient", "findings", "t", "m")
N = 40
RACER = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from scoring.test_kept_studies import keep
root, name = Path(sys.argv[1]), int(sys.argv[2])
for n in range(20):
    keep(root, name + n / 100)
"""


def keep(root, value):
    """Writes a record whose every study has this score."""
    import pandas as pd

    columns = {"study_id": [f"s{i:02}" for i in range(N)], "patient": [f"p{i}" for i in range(N)]}
    frame = pd.DataFrame({**columns, "bleu_2": [float(value)] * N, "failed:bleu_2": [False] * N})
    place = {"dataset": "rexgradient", "track": "findings", "team": "t", "model": "m"}
    record = records.record(**place, n=N, n_clusters=N, metrics={"bleu_2": records.entry(float(value), n=N)})
    write_record(root / "board", root / "store", BOARD, record, frame)
    return frame


def state(root):
    """The mean in the record, and the score of every study next to it."""
    record = read_record(root / "board", root / "store", BOARD, "t", "m")
    frame = read_studies(root / "board", root / "store", BOARD, record)
    return record.metrics["bleu_2"].mean, set(frame["bleu_2"])


def test_two_processes_that_write_one_row_never_leave_one_with_the_others_scores(tmp_path):
    paths = [p for p in sys.path if p.endswith("tests")]
    racers = [subprocess.Popen([sys.executable, "-c", RACER, tmp_path, str(n), *paths]) for n in (1, 2)]
    while any(r.poll() is None for r in racers):
        copy = tmp_path / "copy"
        copy_rows(tmp_path / "store", copy / "store", "rexgradient")
        if record_path(copy / "store", *PLACE).exists():
            mean, scores = state(copy)
            assert scores == {mean}
            shutil.rmtree(copy)
    assert [r.returncode for r in racers] == [0, 0]
    mean, scores = state(tmp_path)
    assert scores == {mean}
    assert mean in {1.19, 2.19}


def test_a_writer_that_is_killed_between_the_two_files_leaves_the_row_as_it_was(tmp_path, monkeypatch):
    keep(tmp_path, 1)

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    monkeypatch.setattr(module, "write_text", killed)
    with pytest.raises(Killed):
        keep(tmp_path, 2)
    monkeypatch.undo()
    assert state(tmp_path) == (1.0, {1.0})
    keep(tmp_path, 3)
    assert state(tmp_path) == (3.0, {3.0})


def test_a_store_with_one_file_per_model_is_read_and_continued(tmp_path):
    frame = keep(tmp_path, 1)
    plain = studies_path(tmp_path / "store", *PLACE)
    for path in plain.parent.iterdir():
        path.unlink()
    with pytest.raises(RexrankError, match="it does not exist"):
        state(tmp_path)
    plain.write_bytes(studies_bytes(frame))
    assert state(tmp_path) == (1.0, {1.0})
    keep(tmp_path, 2)
    assert state(tmp_path) == (2.0, {2.0})


def test_earlier_scores_stay_for_a_day_for_current_readers(tmp_path):
    for value in (1, 2):
        keep(tmp_path, value)
    files = list(studies_path(tmp_path / "store", *PLACE).parent.iterdir())
    assert len(files) == 2
    old = time.time() - DAY - 60
    for path in files:
        os.utime(path, (old, old))
    keep(tmp_path, 3)
    (last,) = studies_path(tmp_path / "store", *PLACE).parent.iterdir()
    assert last not in files
    assert state(tmp_path) == (3.0, {3.0})


def test_a_rename_whose_reply_was_lost_counts_as_done(tmp_path, monkeypatch):
    """A network disk repeats the rename, and no longer finds the file."""
    path = tmp_path / "x"
    renamed = type(path).replace

    def twice(self, target):
        renamed(self, target)
        renamed(self, target)

    monkeypatch.setattr(type(path), "replace", twice)
    with atomic_writer(path) as out:
        out.write(b"new")
    assert path.read_bytes() == b"new"

    def lost(self, target):
        self.unlink()
        renamed(self, target)

    monkeypatch.setattr(type(path), "replace", lost)
    with pytest.raises(RexrankError, match="No such file"), atomic_writer(path) as out:
        out.write(b"newer")
    assert path.read_bytes() == b"new"
