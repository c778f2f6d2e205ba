"""Corpus F1 and its interval from summed counts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from evaluator.statistics.bootstrap import clusters_of, weight_chunks
from evaluator.statistics.corpus import draw_totals, estimate, f1_estimates, macro_f1, micro_f1

RNG = np.random.default_rng(6)


def labels(n=120, k=5):
    wanted = RNG.random((n, k)) < 0.3
    given = np.where(RNG.random((n, k)) < 0.7, wanted, ~wanted)
    counts = np.stack([wanted & given, ~wanted & given, wanted & ~given], axis=2).astype(np.int64)
    return wanted, given, counts


def test_values_equal_scikit_learn():
    wanted, given, counts = labels()
    found = f1_estimates(counts, clusters_of([f"p{i:03}" for i in range(120)]), 3)
    for average in ("micro", "macro"):
        value = found[f"{average}_f1"]
        assert value.value == pytest.approx(f1_score(wanted, given, average=average))
        assert value.low < value.value < value.high


def test_draws_equal_f1_of_the_resampled_corpus():
    wanted, given, counts = labels(60)
    clusters = clusters_of([f"p{i // 2:03}" for i in range(60)])
    flat = counts.reshape(60, -1).astype(float)
    totals = draw_totals(flat, clusters, 9, 40)
    weights = np.vstack(list(weight_chunks(clusters, 9, 40)))
    for b in range(40):
        rows = np.repeat(np.arange(60), weights[b][clusters.index].astype(int))
        assert micro_f1(totals)[b] == pytest.approx(f1_score(wanted[rows], given[rows], average="micro"))
        expected = f1_score(wanted[rows], given[rows], average="macro", zero_division=0)
        assert macro_f1(totals)[b] == pytest.approx(expected)


def test_a_label_that_nobody_has_scores_0():
    totals = np.array([[0.0, 0, 0, 2, 0, 0]])
    assert macro_f1(totals).tolist() == [0.5]
    assert micro_f1(totals).tolist() == [1.0]


def test_few_patients_have_no_interval():
    flat = np.ones((29, 3))
    assert estimate(flat, clusters_of([f"p{i}" for i in range(29)]), 1, micro_f1).low is None
