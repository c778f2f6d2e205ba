"""Draws are made once per metric, and a model's draws are the same bits in any company."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.draws import MetricDraws
from evaluator.scoring.records import Board
from evaluator.statistics import bootstrap

BOARD = Board(get_dataset("sandbox"), "findings")
NAMES = ("a/x", "baseline/y", "b/x")


def frames(patients):
    rng = np.random.default_rng(3)
    n = 2 * patients
    return {
        name: pd.DataFrame({
            "study_id": [f"s{i}" for i in range(n)],
            "patient": [f"p{i // 2}" for i in range(n)],
            "bleu_2": rng.uniform(size=n),
            "rouge_l": rng.uniform(size=n),
        })
        for name in NAMES
    }  # fmt: skip


@pytest.fixture
def passes(monkeypatch):
    """The number of columns of each pass over the weights."""
    widths = []
    make = bootstrap.draw_means

    def count(blocks, *args):
        widths.append(sum(b.shape[1] for b in blocks))
        return make(blocks, *args)

    monkeypatch.setattr(bootstrap, "draw_means", count)
    return widths


def test_a_metric_is_drawn_once_for_all_who_have_it(passes):
    own = frames(40)
    draws = MetricDraws(
        BOARD, "d", own, dict.fromkeys(NAMES[:2], ("bleu_2", "rouge_l")) | {"b/x": ("bleu_2",)}
    )
    assert draws.holders("rouge_l") == ["a/x", "baseline/y"]
    some, others = draws.of("bleu_2", ["b/x"]), draws.of("bleu_2", ["baseline/y", "a/x"])
    draws.of("rouge_l", ["a/x"])
    assert passes == [3, 2]
    for means, name in ((some[:, 0], "b/x"), (others[:, 0], "baseline/y"), (others[:, 1], "a/x")):
        alone = bootstrap.draw_means([own[name][["bleu_2"]].to_numpy()], draws.clusters, draws.seed)[0]
        assert np.array_equal(means, alone[:, 0])


def test_few_patients_have_none(passes):
    draws = MetricDraws(BOARD, "d", frames(29), dict.fromkeys(NAMES, ("bleu_2",)))
    assert draws.of("bleu_2", ["a/x"]) is None
    assert passes == []
