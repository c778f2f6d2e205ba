"""The paired patient bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_products_are_bit_for_bit_the_same_in_any_order():
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
    values = reciprocal(mean, low, high)
    assert (values.value, values.low, values.high, values.state) == pytest.approx(expected)


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
@pytest.mark.parametrize(("icc", "by_study_at_most"), [(0.0, 1.0), (0.1, 0.87), (0.2, 0.75)])
def test_coverage_on_clustered_data(icc, by_study_at_most):
    """Nominal 95 % intervals cover; intervals over studies do not if a patient's scores are correlated."""
    rng = np.random.default_rng(4)
    # Few patients with very many studies, as in MIMIC-CXR's test split (289 patients, up to 46).
    by_patient = clusters_of(patients(rng.geometric(1 / 8, 289).clip(1, 46)))
    n = by_patient.n_studies
    by_study = clusters_of([f"s{i:05}" for i in range(n)])
    levels = rng.normal(0, np.sqrt(icc), (by_patient.n, 400))[by_patient.index]
    values = levels + rng.normal(0, np.sqrt(1 - icc), (n, 400))

    def coverage(clusters):
        low, high = interval(draw_means([values], clusters, 1, 1_000)[0])
        return ((low <= 0) & (high >= 0)).mean()

    assert coverage(by_patient) == pytest.approx(0.945, abs=0.03)
    assert coverage(by_study) <= by_study_at_most


def test_clusters_are_numbered_by_name():
    clusters = clusters_of(["b", "a", "b"])
    assert clusters.index.tolist() == [1, 0, 1]
    assert clusters.counts.tolist() == [1, 2]
    assert isinstance(clusters, Clusters)
    assert clusters.sums(np.array([[1.0], [2.0], [3.0]])).tolist() == [[2.0], [4.0]]
    assert bootstrap.MIN_CLUSTERS == 30


def test_models_whose_own_intervals_overlap_may_differ():
    shared = RNG.normal(size=(300, 1))
    values = shared + RNG.normal(0, 0.05, (300, 2)) + [0.0, 0.05]
    draws = draw_means([values], clusters_of([f"s{i:03}" for i in range(300)]), 3, 999)[0]
    low, high = interval(draws)
    assert high[0] > low[1]
    assert interval(draws[:, [1]] - draws[:, [0]])[0][0] > 0


@given(
    values=st.lists(st.sampled_from([-3.0, -0.1, 0.0, 0.1, 0.3, 1e9]), min_size=40, max_size=200),
    seed=st.integers(0, 99),
    normal=st.booleans(),
)
def test_ends_of_differences_are_numpys_quantiles_bit_for_bit(values, seed, normal):
    """For any draws: spread out, with few values, or all the same except one."""
    rng = np.random.default_rng(seed)
    columns = [np.array(values), rng.permutation(values), np.full(len(values), 0.5)]
    draws = np.column_stack([c + rng.normal(size=len(values)) if normal else c for c in columns])
    a, b = np.triu_indices(3, 1)
    low, high = bootstrap.difference_intervals(draws, a, b)
    wanted = np.quantile((draws[:, a] - draws[:, b]).T, [0.025, 0.975], axis=1)
    assert np.array_equal(np.array([low, high]), wanted)


def test_kept_weights_are_the_fresh_ones():
    clusters = bootstrap.clusters_of([f"p{i}" for i in range(40)])
    chunks = list(bootstrap.weight_chunks(clusters, 5, 600))
    fresh = list(bootstrap._fresh_weights(40, 5, 600))
    assert all(np.array_equal(a, b) for a, b in zip(chunks, fresh, strict=True))
