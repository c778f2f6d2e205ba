"""A scoring run: the texts of a board are made once and passed on."""

from __future__ import annotations

import json

import pytest
from support.damage import state
from support.submissions import model_card

from evaluator.datasets.references import References, load_references
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.report import StudyReport
from evaluator.scoring.baselines import score_baselines
from evaluator.scoring.null_reports import null_reports
from evaluator.scoring.records import Board
from evaluator.scoring.run import ScoreSettings, board_pairs, score_board, score_submission
from evaluator.scoring.shards import merge_shards, write_shard
from evaluator.submissions.submission import Predictions, Submission

PROBES = 3
"""A reference against itself, against an empty report and against another patient's."""
TRACKS = ("findings", "report")


@pytest.fixture
def entries(monkeypatch):
    """The track for each time the texts of a board are made."""
    make, tracks = References.pairs, []

    def counted(references, predictions, track, name):
        tracks.append(track)
        return make(references, predictions, track, name)

    monkeypatch.setattr(References, "pairs", counted)
    return tracks


@pytest.fixture
def references():
    return load_references(get_dataset("sandbox"), None)


def settings(store):
    return ScoreSettings(metrics=("bleu_2",), store=store)


def submission(references: References, dataset="sandbox"):
    reports = {i: StudyReport(f"Clear lungs {i}.", "Normal.") for i in references.studies}
    return Submission("t", "m", model_card(name="m"), {dataset: Predictions(dataset, reports, "d" * 64)})


def test_texts_of_a_board_are_made_once(tmp_path, references, entries):
    paths = score_submission(submission(references), references.dataset, references, tmp_path / "board", settings(tmp_path / "store"))  # fmt: skip
    assert entries == list(TRACKS)
    assert [json.loads(p.read_text("utf-8"))["integrity"]["outcome"] for p in paths]
    assert list((tmp_path / "board" / "cases").rglob("t__m.json")), "the texts were kept as well"


def test_baselines_and_probes_are_scored_once_each(tmp_path, references, entries):
    score_baselines(references, tmp_path / "board", settings(tmp_path / "store"))
    rows = len(null_reports(references.studies, (), seed=""))
    assert entries == [track for track in TRACKS for _ in range(rows + PROBES)]


def test_merged_shards_once_and_equal_to_a_whole_run(tmp_path, references, entries):
    mine, own_settings = submission(references), settings(tmp_path / "store")
    for track in TRACKS:
        board = Board(references.dataset, track)
        pairs = board_pairs(board, references, mine.files["sandbox"].items, own_settings.protocol)
        for part in ((1, 2), (2, 2)):
            write_shard(own_settings, board, mine, score_board(board, pairs, own_settings, part=part), part)
    entries.clear()
    merge_shards(mine, references.dataset, references, tmp_path / "merged", own_settings)
    assert entries == list(TRACKS)
    score_submission(mine, references.dataset, references, tmp_path / "whole", settings(tmp_path / "other"))
    assert state(tmp_path / "merged") == state(tmp_path / "whole")


def test_a_metric_is_computed_only_for_its_tracks(tmp_path, references):
    wanted = ScoreSettings(metrics=("bleu_2", "crimson"), store=tmp_path)
    reports = submission(references).files["sandbox"].items
    tracks = {}
    for track in TRACKS:
        board = Board(references.dataset, track)
        result = score_board(board, board_pairs(board, references, reports, "clean"), wanted)
        tracks[track] = {*result.scores, *result.unavailable}
    assert tracks == {"findings": {"bleu_2", "crimson"}, "report": {"bleu_2"}}
