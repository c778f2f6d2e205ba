"""A corpus figure from the score to the table: with intervals where they are valid, in no test and no rank."""

from __future__ import annotations

import pytest
import yaml
from support.needs import reason

from evaluator.datasets.references import load_references
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.sandbox.generate import card, predictions
from evaluator.datasets.sandbox.shipped_weights import shipped_models
from evaluator.leaderboard.pairwise_file import read_pairwise
from evaluator.leaderboard.rank import rank_all
from evaluator.metrics.registry import get_metric, text_metric_keys
from evaluator.scoring.corpus import frame_value
from evaluator.scoring.records import Board, read_records, read_studies
from evaluator.scoring.run import ScoreSettings, score_submission
from evaluator.scoring.shards import merge_shards, write_shard
from evaluator.submissions.model_card import ModelCard
from evaluator.submissions.submission import Predictions, Submission

KEYS = tuple(k for k in text_metric_keys() if get_metric(k).corpus)
BOARD = Board(get_dataset("sandbox"), "findings")


def submission(model):
    files = {"sandbox": Predictions("sandbox", predictions(model), model.encode().hex().ljust(64, "0"))}
    return Submission("rexrank-sandbox", model, ModelCard.model_validate(yaml.safe_load(card(model))), files)


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    pytest.importorskip("torch", reason=reason("score"))
    folder = tmp_path_factory.mktemp("corpus")
    settings = ScoreSettings(
        metrics=("bleu_2", *KEYS), store=folder / "store", submitted="2026-01-02", models=shipped_models()
    )
    for model in ("near-copy", "paraphrase"):
        score_submission(
            submission(model), BOARD.dataset, load_references(BOARD.dataset, None), folder, settings
        )
    return folder, settings


def test_the_table_matches_the_studies_counts(scored):
    folder, _ = scored
    (table,) = (t for t in rank_all(folder, folder / "store", rehearsal=False) if t.name == BOARD.name)
    records = {f"{r.team}/{r.model}": r for r in read_records(folder, BOARD)}
    frames = {n: read_studies(folder, folder / "store", BOARD, r) for n, r in records.items()}
    assert [m.key for m in table.metrics if m.corpus] == list(KEYS)
    assert not set(KEYS) & set(table.sensitivity.metrics)
    for row in table.rows:
        for key in KEYS:
            cell = row.metrics[key]
            assert cell.mean == pytest.approx(frame_value(key, frames[row.id]), abs=1e-6)
            assert (cell.low is None) == ("macro" in key)
    pairs = read_pairwise(folder / f"pairwise/{BOARD.name}.parquet", table).metrics
    for key in KEYS:
        (pair,) = pairs[key]
        difference = frame_value(key, frames[pair.a]) - frame_value(key, frames[pair.b])
        assert pair.difference == pytest.approx(difference, abs=1e-5)
        assert pair.p is pair.q is None


def test_ranking_twice_gives_the_same_bytes(scored):
    folder, _ = scored
    names = [f"tables/{BOARD.name}.json", f"pairwise/{BOARD.name}.parquet"]
    rank_all(folder, folder / "store", rehearsal=False)
    before = [(folder / n).read_bytes() for n in names]
    rank_all(folder, folder / "store", rehearsal=False)
    assert [(folder / n).read_bytes() for n in names] == before


def test_shards_give_the_record_of_one_run(scored, tmp_path):
    from dataclasses import replace

    from evaluator.scoring.run import board_pairs, score_board

    folder, settings = scored
    references, entered = load_references(BOARD.dataset, None), submission("near-copy")
    own_settings = replace(settings, store=tmp_path / "store")
    for track in entered.files["sandbox"].tracks:
        board = Board(BOARD.dataset, track)
        pairs = board_pairs(board, references, entered.files["sandbox"].items, own_settings.protocol)
        for i in (1, 2):
            write_shard(
                own_settings, board, entered, score_board(board, pairs, own_settings, part=(i, 2)), (i, 2)
            )
    merge_shards(entered, BOARD.dataset, references, tmp_path, own_settings)
    (whole,) = (r for r in read_records(folder, BOARD) if r.model == "near-copy")
    (merged,) = read_records(tmp_path, BOARD)
    assert merged.metrics == whole.metrics
