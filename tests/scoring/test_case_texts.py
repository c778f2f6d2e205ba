"""Texts for the case browser: those of public datasets as scored, those of restricted and withheld ones never."""

from __future__ import annotations

import json

import pytest

from evaluator.core.problems import RexrankError
from evaluator.datasets.references import References, load_references
from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.datasets.report import StudyReport
from evaluator.datasets.report_references import Reference
from evaluator.scoring.case_texts import read_predictions, read_references, write_cases
from evaluator.scoring.records import Board
from evaluator.scoring.run import board_pairs

SANDBOX = get_dataset("sandbox")


def write(folder, board, references, text="Clear lungs."):
    reports = {i: StudyReport(text) for i in references.studies}
    pairs = board_pairs(board, references, reports, "clean")
    return write_cases(folder, board, references, pairs, "clean", team="a", model="b")


def test_public_texts_come_back_as_scored(tmp_path):
    board, references = Board(SANDBOX, "findings"), load_references(SANDBOX, None)
    assert [p.name for p in write(tmp_path, board, references)] == ["references.json", "a__b.json"]
    texts = read_references(tmp_path, board)
    assert len(texts.texts) == 60
    assert set(read_predictions(tmp_path, board, texts, "a", "b").values()) == {"Clear lungs."}
    assert read_predictions(tmp_path, board, texts, "a", "c") is None


PRIVATE = [d for d in map(get_dataset, dataset_ids()) if not d.exposure.studies and "findings" in d.tracks]


@pytest.mark.parametrize("dataset", [d.id for d in PRIVATE])
def test_nothing_of_a_non_public_dataset_is_written_or_read(tmp_path, dataset):
    board = Board(get_dataset(dataset), "findings")
    studies = {"s1": Reference("s1", "Secret effusion.", None, "p1", {})}
    assert write(tmp_path, board, References(board.dataset, studies, "0" * 64)) == []
    assert not list(tmp_path.rglob("*"))
    planted = tmp_path / "cases" / dataset / "findings" / "references.json"
    planted.parent.mkdir(parents=True)
    planted.write_text('{"texts": {"s1": "Secret effusion."}}')
    assert read_references(tmp_path, board) is None


def test_texts_of_other_references_are_left_out(tmp_path):
    board, references = Board(SANDBOX, "findings"), load_references(SANDBOX, None)
    write(tmp_path, board, references)
    path = tmp_path / "cases/sandbox/findings/a__b.json"
    value = json.loads(path.read_text())
    path.write_text(json.dumps({**value, "references_sha256": "1" * 64}))
    assert read_predictions(tmp_path, board, read_references(tmp_path, board), "a", "b") is None


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": "rexrank/cases/v1"}'])
def test_a_damaged_file_is_named(tmp_path, text):
    board = Board(SANDBOX, "findings")
    path = tmp_path / "cases/sandbox/findings/references.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(RexrankError, match=r"references\.json"):
        read_references(tmp_path, board)
