"""The permutation test against enumeration, and that it permutes within strata only."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from evaluator.statistics.permutation import permutation_test


def test_p_and_gain_agree_with_every_permutation():
    matrix = np.random.default_rng(3).random((6, 6)) + 0.35 * np.eye(6)
    every = np.array([matrix[np.arange(6), list(p)].mean() for p in permutations(range(6))])
    own = np.diagonal(matrix).mean()
    gain, p = permutation_test(matrix, [""] * 6, seed=1, permutations=20_000)
    assert p == pytest.approx((every >= own - 1e-9).mean(), abs=0.01)
    assert gain == pytest.approx(own - every.mean(), abs=0.01)


def test_reports_that_tell_only_the_stratum_have_no_gain_within_it():
    strata = ["normal"] * 20 + ["abnormal"] * 20
    matrix = np.equal.outer(np.array(strata), np.array(strata)).astype(float)
    assert permutation_test(matrix, [""] * 40, seed=1, permutations=1_000)[1] == pytest.approx(1 / 1001)
    assert permutation_test(matrix, strata, seed=1, permutations=1_000) == (pytest.approx(0), 1.0)


def test_the_same_seed_gives_the_same_result():
    matrix = np.random.default_rng(5).random((30, 30))
    first = permutation_test(matrix, [""] * 30, seed=9, permutations=200)
    assert permutation_test(matrix, [""] * 30, seed=9, permutations=200) == first
    assert 0 < first[1] <= 1
