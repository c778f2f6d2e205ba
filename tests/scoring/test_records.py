"""Records and per-study scores as files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support import records

from evaluator.core.problems import RexrankError
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.report_references import Reference
from evaluator.metrics.base import all_scored
from evaluator.scoring.engine import Scored
from evaluator.scoring.records import Board, boards, read_records, read_studies, studies_frame, write_record

PUBLIC = Board(get_dataset("sandbox"), "findings")
RESTRICTED = Board(get_dataset("mimic-cxr"), "findings")
STUDIES = {
    "b": Reference("b", "Clear.", None, "p1", {"sex": "F"}),
    "a": Reference("a", "Clear.", None, "p1", {}),
}
SCORED = Scored(("b", "a"), {"bleu_2": all_scored([0.1, 1 / 3])}, {"bleu_2": "bleu_2|v1|protocol:clean"})
MEAN = (0.1 + 1 / 3) / 2


def record(board, **changes):
    entry = records.entry(MEAN)
    place = {"dataset": board.dataset.id, "track": board.track, "team": "acme", "model": "m-1"}
    return records.record(**place, metrics={"bleu_2": entry}, **changes)


def test_a_round_trip_keeps_six_decimals_of_a_public_dataset(tmp_path):
    frame = studies_frame(SCORED, STUDIES)
    path = write_record(tmp_path / "board", tmp_path / "store", PUBLIC, record(PUBLIC), frame)
    assert path == tmp_path / "board/records/sandbox/findings/acme__m-1.json"
    (copy,) = read_records(tmp_path / "board", PUBLIC)
    assert copy.metrics["bleu_2"].mean == round(MEAN, 6)
    studies = read_studies(tmp_path / "board", tmp_path / "store", PUBLIC, copy)
    assert studies["study_id"].tolist() == ["a", "b"]
    assert studies["bleu_2"].tolist() == [0.333333, 0.1]
    assert studies["patient"].tolist() == ["p1", "p1"]
    assert studies["failed:bleu_2"].dtype == np.bool_
    assert [b.name for b in boards(tmp_path / "board")] == ["sandbox.findings"]


def test_per_study_scores_of_a_restricted_dataset_stay_in_the_store(tmp_path):
    write_record(
        tmp_path / "board", tmp_path / "store", RESTRICTED, record(RESTRICTED), studies_frame(SCORED, STUDIES)
    )
    assert not list((tmp_path / "board").rglob("*.parquet"))
    assert len(list((tmp_path / "store").rglob("*.parquet"))) == 1
    (public_record,) = read_records(tmp_path / "board", RESTRICTED)
    (full,) = read_records(tmp_path / "board", RESTRICTED, tmp_path / "store")
    assert (public_record.metrics["bleu_2"].mean, full.metrics["bleu_2"].mean) == (round(MEAN, 3), MEAN)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"n": 0}, "/n"),
        ({"metrics": {"bleu_2": {"mean": "high"}}}, "/metrics/bleu_2"),
        ({"team": "../etc"}, "/team"),
        ({"track": "vqa"}, "/track"),
    ],
)
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_a_record_that_breaks_its_schema_is_never_written(tmp_path, changes, where):
    bad = record(PUBLIC).model_copy(update=changes)
    with pytest.raises(RexrankError, match=where):
        write_record(tmp_path, tmp_path, PUBLIC, bad, studies_frame(SCORED, STUDIES))
    assert not list(tmp_path.rglob("*.*"))


def test_a_damaged_record_says_what_to_do(tmp_path):
    path = tmp_path / "records/sandbox/findings/acme__m-1.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(RexrankError, match="rexrank score submissions/acme/m-1 --dataset sandbox"):
        read_records(tmp_path, PUBLIC)
    path.write_text(json.dumps(record(PUBLIC).view()))
    with pytest.raises(RexrankError, match="rexrank score submissions/acme/m-1 --dataset sandbox"):
        read_studies(tmp_path, tmp_path, PUBLIC, read_records(tmp_path, PUBLIC)[0])
