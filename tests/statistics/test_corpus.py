"""Corpus F1 and its interval from summed counts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from evaluator.metrics.corpus import macro_f1, macro_share, micro_f1
from evaluator.statistics import corpus
from evaluator.statistics.board_analysis import BoardScores, analyse
from evaluator.statistics.bootstrap import clusters_of, weight_chunks
from evaluator.statistics.corpus import (
    difference,
    draw_totals,
    estimate,
    value_draws,
)
from evaluator.statistics.significance import sign_flip

RNG = np.random.default_rng(6)


def labels(n=120, k=5):
    wanted = RNG.random((n, k)) < 0.3
    answers = np.where(RNG.random((n, k)) < 0.7, wanted, ~wanted)
    counts = np.stack([wanted & answers, ~wanted & answers, wanted & ~answers], axis=2).astype(np.int64)
    return wanted, answers, counts


def test_values_equal_scikit_learn():
    wanted, answers, counts = labels()
    flat, clusters = counts.reshape(120, -1).astype(float), clusters_of([f"p{i:03}" for i in range(120)])
    for average, statistic in (("micro", micro_f1), ("macro", macro_f1)):
        value = estimate(flat, clusters, 3, statistic)
        assert value.value == pytest.approx(f1_score(wanted, answers, average=average))
        assert value.low < value.value < value.high


def test_draws_equal_f1_of_the_resampled_corpus():
    wanted, answers, counts = labels(60)
    clusters = clusters_of([f"p{i // 2:03}" for i in range(60)])
    flat = counts.reshape(60, -1).astype(float)
    totals = draw_totals(flat, clusters, 9, 40)
    weights = np.vstack(list(weight_chunks(clusters, 9, 40)))
    for b in range(40):
        rows = np.repeat(np.arange(60), weights[b][clusters.index].astype(int))
        assert micro_f1(totals)[b] == pytest.approx(f1_score(wanted[rows], answers[rows], average="micro"))
        expected = f1_score(wanted[rows], answers[rows], average="macro", zero_division=0)
        assert macro_f1(totals)[b] == pytest.approx(expected)


def test_a_label_that_nobody_has_scores_0():
    totals = np.array([[0.0, 0, 0, 2, 0, 0]])
    assert macro_f1(totals).tolist() == [0.5]
    assert micro_f1(totals).tolist() == [1.0]


def test_few_patients_have_no_interval():
    flat = np.ones((29, 3))
    assert estimate(flat, clusters_of([f"p{i}" for i in range(29)]), 1, micro_f1).low is None


def test_the_macro_accuracy_of_questions_is_another_statistic():
    skills = RNG.integers(0, 5, 300)
    right = RNG.random(300) < 0.6
    counts = np.zeros((300, 5, 2))
    counts[np.arange(300), skills] = np.column_stack([right, np.ones(300)])
    result = estimate(
        counts.reshape(300, -1), clusters_of([f"p{i // 3:03}" for i in range(300)]), 4, macro_share, 400
    )
    assert result.value == pytest.approx(np.mean([right[skills == s].mean() for s in range(5)]))
    weights = 1 / (5 * np.bincount(skills)[skills])
    assert result.value == pytest.approx((weights * right).sum()), "a mean with weights per item"
    assert result.low < result.value < result.high


@pytest.mark.parametrize("interval", ["percentile", "bca", "none"])
def test_kinds_of_interval(interval):
    _, _, counts = labels(200)
    flat = counts.reshape(200, -1).astype(float)
    clusters = clusters_of([f"p{i:03}" for i in range(200)])
    result = estimate(flat, clusters, 1, micro_f1, 400, interval)
    assert (result.low is None) == (result.se is None) == (interval == "none")
    if interval == "bca":
        from scipy.stats import bootstrap

        def statistic(i, axis=-1):
            return micro_f1(flat[i].sum(axis=-2).reshape(-1, flat.shape[1])).reshape(i.shape[:-1])

        peer = bootstrap(
            (np.arange(200),),
            statistic,
            n_resamples=4_000,
            method="BCa",
            rng=np.random.default_rng(2),
            vectorized=True,
        ).confidence_interval
        mine = estimate(flat, clusters, 1, micro_f1, 4_000, interval)
        assert (mine.low, mine.high) == pytest.approx((peer.low, peer.high), abs=0.004)


@pytest.mark.parametrize("most", [1, 1_200, 10**9], ids=["a block at a time", "two", "all"])
@pytest.mark.parametrize("scale", [1, 1_000_000], ids=["32 bits", "64 bits"])
def test_draws_are_bit_for_bit_the_same_among_any_others(monkeypatch, most, scale):
    """However many blocks a pass takes, and whether or not the sums fit numbers of half the width."""
    blocks = [(labels(120, k)[2].reshape(120, -1) * float(scale), micro_f1) for k in (5, 3, 4)]
    clusters = clusters_of([f"p{i // 2:03}" for i in range(120)])
    monkeypatch.setattr(corpus, "MAX_SUMS", most)
    dtypes, make = set(), np.empty
    monkeypatch.setattr(
        corpus.np, "empty", lambda *a, **how: (dtypes.add(how.get("dtype")), make(*a, **how))[1]
    )
    made = value_draws(blocks, clusters, 5)
    assert {np.float32 if scale == 1 else np.float64} <= dtypes
    monkeypatch.undo()
    for j, (counts, statistic) in enumerate(blocks):
        totals = np.vstack([w @ clusters.sums(counts) for w in weight_chunks(clusters, 5)])
        assert np.array_equal(made[:, j], statistic(totals))


def test_a_difference_is_paired():
    _, _, counts = labels(150)
    flat = counts.reshape(150, -1).astype(float)
    clusters = clusters_of([f"p{i:03}" for i in range(150)])
    same = difference(flat, flat, clusters, 5, micro_f1)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_a_board_that_ranks_by_a_share_over_groups_draws_the_share_and_flips_its_parts():
    """Two models on questions of very uneven skills: ends and p as computed by hand."""
    n, rng = 240, np.random.default_rng(3)
    skills = rng.choice(3, n, p=[0.05, 0.25, 0.7])
    right = {name: rng.random(n) < level for name, level in (("a/x", 0.8), ("b/y", 0.6))}
    clusters = clusters_of([f"p{i // 4:03}" for i in range(n)])
    counts = {}
    for name, hits in right.items():
        counts[name] = np.zeros((n, 3, 2))
        counts[name][np.arange(n), skills] = np.column_stack([hits, np.ones(n)])
        counts[name] = counts[name].reshape(n, -1)
    weights = n / (3 * np.bincount(skills)[skills])
    draws = value_draws([(c, macro_share) for c in counts.values()], clusters, 5)
    board = BoardScores(
        values={name: {"m": weights * hits} for name, hits in right.items()},
        clusters=clusters, primary="m", direction={"m": 1}, families={}, draws=draws,
    )  # fmt: skip
    (pair,) = analyse(board, 5).pairs
    assert pair.difference == pytest.approx(
        macro_share(counts["a/x"].sum(0)[None])[0] - macro_share(counts["b/y"].sum(0)[None])[0]
    )
    result = difference(counts["a/x"], counts["b/y"], clusters, 5, macro_share)
    assert (pair.low, pair.high) == pytest.approx((result.low, result.high), abs=1e-12)
    flips = sign_flip(np.column_stack([weights * h for h in right.values()]), clusters, 5)
    assert pair.p == flips.p_adjusted[0]
