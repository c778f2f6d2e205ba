"""The Ladder's step: one standard error of the pair, and that of the board's typical pair."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator.statistics.bootstrap import clusters_of
from evaluator.statistics.ladder import ladder_step, typical_error

RNG = np.random.default_rng(5)
N = 400
BY_TWO = clusters_of([f"p{i // 2:03}" for i in range(N)])


def test_the_typical_error_is_the_median_of_all_pairs():
    values = RNG.normal(size=(N, 4)) * [1, 1, 2, 5]
    pairs = [
        ladder_step(values[:, i], values[:, j], BY_TWO, higher_is_better=True).standard_error
        for i in range(4)
        for j in range(i + 1, 4)
    ]
    assert typical_error(values, BY_TWO) == pytest.approx(np.median(pairs))


def test_for_one_model_it_is_the_error_of_its_mean():
    values = RNG.normal(3, 1, (N, 1))
    by_study = clusters_of([f"s{i:03}" for i in range(N)])
    assert typical_error(values, by_study) == pytest.approx(values.std() / np.sqrt(N))


@pytest.mark.parametrize("studies", [1, 5, 50])
def test_few_studies_cannot_reach_the_step(studies):
    best = RNG.normal(size=N)
    new = best.copy()
    new[:studies] += 0.3
    bare = ladder_step(best, new, BY_TWO, higher_is_better=True)
    step = ladder_step(best, new, BY_TWO, higher_is_better=True, typical=0.05)
    assert bare.improved
    assert not step.improved
    assert ladder_step(best, best + 0.06, BY_TWO, higher_is_better=True, typical=0.05).improved
