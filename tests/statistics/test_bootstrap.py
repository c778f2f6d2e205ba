"""The paired patient bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evaluator.statistics import bootstrap
from evaluator.statistics.bootstrap import (
    Clusters,
    clusters_of,
    design_effect,
    draw_means,
    fixed_point,
    interval,
    reciprocal,
    seed_of,
    weight_chunks,
)

RNG = np.random.default_rng(3)


def patients(sizes):
    return [f"p{i:04}" for i, n in enumerate(sizes) for _ in range(n)]


def test_equals_the_explicit_weighted_mean():
    clusters = clusters_of(patients(RNG.integers(1, 6, 50)))
    values = RNG.beta(1, 6, (clusters.n_studies, 3))
    draws = draw_means([values], clusters, 11, 600)[0]
    weights = np.vstack(list(weight_chunks(clusters, 11, 600))).astype(np.float64)
    assert (weights.sum(axis=1) == clusters.n).all()
    by_study = weights[:, clusters.index]
    expected = (by_study @ values) / by_study.sum(axis=1, keepdims=True)
    assert np.abs(draws - expected).max() <= 1e-12


def test_adding_a_model_changes_no_bit():
    clusters = clusters_of(patients([2] * 60))
    first = RNG.normal(size=(120, 2))
    others = [RNG.normal(size=(120, 2)) for _ in range(7)]
    alone = draw_means([first], clusters, 5, 300)[0]
    together = draw_means([others[0], first, *others[1:]], clusters, 5, 300)[1]
    assert alone.tobytes() == together.tobytes()


def test_products_are_the_same_bits_in_any_order():
    clusters = clusters_of(patients(RNG.integers(1, 9, 500)))
    sums = fixed_point(clusters.sums(RNG.normal(size=(clusters.n_studies, 3)) * [1, 1e-9, 1e6]), clusters.n)
    weights = next(iter(weight_chunks(clusters, 3, 50)))
    order = RNG.permutation(clusters.n)
    assert ((weights @ sums) == (weights[:, order] @ sums[order])).all()
    assert ((weights @ sums)[:, 1] == [math.fsum(row) for row in weights * sums[:, 1]]).all()


def test_clusters_of_one_study_are_the_study_bootstrap():
    clusters = clusters_of([f"s{i}" for i in range(80)])
    values = RNG.normal(size=(80, 1))
    draws = draw_means([values], clusters, 1, 4_000)[0]
    assert draws.std() == pytest.approx(values.std() / np.sqrt(80), rel=0.05)


def test_duplicating_each_study_within_its_patient_changes_nothing():
    values = RNG.normal(size=(90, 1))
    once = draw_means([values], clusters_of([f"p{i:02}" for i in range(90)]), 9, 2_000)[0]
    twice = draw_means(
        [np.repeat(values, 2, axis=0)], clusters_of([f"p{i:02}" for i in range(90) for _ in "ab"]), 9, 2_000
    )[0]
    assert np.abs(once - twice).max() <= 1e-6


def test_seed_depends_on_the_board_and_the_salt_alone():
    assert seed_of("a", "b", "c") == seed_of("a", "b", "c")
    assert (
        len(
            {
                seed_of("a", "b", "c"),
                seed_of("a", "b", "d"),
                seed_of("a", "b", "c", "salt"),
                seed_of("b", "a", "c"),
            }
        )
        == 4
    )


@pytest.mark.parametrize(
    ("mean", "low", "high", "expected"),
    [
        (0.5, 0.458, 0.543, (2.0, 1 / 0.543, 1 / 0.458, "bounded")),
        (0.1, -0.1, 0.3, (10.0, 1 / 0.3, None, "unbounded")),
        (0.1, 0.0, 0.3, (10.0, 1 / 0.3, None, "unbounded")),
        (-0.1, -0.3, 0.2, (None, None, None, "negative")),
        (0.0, -0.3, 0.2, (None, None, None, "negative")),
        (2.0, None, None, (0.5, None, None, "bounded")),
    ],
)
def test_reciprocals_mind_the_pole(mean, low, high, expected):
    shown = reciprocal(mean, low, high)
    assert (shown.value, shown.low, shown.high, shown.state) == pytest.approx(expected)


def test_reciprocal_keeps_the_order_of_means():
    means = np.linspace(0.01, 3, 50)
    values = [reciprocal(m, m - 0.001, m + 0.001).value for m in means]
    assert values == sorted(values, reverse=True)


def test_design_effect_sees_clusters():
    sizes = [10] * 60
    clusters = clusters_of(patients(sizes))
    level = np.repeat(RNG.normal(size=60), 10)
    same = level[:, None]
    noise = RNG.normal(size=(600, 1))
    for values, expected in ((same, 10.0), (noise, 1.0)):
        draws = draw_means([values], clusters, 2, 4_000)[0]
        assert design_effect(values, clusters, draws.std(axis=0, ddof=1))[0] == pytest.approx(
            expected, rel=0.35
        )


def test_constant_scores_have_no_spread():
    clusters = clusters_of(patients([1] * 40))
    values = np.full((40, 1), 0.25)
    draws = draw_means([values], clusters, 2, 100)[0]
    assert (draws == 0.25).all()
    assert design_effect(values, clusters, draws.std(axis=0))[0] == 1


@pytest.mark.slow
@pytest.mark.parametrize(("icc", "floor"), [(0.0, 0.92), (0.1, 0.90)])
def test_coverage_on_clustered_data(icc, floor):
    """Nominal 95 % intervals cover, where intervals over studies would cover 78 % at ICC 0.1."""
    rng = np.random.default_rng(4)
    sizes = rng.geometric(1 / 8, 200).clip(1, 46)
    clusters = clusters_of(patients(sizes))
    hits = 0
    for trial in range(200):
        shared = rng.normal(0, np.sqrt(icc), 200)[clusters.index]
        values = (shared + rng.normal(0, np.sqrt(1 - icc), clusters.n_studies))[:, None]
        low, high = interval(draw_means([values], clusters, trial, 600)[0])
        hits += bool(low[0] <= 0 <= high[0])
    assert hits / 200 >= floor


def test_clusters_are_numbered_by_name():
    clusters = clusters_of(["b", "a", "b"])
    assert clusters.index.tolist() == [1, 0, 1]
    assert clusters.counts.tolist() == [1, 2]
    assert isinstance(clusters, Clusters)
    assert clusters.sums(np.array([[1.0], [2.0], [3.0]])).tolist() == [[2.0], [4.0]]
    assert bootstrap.MIN_CLUSTERS == 30
