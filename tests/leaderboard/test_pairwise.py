"""Pairs on every metric: the numbers of `rexrank compare`, and coarse ones for datasets that are not public."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import astuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.analysis import analyse_board
from evaluator.leaderboard.draws import MetricDraws
from evaluator.leaderboard.frames import smaller
from evaluator.leaderboard.pairwise import Pairwise, analysed_pairs, board_pairwise, metric_pairs
from evaluator.leaderboard.pairwise_file import pairwise_bytes, pairwise_digest
from evaluator.scoring.corpus import COUNTS_PREFIX
from evaluator.scoring.records import Board
from evaluator.statistics.rounding import coarse

COLUMNS = {"t/a": ["bleu_2", "rouge_l"], "t/b": ["bleu_2", "rouge_l"], "t/c": ["bleu_2"]}


def frames(n):
    rng = np.random.default_rng(1)
    ids = [f"s{i}" for i in range(n)]
    return {
        m: pd.DataFrame({"study_id": ids, "patient": ids, "bleu_2": rng.random(n), "rouge_l": rng.random(n)})
        for m in COLUMNS
    }


def test_differences_are_those_of_the_means():
    studies = frames(60)
    result = board_pairwise(Board(get_dataset("sandbox"), "findings"), "d", studies, COLUMNS)
    pairs = result.metrics["bleu_2"]
    assert [(p.a, p.b) for p in pairs] == [("t/a", "t/b"), ("t/a", "t/c"), ("t/b", "t/c")]
    assert [(p.a, p.b) for p in result.metrics["rouge_l"]] == [("t/a", "t/b")]
    for pair in pairs:
        wanted = studies[pair.a]["bleu_2"].mean() - studies[pair.b]["bleu_2"].mean()
        assert pair.difference == pytest.approx(wanted, abs=1e-6)
        assert pair.low < pair.difference < pair.high
        assert pair.p <= pair.q <= 1


def test_few_patients_have_no_interval():
    pairs = board_pairwise(Board(get_dataset("sandbox"), "findings"), "d", frames(20), COLUMNS)
    assert all(p.low is None for p in pairs.metrics["bleu_2"])


@pytest.mark.parametrize(("dataset", "step"), [("rexgradient", 5 / 60), ("chexpert-plus", 0.001)])
def test_no_number_is_finer_than_its_datasets_step(monkeypatch, dataset, step):
    monkeypatch.setenv("REXRANK_SALT", "salt")
    pairs = board_pairwise(Board(get_dataset(dataset), "report"), "d", frames(60), COLUMNS)
    for pair in pairs.metrics["bleu_2"]:
        for end in ("difference", "low", "high"):
            assert getattr(pair, end) == coarse(getattr(pair, end), step)
    assert "s1" not in str(pairs)


def test_an_empty_board_has_no_pairs():
    assert board_pairwise(Board(get_dataset("sandbox"), "findings"), "", {}, {}).metrics == {}


@pytest.mark.parametrize("n", [0, 60])
def test_the_digest_is_of_all_rows_in_one_piece(n):
    """Any reader of the file can recompute it: JSON of its rows, metric first."""
    pairs = (
        board_pairwise(Board(get_dataset("sandbox"), "findings"), "d", frames(n), COLUMNS)
        if n
        else Pairwise({})
    )
    rows = [[key, *astuple(p)] for key, of in pairs.metrics.items() for p in of]
    assert len(rows) == (4 if n else 0)
    wanted = hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()
    assert pairwise_digest(pairs) == wanted
    table = pq.read_table(io.BytesIO(pairwise_bytes(pairs)))
    assert [list(r.values()) for r in table.to_pylist()] == rows


def test_counts_take_a_byte_each():
    """A board of 250 models has 16,000 columns of them."""
    counts = np.array([0, 3, 255], dtype=np.int64)
    frame = pd.DataFrame(
        {"bleu_2": [0.1, 0.2, 0.3], f"{COUNTS_PREFIX}x": counts, f"{COUNTS_PREFIX}y": counts + 1}
    )
    small = smaller(frame)
    assert [small[c].memory_usage(index=False) for c in small] == [24, 3, 24]
    assert (small == frame).all(axis=None)


@pytest.mark.parametrize("n", [20, 60])
def test_the_pairs_of_the_analysis_are_those_of_the_metric(n):
    board, studies = Board(get_dataset("sandbox"), "findings"), frames(n)
    draws = MetricDraws(board, "d", studies, COLUMNS)
    analysis = analyse_board(board, "d", studies, COLUMNS, "bleu_2", None, draws)
    pairs = metric_pairs("bleu_2", sorted(studies), board, draws)
    assert analysed_pairs("bleu_2", analysis, board, draws) == pairs
    assert len(pairs) == 3
