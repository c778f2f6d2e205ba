"""Tau-b equals scipy's on every resample; preference accuracy is counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator.statistics.agreement import holds, preference, tau
from evaluator.statistics.bootstrap import clusters_of, weight_chunks


def test_tau_is_scipys_on_the_items_and_on_every_resample():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 6, 80).astype(float), rng.integers(0, 4, 80).astype(float)
    clusters = clusters_of([f"{i // 2:02}" for i in range(80)])
    weights = np.vstack([*weight_chunks(clusters, 1, 40)])
    estimate = tau(x, y, clusters.index, weights)
    assert estimate.value == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)
    draws = []
    for row in weights:
        picked = np.repeat(np.arange(80), row[clusters.index].astype(int))
        draws.append(stats.kendalltau(x[picked], y[picked]).statistic)
    assert (estimate.low, estimate.high) == pytest.approx(
        tuple(np.quantile(draws, [0.025, 0.975])), abs=1e-12
    )


@pytest.mark.parametrize(
    ("x", "expected"),
    [([1, 2, 3, 4], 1.0), ([4, 3, 2, 1], -1.0), ([1, 1, 1, 1], None), ([1, 1 + 1e-9, 2, 3], 0.913)],
)
def test_tau_of_orders_and_ties(x, expected):
    estimate = tau(np.array(x, dtype=float), np.arange(4.0), np.arange(4), np.ones((5, 4)))
    assert estimate.value == (None if expected is None else pytest.approx(expected, abs=1e-3))
    assert estimate.low is estimate.high is None, "four clusters are too few for an interval"


def test_preference_leaves_undecided_pairs_out_and_halves_ties():
    y = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 3.0], [1.0, 5.0]])
    x = np.array([[0.1, 0.2], [0.5, 0.5], [0.9, 0.1], [0.7, 0.2]])
    estimate = preference(x, y, np.ones((3, 4)))
    assert (estimate.n, estimate.right, estimate.tied, estimate.accuracy.value) == (3, 1, 1, 0.5)
    assert preference(x, np.zeros((4, 2)), np.ones((3, 4))).accuracy.value is None


@pytest.mark.parametrize(
    ("scores", "relations", "expected"),
    [
        ([0.9, 0.1], [(0, ">", 1)], True),
        ([0.1, 0.9], [(0, ">", 1)], False),
        ([0.5, 0.5 + 1e-9], [(0, ">", 1)], False),
        ([0.5, 0.5 + 1e-9], [(0, "=", 1)], True),
        ([0.5, 0.4, 0.4], [(0, ">", 1), (1, ">", 2)], False),
    ],
)
def test_a_case_passes_only_when_every_relation_holds(scores, relations, expected):
    assert holds(scores, relations) is expected
