"""Equal values: levels, orders and the best do not depend on the last bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.statistics import ranks
from evaluator.statistics.bootstrap import clusters_of
from evaluator.statistics.disclosure import Axis
from evaluator.statistics.ladder import ladder_step
from evaluator.statistics.significance import benjamini_hochberg, sign_flip
from evaluator.statistics.subgroups import analyse_subgroups
from evaluator.statistics.ties import TIE, by_cost, levels, lowest, sign

SCORES = st.lists(st.integers(0, 6), min_size=1, max_size=12)
"""Means in steps of a hundredth, so that many are equal."""


def noisy(values: object, seed: int, size: float = 1e-8) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    return array + size * np.random.default_rng(seed).uniform(-1, 1, array.shape)


@given(SCORES, st.integers(0, 99))
def test_levels_orders_and_the_best_ignore_the_last_bits(scores: list[int], seed: int) -> None:
    exact = np.array(scores) / 100
    near, items = noisy(exact, seed), list(range(len(scores)))
    assert levels(near).tolist() == np.unique(exact, return_inverse=True)[1].tolist()
    wanted = sorted(items, key=scores.__getitem__)
    assert by_cost(items, near) == wanted
    assert lowest(items, near) == wanted[0] == scores.index(min(scores))
    assert sign(near[:, None] - near).tolist() == np.sign(exact[:, None] - exact).tolist()


@given(SCORES, st.integers(0, 99))
def test_levels_move_with_their_values(scores: list[int], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(scores))
    exact = np.array(scores) / 100
    assert levels(noisy(exact[order], seed)).tolist() == levels(exact)[order].tolist()


@pytest.mark.parametrize(("gap", "wanted"), [(TIE / 4, [0, 0]), (4 * TIE, [0, 1])])
def test_the_tolerance_is_what_it_says(gap: float, wanted: list[int]) -> None:
    assert levels([0.5, 0.5 + gap]).tolist() == wanted
    assert lowest([], []) is None


COSTS = np.array([[0.3, 0.2, 0.5], [0.3, 0.1, 0.5], [0.1, 0.2, 0.5], [0.4, 0.4, 0.5]])
IDS = ["b", "a", "d", "c"]


@pytest.mark.parametrize("seed", range(8))
def test_places_and_other_rules_ignore_the_last_bits(seed: int) -> None:
    cost, near = COSTS[:, 0], noisy(COSTS[:, 0], seed)
    # Even a test that calls rounding significant separates no models.
    for p in (np.full((4, 4), 0.001), np.ones((4, 4))):
        assert ranks.places(near, p) == ranks.places(cost, p)
    tied = ranks.places(near, np.full((4, 4), 0.001))
    assert (
        (tied[0].rank_low, tied[0].rank_high, tied[0].cluster)
        == (2, 3, 2)
        == (
            tied[1].rank_low,
            tied[1].rank_high,
            tied[1].cluster,
        )
    )
    assert ranks.average_ranks(near).tolist() == [2.5, 2.5, 1.0, 4.0]
    exact, moved = (ranks.sensitivity(IDS, c, k) for c, k in ((cost, COSTS), (near, noisy(COSTS, seed))))
    assert moved == exact
    assert exact["mean_rank"]["order"] == ["d", "a", "b", "c"]


@pytest.mark.parametrize("seed", range(4))
def test_ranks_over_draws_ignore_the_last_bits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 5, (200, 4)) / 50
    base[:, 1] = base[:, 0]
    cost = base.mean(axis=0)
    assert ranks.stability(IDS, noisy(base, seed), noisy(cost, seed)) == ranks.stability(IDS, base, cost)


@pytest.mark.parametrize("seed", range(8))
def test_what_differs_by_rounding_alone_is_identical(seed: int) -> None:
    rng = np.random.default_rng(seed)
    clusters = clusters_of([str(i // 2) for i in range(80)])
    values = rng.uniform(0, 1, (80, 3))
    values[:, 1] = noisy(values[:, 0], seed, 1e-7) + 1e-7
    pairs = sign_flip(values, clusters, seed=seed, flips=500)
    assert (pairs.p[0], pairs.p_adjusted[0]) == (1.0, 1.0)
    exact = values.copy()
    exact[:, 1] = values[:, 0]
    assert np.abs(sign_flip(exact, clusters, seed=seed, flips=500).p - pairs.p).max() <= 2 / 500


@pytest.mark.parametrize("seed", range(8))
def test_adjusted_p_values_ignore_the_order_of_equal_statistics(seed: int) -> None:
    """Twins have equal statistics; stepping either down first changes nothing."""
    rng = np.random.default_rng(seed)
    clusters = clusters_of([str(i) for i in range(60)])
    values = rng.integers(0, 4, (60, 4)) / 4
    values[:, 2] = values[:, 1]
    near = noisy(values, seed, 1e-13)
    order = rng.permutation(4)
    exact = sign_flip(values, clusters, seed=1, flips=400).matrix(4)
    assert sign_flip(near, clusters, seed=1, flips=400).matrix(4) == pytest.approx(exact, abs=1e-12)
    permuted = sign_flip(near[:, order], clusters, seed=1, flips=400).matrix(4)
    assert permuted == pytest.approx(exact[np.ix_(order, order)], abs=1e-12)


@given(st.lists(st.sampled_from([0.01, 0.02, 0.5]), min_size=1, max_size=8), st.integers(0, 99))
def test_false_discovery_ignores_the_order_of_equal_p_values(p: list[float], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(p))
    wanted = benjamini_hochberg(p)[order]
    assert benjamini_hochberg(noisy(p, seed, 1e-12)[order]) == pytest.approx(wanted, abs=1e-10)


def test_a_gain_by_rounding_is_not_a_step_of_the_ladder() -> None:
    scores = np.linspace(0, 1, 40)
    clusters = clusters_of([str(i) for i in range(40)])
    for gain, improved in ((1e-8, False), (0.01, True)):
        assert ladder_step(scores, scores + gain, clusters, higher_is_better=True).improved is improved


@pytest.mark.parametrize("seed", range(6))
def test_the_worst_group_and_the_omnibus_test_ignore_the_last_bits(seed: int) -> None:
    """Three groups with the same scores: the first by name is the worst, and nothing separates them."""
    clusters = clusters_of([f"{i:03}" for i in range(180)])
    axis = Axis("site", [f"hospital {'cab'[i % 3]}" for i in range(180)])
    values = np.full((180, 1), 0.5)
    (results,) = analyse_subgroups(
        noisy(values, seed), [axis], clusters, seed, higher_is_better=True, draws=200
    )
    assert (results[0].worst, results[0].p) == ("hospital a", 1.0)
