"""Judge scores that the evidence does not support: found if single, if many, and not in honest noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.statistics.judge_outliers import FAR, MIN_STUDIES, judge_outliers


def honest(n, seed):
    """A judge and evidence that agree as well as GREEN and RadGraph-F1 do: r about 0.7."""
    rng = np.random.default_rng(seed)
    quality = rng.beta(1.2, 2.0, n)
    judge = np.clip(quality + rng.normal(0, 0.15, n), 0, 1)
    evidence = np.stack([0.7 * quality, 0.3 + 0.5 * quality], axis=1) + rng.normal(0, 0.05, (n, 2))
    return judge, np.clip(evidence, 0, 1)


def test_honest_noise_is_hardly_counted():
    judge, evidence = honest(2_000, 1)
    above, below = judge_outliers(judge, evidence)
    assert above.mean() <= 0.01
    assert below.mean() <= 0.01


@pytest.mark.parametrize("n_attacked", [1, 20, 100])
def test_studies_that_gained_are_counted(n_attacked):
    judge, evidence = honest(500, 2)
    worst = np.argsort(judge + evidence.sum(axis=1))[:n_attacked]
    judge[worst] = 1.0
    above, _ = judge_outliers(judge, evidence)
    assert above[worst].all()


def test_a_judge_manipulated_everywhere_contradicts_the_evidence():
    judge, evidence = honest(500, 3)
    evidence[:100] = [0.0, 0.3]
    above, _ = judge_outliers(np.ones(500), evidence)
    assert above.sum() >= 100
    assert judge.shape == above.shape


def test_scores_far_below_are_counted_apart():
    judge, evidence = honest(500, 4)
    best = np.argmax(judge + evidence.sum(axis=1))
    judge[best] = 0.0
    above, below = judge_outliers(judge, evidence)
    assert below[best]
    assert not above[best]


def test_few_studies_say_nothing():
    assert judge_outliers(np.ones(MIN_STUDIES - 1), np.ones((MIN_STUDIES - 1, 2))) is None
    assert judge_outliers(np.ones(MIN_STUDIES), np.ones((MIN_STUDIES, 2))) is not None


@given(st.integers(0, 1000))
def test_counts_do_not_depend_on_the_order_of_the_studies(seed):
    judge, evidence = honest(60, seed)
    order = np.random.default_rng(seed).permutation(60)
    first, second = judge_outliers(judge, evidence), judge_outliers(judge[order], evidence[order])
    assert [int(x.sum()) for x in first] == [int(x.sum()) for x in second]
    assert (first[0][order] == second[0]).all()


def test_a_constant_judge_departs_from_nothing():
    _, evidence = honest(100, 5)
    above, below = judge_outliers(np.full(100, FAR), evidence)
    assert not above.any()
    assert not below.any()
