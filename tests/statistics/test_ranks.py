"""Rank ranges, groups and other ranking rules, against hand-made boards and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, rankdata

from evaluator.statistics import ranks
from evaluator.statistics.board_analysis import (
    BoardScores,
    _median_error,
    analyse,
    detectable_difference,
    metric_intervals,
)
from evaluator.statistics.bootstrap import clusters_of
from evaluator.statistics.ties import TIE, sign

RNG = np.random.default_rng(12)


def test_equal_models_share_the_whole_range():
    places = ranks.places(np.array([0.3, 0.1, 0.2]), np.ones((3, 3)))
    assert [(p.rank_low, p.rank_high, p.tied_with_best, p.cluster) for p in places] == [(1, 3, True, 1)] * 3


def test_separated_models_have_one_rank_each():
    p = np.full((3, 3), 0.001)
    places = ranks.places(np.array([0.3, 0.1, 0.2]), p)
    assert [(x.rank_low, x.rank_high, x.tied_with_best, x.cluster) for x in places] == [
        (3, 3, False, 3),
        (1, 1, True, 1),
        (2, 2, False, 2),
    ]


def test_a_ladder_without_gaps_is_one_group():
    p = np.array([[1, 0.5, 0.01], [0.5, 1, 0.5], [0.01, 0.5, 1]])
    places = ranks.places(np.array([0.1, 0.2, 0.3]), p)
    assert [(x.rank_low, x.rank_high) for x in places] == [(1, 2), (1, 3), (2, 3)]
    assert [x.tied_with_best for x in places] == [True, True, False]
    assert [x.cluster for x in places] == [1, 1, 1]


def boards():
    """Random means and adjusted p-values of up to nine models, some equal, in random order."""
    return st.integers(1, 9).flatmap(
        lambda m: st.tuples(
            st.lists(st.sampled_from([0.1, 0.2, 0.21, 0.3, 0.5]), min_size=m, max_size=m),
            st.lists(st.sampled_from([0.001, 0.04, 0.06, 1.0]), min_size=m * m, max_size=m * m),
        )
    )


@given(boards(), st.sampled_from([0.0, 0.03, 0.1]))
def test_ranges_never_decrease_down_the_table_and_only_widen(drawn, band):
    cost = np.array(drawn[0])
    m = cost.size
    p = np.minimum(square := np.reshape(drawn[1], (m, m)), square.T)
    places = ranks.places(cost, p, band=band)
    gap = cost[None, :] - cost[:, None]
    better = (gap > 0) & (p < 0.05) & (gap >= band - 1e-9)
    for i in range(m):
        assert places[i].rank_low <= 1 + better[:, i].sum()
        assert places[i].rank_high >= m - better[i].sum()
        assert not better[:, i].any() or places[i].rank_high > 1
    rows = [places[i] for i in np.argsort(cost, kind="stable")]
    for key in ("rank_low", "rank_high", "cluster"):
        values = [getattr(r, key) for r in rows]
        assert values == sorted(values)
    tied = [r.tied_with_best for r in rows]
    assert tied == sorted(tied, reverse=True)
    assert tied[0]


def test_the_order_of_the_models_decides_nothing():
    cost, p = np.array([0.1, 0.1, 0.4, 0.5]), np.ones((4, 4))
    p[0, 2] = p[2, 0] = p[0, 3] = p[3, 0] = 0.01
    turn = [3, 1, 0, 2]
    places = ranks.places(cost, p)
    assert ranks.places(cost[turn], p[np.ix_(turn, turn)]) == [places[i] for i in turn]


def test_a_difference_within_the_margin_does_not_separate_ranks():
    p = np.full((2, 2), 0.0001)
    for gap, low in ((1e-12, 1), (0.0299, 1), (0.03, 2), (0.2, 2)):
        places = ranks.places(np.array([0.1, 0.1 + gap]), p, band=0.03)
        assert (places[1].rank_low, places[1].tied_with_best) == (low, low == 1)


def test_a_significant_difference_within_the_margin_is_distinguished_from_none():
    values = np.linspace(0, 1, 200)
    frames = {"t/a": values, "t/b": values - 0.005, "t/c": values - 0.5, "t/d": np.roll(values, 100)}
    scores = BoardScores(
        {k: {"m": v} for k, v in frames.items()},
        clusters_of([f"p{i:04}" for i in range(200)]),
        "m",
        {"m": 1},
        {},
        0.01,
    )
    pairs = {(p.a, p.b): (p.better, p.matters) for p in analyse(scores, 3).pairs}
    assert pairs["t/a", "t/b"] == ("a", False)
    assert pairs["t/a", "t/c"] == ("a", True)
    assert pairs["t/a", "t/d"] == (None, False)


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
    scores = [v for order in ranks.rules(costs).values() for v in order.tolist()]
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
    analysis = analyse(scores, 7)
    assert (analysis.places["t/m2"].rank_low, analysis.places["t/m2"].rank_high) == (1, 1)
    assert (analysis.places["t/m0"].rank_low, analysis.places["t/m0"].rank_high) == (2, 3)
    assert analysis.stability["models"]["t/m2"]["first"] == 1.0
    assert analysis.sensitivity["rules"]["mean_rank"]["order"][0] == "t/m2"
    assert analysis.resolution["mde"] < analysis.resolution["mde_all_pairs"]
    assert len(analysis.pairs) == 3
    assert all(p.low < p.difference < p.high for p in analysis.pairs)
    assert analysis == analyse(scores, 7)


def test_a_duplicate_does_not_sharpen_a_board():
    """However often a model is on the board, the board shows only what it can about different models."""
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
    analysis = analyse(scores, 1)
    assert analysis.pairs[0].low is None
    assert analysis.stability == {}


def test_an_interval_does_not_depend_on_the_other_metrics():
    scores = board([0.0])
    values = scores.values["t/m0"]
    together = metric_intervals(values, scores.clusters, 3)
    alone = metric_intervals({"m": values["m"]}, scores.clusters, 3)
    assert together["m"] == alone["m"]


def test_ranges_may_overlap_although_a_test_separates_the_two():
    """Of three models only the first and the last are separated: ranges 1-2, 1-3, 2-3."""
    p = np.ones((3, 3))
    p[0, 2] = p[2, 0] = 0.01
    places = ranks.places(np.array([0.0, 0.1, 0.2]), p)
    assert [(x.rank_low, x.rank_high) for x in places] == [(1, 2), (1, 3), (2, 3)]


@pytest.mark.parametrize("p", [0.01, 0.04, 0.06, 0.5])
def test_the_best_group_is_not_significantly_worse_than_the_first(p):
    matrix = np.ones((3, 3))
    matrix[0, 2] = matrix[2, 0] = p
    places = ranks.places(np.array([0.0, 0.1, 0.2]), matrix)
    assert [x.tied_with_best for x in places] == [True, True, p >= 0.05]


def test_the_detectable_difference_is_found_with_80_percent_power():
    rng = np.random.default_rng(14)
    error = 1 / np.sqrt(400)
    means = rng.normal(detectable_difference(error), error, 20_000)
    assert (np.abs(means) > 1.96 * error).mean() == pytest.approx(0.8, abs=0.01)


def test_shares_of_first_places_are_those_of_the_draws():
    draws = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    shares = ranks.stability(["a", "b"], draws, np.array([0.0, 1.0]))["models"]
    assert (shares["a"]["first"], shares["b"]["first"]) == (0.75, 0.25)


def plain_stability(draws, costs):
    """Shares and quantiles of tau from every pair of models in every draw."""
    m = costs.size
    ahead = (draws[:, None, :] < draws[:, :, None] - TIE).sum(axis=2)
    a, b = np.triu_indices(m, 1)
    agree = sign(draws[:, a] - draws[:, b]) * sign(costs[a] - costs[b])
    tau = agree.mean(axis=1) if m > 1 else np.ones(len(draws))
    shares = [(float((ahead < 1)[:, i].mean()), float((ahead < 3)[:, i].mean())) for i in range(m)]
    return shares, np.quantile(tau, [0.025, 0.5, 0.975]).tolist()


@pytest.mark.parametrize("m", [1, 2, 3, 4, 9])
def test_the_stability_of_an_order_is_that_of_all_pairs(m):
    """Bit for bit, with equal means and draws among them."""
    rng = np.random.default_rng(m)
    costs = rng.integers(0, 4, m) / 10
    draws = costs + rng.integers(-3, 4, (600, m)) / 10 + rng.choice([0.0, 0.4, 1.2], (600, m)) * TIE
    result = ranks.stability([f"m{i}" for i in range(m)], draws, costs)
    shares = [(s["first"], s["top3"]) for s in result["models"].values()]
    assert (shares, result["tau"]) == plain_stability(draws, costs)


@pytest.mark.parametrize("m", [2, 3, 4, 30])
def test_the_median_error_is_that_of_all_differences(m):
    """Bit for bit, also where models are as good as equal."""
    rng = np.random.default_rng(m)
    draws = rng.normal(0, 0.01, (500, m)) + rng.normal(1, 0.02, (500, 1))
    draws[:, -1] = draws[:, 0] + 1e-12
    a, b = np.triu_indices(m, 1)
    errors = (draws[:, a] - draws[:, b]).std(axis=0, ddof=1)
    assert _median_error(draws) == float(np.median(errors))
