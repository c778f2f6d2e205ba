"""One order over several datasets: against its definition, and what must not change it."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from evaluator.statistics.bootstrap import clusters_of
from evaluator.statistics.overall import Population, analyse_overall
from evaluator.statistics.significance import sign_flip

IDS = ("t/a", "t/b", "t/c")


def population(n, means, seed, *, patients=None, spread=1.0, band=0.03):
    rng = np.random.default_rng(seed)
    cost = rng.normal(means, spread, (n, len(means))) + rng.normal(size=(n, 1))
    names = [f"p{i % (patients or n):04}" for i in range(n)]
    return Population(cost, clusters_of(names), seed, band)


@pytest.fixture(scope="module")
def held():
    return [
        population(300, (0.0, 0.4, 0.9), 1, patients=90),
        population(80, (0.1, 0.0, 1.0), 2, spread=3.0),
        population(40, (0.0, 0.5, 0.4), 3, spread=0.3),
    ]


def test_the_score_is_the_mean_of_standardised_differences(held):
    analysis = analyse_overall(IDS, held, 7, 199)
    for scale, one in zip(analysis.scales, held, strict=True):
        squares = [np.mean((one.cost[:, a] - one.cost[:, b]) ** 2) for a, b in combinations(range(3), 2)]
        assert scale == pytest.approx(np.sqrt(np.mean(squares)))
    wanted = np.mean(
        [(p.cost.mean(axis=0) - p.cost.mean()) / s for p, s in zip(held, analysis.scales, strict=True)],
        axis=0,
    )
    assert analysis.cost == pytest.approx(wanted)
    assert analysis.band == pytest.approx(np.mean([0.03 / s for s in analysis.scales]))
    for pair in analysis.pairs:
        lead = analysis.cost[IDS.index(pair.a)] - analysis.cost[IDS.index(pair.b)]
        assert pair.difference == pytest.approx(lead)
        assert pair.low < pair.difference < pair.high


def test_one_dataset_alone_is_tested_as_its_board_is(held):
    """One family of sign flips over patients: with a single dataset it is the board's own test."""
    for one in held:
        analysis = analyse_overall(IDS, [one], 7, 999, intervals=False)
        assert [p.p for p in analysis.pairs] == sign_flip(one.cost, one.clusters, 7, 999).p_adjusted.tolist()


def test_the_unit_is_the_same_under_every_flip(held):
    """Otherwise the datasets' weights would grow with the differences they weight, and the test would be
    anticonservative."""
    one = held[2]
    signs = np.random.default_rng(1).choice([-1.0, 1.0], one.clusters.n)[one.clusters.index, None]
    mean = one.cost.mean(axis=1, keepdims=True)
    turned = Population(mean + signs * (one.cost - mean), one.clusters, 3, 0.03)
    assert turned.scale == pytest.approx(one.scale, rel=1e-12)


def test_the_number_of_studies_gives_no_dataset_more_weight(held):
    big = held[1]
    copies = Population(
        np.repeat(big.cost, 5, axis=0),
        clusters_of([f"p{i:04}" for i in np.repeat(big.clusters.index, 5)]),
        big.seed,
        big.band,
    )
    a, b = analyse_overall(IDS, held, 7, 99), analyse_overall(IDS, [held[0], copies, held[2]], 7, 99)
    assert b.cost == pytest.approx(a.cost, abs=1e-9)


def test_a_dataset_on_which_all_are_equal_says_nothing(held):
    same = Population(np.repeat(held[0].cost[:, :1], 3, axis=1), held[0].clusters, 9, 0.03)
    analysis = analyse_overall(IDS, [held[1], same], 7, 99)
    alone = analyse_overall(IDS, [held[1]], 7, 99)
    assert analysis.scales[1] == 0.0
    assert analysis.cost == pytest.approx(alone.cost / 2)


def test_a_dataset_of_few_patients_leaves_no_interval():
    analysis = analyse_overall(IDS, [population(29, (0, 1, 2), 1), population(60, (0, 1, 2), 2)], 7, 99)
    assert {p.low for p in analysis.pairs} == {None}
    assert [p.rank_low for p in analysis.places] == [1, 2, 3]


def test_the_same_scores_give_the_same_bits(held):
    assert analyse_overall(IDS, held, 7, 99).pairs == analyse_overall(IDS, held, 7, 99).pairs
