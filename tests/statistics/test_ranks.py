"""Rank ranges, groups and other ranking rules, against hand-made boards and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kendalltau, rankdata

from evaluator.statistics import ranks
from evaluator.statistics.board_analysis import BoardScores, analyse, metric_intervals
from evaluator.statistics.bootstrap import clusters_of

RNG = np.random.default_rng(12)


def test_equal_models_share_the_whole_range():
    found = ranks.places(np.array([0.3, 0.1, 0.2]), np.ones((3, 3)))
    assert [(p.rank_low, p.rank_high, p.tied_with_best, p.cluster) for p in found] == [(1, 3, True, 1)] * 3


def test_separated_models_have_one_rank_each():
    p = np.full((3, 3), 0.001)
    found = ranks.places(np.array([0.3, 0.1, 0.2]), p)
    assert [(x.rank_low, x.rank_high, x.tied_with_best, x.cluster) for x in found] == [
        (3, 3, False, 3),
        (1, 1, True, 1),
        (2, 2, False, 2),
    ]


def test_a_ladder_without_gaps_is_one_group():
    p = np.array([[1, 0.5, 0.01], [0.5, 1, 0.5], [0.01, 0.5, 1]])
    found = ranks.places(np.array([0.1, 0.2, 0.3]), p)
    assert [(x.rank_low, x.rank_high) for x in found] == [(1, 2), (1, 3), (2, 3)]
    assert [x.tied_with_best for x in found] == [True, True, False]
    assert [x.cluster for x in found] == [1, 1, 1]


@pytest.mark.parametrize("values", [[3.0, 1.0, 2.0], [1.0, 1.0, 2.0, 2.0, 0.0], [5.0]])
def test_average_ranks_equal_scipy(values):
    assert ranks.average_ranks(np.array(values)).tolist() == rankdata(values).tolist()


def test_tau_equals_scipy():
    for _ in range(20):
        x, y = RNG.integers(0, 6, 9).astype(float), RNG.integers(0, 6, 9).astype(float)
        assert ranks.kendall_tau(x, y) == pytest.approx(kendalltau(x, y).statistic)
    assert ranks.kendall_tau(np.ones(4), np.arange(4.0)) is None


@pytest.mark.parametrize("n", range(2, 40))
def test_tau_of_equal_and_of_opposite_rankings_is_exactly_one(n):
    x = np.arange(float(n))
    assert (ranks.kendall_tau(x, x), ranks.kendall_tau(x, -x)) == (1.0, -1.0)


def test_no_rule_writes_a_negative_zero():
    costs = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    scores = [v for found in ranks.rules(costs).values() for v in found.tolist()]
    tau = ranks.kendall_tau(np.array([1.0, 2.0, 3.0, 3.0]), np.array([1.0, 2.0, 1.0, 1.0]))
    assert not any(math.copysign(1, v) < 0 for v in scores if v == 0)
    assert ranks.rules(np.array([[1.0], [2.0]]))["borda"].tolist() == [-1.0, 0.0]
    assert math.copysign(1, ranks.rules(np.array([[1.0], [2.0]]))["borda"][1]) == 1
    assert tau != 0 or math.copysign(1, tau) == 1


def test_rules_on_a_hand_made_board():
    costs = np.array([[1.0, 1.0, 9.0], [2.0, 2.0, 1.0], [3.0, 3.0, 2.0]])
    rules = ranks.rules(costs)
    assert rules["mean_rank"].tolist() == pytest.approx([5 / 3, 5 / 3, 8 / 3])
    assert rules["borda"].tolist() == [-4, -4, -1]
    assert rules["copeland"].tolist() == [-2, 0, 2]
    assert rules["median_rank"].tolist() == [1, 2, 3]


def board(shift, n=200):
    values = {f"t/m{i}": {"m": RNG.normal(s, 1, n), "k": RNG.normal(s, 1, n)} for i, s in enumerate(shift)}
    return BoardScores(
        values, clusters_of([f"p{i:04}" for i in range(n)]), "m", {"m": 1, "k": 1}, {"k": "lexical"}
    )


def test_a_board_end_to_end():
    scores = board([0.0, 0.0, 3.0])
    found = analyse(scores, 7)
    assert (found.places["t/m2"].rank_low, found.places["t/m2"].rank_high) == (1, 1)
    assert (found.places["t/m0"].rank_low, found.places["t/m0"].rank_high) == (2, 3)
    assert found.stability["models"]["t/m2"]["first"] == 1.0
    assert found.sensitivity["rules"]["mean_rank"]["order"][0] == "t/m2"
    assert found.resolution["mde"] < found.resolution["mde_all_pairs"]
    assert len(found.pairs) == 3
    assert all(p.low < p.difference < p.high for p in found.pairs)
    assert found == analyse(scores, 7)


def test_a_duplicate_does_not_sharpen_a_board():
    """However often a model is there, what the board can show is what it can show of different models."""
    scores = board([0.0, 0.1, 0.2])
    once = analyse(scores, 7).resolution
    copies = {f"t/copy{i}": scores.values["t/m0"] for i in range(6)}
    crowded = BoardScores(
        {**scores.values, **copies}, scores.clusters, "m", scores.direction, scores.families
    )
    assert analyse(crowded, 7).resolution == once
    twice = BoardScores(
        {"t/a": scores.values["t/m0"], "t/b": scores.values["t/m0"]},
        scores.clusters,
        "m",
        scores.direction,
        scores.families,
    )
    assert analyse(twice, 7).resolution["mde"] is None


def test_lower_is_better_turns_the_board_round():
    scores = board([0.0, 3.0])
    turned = BoardScores(scores.values, scores.clusters, "m", {"m": -1, "k": -1}, scores.families)
    assert analyse(turned, 1).places["t/m0"].rank_low == 1


def test_few_patients_have_no_interval():
    scores = board([0.0, 1.0], n=29)
    assert metric_intervals(scores.values["t/m0"], scores.clusters, 1)["m"] == {
        "se": None,
        "low": None,
        "high": None,
    }
    found = analyse(scores, 1)
    assert found.pairs[0].low is None
    assert found.stability == {}


def test_an_interval_does_not_depend_on_the_other_metrics():
    scores = board([0.0])
    values = scores.values["t/m0"]
    together = metric_intervals(values, scores.clusters, 3)
    alone = metric_intervals({"m": values["m"]}, scores.clusters, 3)
    assert together["m"] == alone["m"]
