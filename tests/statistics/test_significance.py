"""Sign-flip tests against exhaustive enumeration, and corrections against their definitions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from evaluator.statistics.bootstrap import PAIR_BLOCK, clusters_of, fixed_point, pair_blocks
from evaluator.statistics.significance import _flipped, benjamini_hochberg, sign_flip, sign_flips

RNG = np.random.default_rng(8)


def single(n):
    return clusters_of([f"p{i:05}" for i in range(n)])


def test_p_equals_all_sign_patterns():
    values = RNG.normal(size=(10, 2))
    difference = values[:, 0] - values[:, 1]
    every = np.array(list(product((-1, 1), repeat=10))) @ difference
    exact = (np.abs(every) >= abs(difference.sum()) - 1e-9).mean()
    p = sign_flip(values, single(10), 1).p[0]
    assert p == pytest.approx(exact, abs=3 * np.sqrt(exact * (1 - exact) / 9_999) + 1e-4)


def test_identical_systems_have_p_1():
    scores = RNG.normal(size=40)
    pairs = sign_flip(np.column_stack([scores, scores, scores + 5]), single(40), 2)
    assert pairs.p[0] == pairs.p_adjusted[0] == 1.0
    assert pairs.p[1] < 0.01


def test_swapping_the_systems_changes_nothing():
    values = RNG.normal(size=(50, 2))
    a, b = sign_flip(values, single(50), 3), sign_flip(values[:, ::-1], single(50), 3)
    assert a.p[0] == b.p[0]
    assert a.difference[0] == pytest.approx(-b.difference[0])


def test_a_difference_is_bit_for_bit_the_same_among_any_other_models():
    values = RNG.normal(size=(57, 6)) * [1, 1, 1e6, 1e-6, 3, 7]
    alone = sign_flip(values[:, :2], single(57), 3, 99).difference[0]
    for width in range(3, 7):
        assert sign_flip(values[:, :width], single(57), 3, 99).difference[0] == alone


def test_patients_are_flipped_as_one():
    effect = np.repeat(RNG.normal(0.3, 1, 20), 10)
    values = np.column_stack([effect, np.zeros(200)])
    by_patient = clusters_of([f"p{i:03}" for i in range(20) for _ in range(10)])
    assert sign_flip(values, by_patient, 4).p[0] > sign_flip(values, single(200), 4).p[0]


def test_adjusted_p_is_never_below_raw_and_keeps_the_order_of_statistics():
    values = RNG.normal(size=(120, 8)) + np.linspace(0, 0.6, 8)
    pairs = sign_flip(values, single(120), 5)
    assert (pairs.p_adjusted >= pairs.p).all()
    matrix = pairs.matrix(8)
    assert (matrix == matrix.T).all()
    assert (np.diag(matrix) == 1).all()


@pytest.mark.slow
def test_family_wise_error_stays_at_the_level():
    hits = sum(
        (
            sign_flip(np.random.default_rng(t).normal(size=(100, 10)), single(100), t, 999).p_adjusted < 0.05
        ).any()
        for t in range(300)
    )
    assert hits / 300 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def holm(p):
    """Holm's step-down adjustment, the oracle for Westfall and Young's."""
    order = np.argsort(p)
    adjusted = np.empty(p.size)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * (p.size - np.arange(p.size))), 1)
    return adjusted


def test_holm_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03])).tolist() == pytest.approx([0.03, 0.06, 0.06])


def test_independent_differences_are_adjusted_about_as_holm_does():
    values = RNG.normal(size=(150, 6)) + np.array([0, 0, 0.1, 0.2, 0.3, 0.5])
    pairs = sign_flip(values, single(150), 9)
    clear = pairs.p < 0.2
    assert (pairs.p_adjusted[clear] <= holm(pairs.p)[clear] + 0.02).all()


def test_fifty_models_can_still_be_separated():
    """With 1,225 pairs and 9,999 flips the smallest p that Holm can give is 0.12: it rejects nothing."""
    level = np.repeat([0.0, 1.0], 25)
    pairs = sign_flip(RNG.normal(size=(400, 50)) + level, single(400), 10)
    apart = level[pairs.a] != level[pairs.b]
    assert holm(pairs.p).min() == pytest.approx(0.1225)
    assert (pairs.p_adjusted[apart] < 0.05).all()
    assert (pairs.p_adjusted[~apart] < 0.05).mean() < 0.01


def test_two_models_need_no_correction():
    pairs = sign_flip(RNG.normal(size=(60, 2)), single(60), 6)
    assert pairs.p_adjusted[0] == pytest.approx(pairs.p[0], abs=1e-3)


def test_one_model_has_no_pair():
    pairs = sign_flip(RNG.normal(size=(60, 1)), single(60), 6)
    assert pairs.p.size == 0
    assert pairs.matrix(1).tolist() == [[1.0]]


def test_benjamini_hochberg_equals_scipy():
    from scipy.stats import false_discovery_control

    p = RNG.uniform(size=40)
    assert np.allclose(benjamini_hochberg(p), false_discovery_control(p))


def whole_table(values, clusters, seed, flips=999):
    """Raw and adjusted p-values from the full table of flips and pairs, by the definitions."""
    sums = clusters.sums(values - values.mean(axis=1, keepdims=True)) / clusters.n_studies
    flipped = _flipped(fixed_point(sums, clusters.n), seed, flips)
    a, b = np.triu_indices(values.shape[1], 1)
    difference = np.abs(sums.sum(axis=0)[a] - sums.sum(axis=0)[b])
    error = np.sqrt(((sums[:, a] - sums[:, b]) ** 2).sum(axis=0))
    null = np.abs(flipped[a] - flipped[b])
    raw = (1 + (null >= difference[:, None] - 1e-12).sum(axis=1)) / (flips + 1)
    order = np.argsort(-difference / error)
    highest = np.maximum.accumulate((null / error[:, None])[order[::-1]], axis=0)[::-1]
    hits = (highest >= (difference / error)[order, None] - 1e-9).sum(axis=1)
    adjusted = np.empty(a.size)
    adjusted[order] = np.maximum.accumulate((1 + hits) / (flips + 1))
    return raw, np.maximum(raw, adjusted)


@pytest.mark.parametrize("models", [2, 3, 12, 17])
def test_blocks_of_pairs_give_the_p_values_of_the_whole_table(models):
    clusters = clusters_of([f"p{i % 70:03}" for i in range(100)])
    values = RNG.normal(size=(100, models)) + np.linspace(0, 0.5, models)
    pairs = sign_flip(values, clusters, 7, 999)
    raw, adjusted = whole_table(values, clusters, 7)
    assert pairs.p.tolist() == raw.tolist()
    assert pairs.p_adjusted.tolist() == adjusted.tolist()


def test_metrics_together_are_bit_for_bit_the_same_as_alone():
    tables = [RNG.normal(size=(90, m)) for m in (3, 1, 14)]
    for table, together in zip(tables, sign_flips(iter(tables), single(90), 4, 999), strict=True):
        alone = sign_flip(table, single(90), 4, 999)
        for field in ("a", "b", "difference", "p", "p_adjusted"):
            assert getattr(alone, field).tobytes() == getattr(together, field).tobytes()
    assert sign_flips([], single(90), 4) == []


@pytest.mark.parametrize("size", [0, 1, 2, 64, 65, 130, 465, 4_950])
def test_blocks_hold_every_pair_once_and_none_is_large(size):
    blocks = pair_blocks(size)
    assert [k for block in blocks for k in range(size)[block]] == list(range(size))
    assert all(block.stop - block.start <= PAIR_BLOCK for block in blocks)


def test_studentising_each_flip_changes_no_p():
    """Signs leave the sum of squares as it is: t of a flip is the same increasing function of its mean for every pair.

    So studentising cannot remove the remaining error for models of unequal shape.
    """
    clusters = clusters_of([f"p{i % 60:03}" for i in range(90)])
    values = RNG.gamma(np.geomspace(0.1, 5, 6), 1, (90, 6))
    pairs = sign_flip(values, clusters, 3, 999)
    sums = clusters.sums(values - values.mean(axis=1, keepdims=True)) / clusters.n_studies
    flipped = _flipped(fixed_point(sums, clusters.n), 3, 999)

    def t(distance):
        square = ((sums[:, pairs.a] - sums[:, pairs.b]) ** 2).sum(axis=0)
        return distance / np.sqrt(square - distance**2 / clusters.n)

    null = t(np.abs(flipped[pairs.a] - flipped[pairs.b]).T).T
    observed = t(np.abs(pairs.difference))
    order = np.argsort(-observed)
    highest = np.maximum.accumulate(null[order[::-1]], axis=0)[::-1]
    adjusted = np.empty(observed.size)
    adjusted[order] = np.maximum.accumulate(
        (1 + (highest >= observed[order, None] - 1e-9).sum(axis=1)) / 1_000
    )
    raw = (1 + (null >= observed[:, None] - 1e-9).sum(axis=1)) / 1_000
    assert pairs.p_adjusted.tolist() == np.maximum(raw, adjusted).tolist()


def test_models_of_unequal_shape_are_rarely_separated_wrongly():
    """On 200 studies about one board in fifteen: more than 5 %, but never much more."""
    shape = np.geomspace(0.05, 20, 15)
    hits = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        values = (rng.gamma(shape, 1, (200, 15)) - shape) / np.sqrt(shape)
        hits += bool((sign_flip(values, single(200), seed, 499).p_adjusted < 0.05).any())
    assert hits <= 17  # 8 % and three standard errors
