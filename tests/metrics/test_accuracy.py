"""Accuracy over skills against figures computed by hand, question by question; its interval and test by brute force."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.core.types import Pair
from evaluator.datasets.skills import SKILLS
from evaluator.metrics.accuracy import (
    Accuracy,
    AccuracyDifferentialDiagnosis,
    AccuracyGeometric,
    AccuracyLocation,
    AccuracyMacro,
    AccuracyNegation,
    AccuracyPresence,
)
from evaluator.metrics.corpus import macro_share
from evaluator.models.runtime import Run
from evaluator.statistics import corpus
from evaluator.statistics.bootstrap import clusters_of, weight_chunks
from evaluator.statistics.significance import sign_flip

NAMES = tuple(s.name for s in SKILLS)
SINGLE = (
    AccuracyDifferentialDiagnosis,
    AccuracyGeometric,
    AccuracyLocation,
    AccuracyNegation,
    AccuracyPresence,
)
LETTERS = st.sampled_from("ABCD")
QUESTIONS = st.lists(
    st.tuples(st.sampled_from(NAMES), LETTERS, LETTERS | st.just("")), min_size=1, max_size=60
)


def pairs_of(rows):
    return [
        Pair(f"q{i:04}", right, answer, (("skill", skill),)) for i, (skill, right, answer) in enumerate(rows)
    ]


def figure(metric, pairs):
    scores = metric.score(pairs, Run())
    if metric.corpus is None:
        return float(scores.values.mean())
    return corpus.value(scores.counts.astype(np.float64), metric.corpus.statistic)


ROWS = [
    ("Presence Assessment", "A", "A"),
    ("Presence Assessment", "B", "A"),
    ("Presence Assessment", "C", ""),
]
CASES = [
    # rows, accuracy, mean of the skills that have questions
    (ROWS[:1], 1.0, 1.0),
    (ROWS, 1 / 3, 1 / 3),
    ([*ROWS, ("Negation Assessment", "D", "D")], 2 / 4, (1 / 3 + 1) / 2),
    ([*ROWS, *((n, "A", "A") for n in NAMES[:4])], 5 / 7, (1 / 3 + 4) / 5),
    ([(n, "A", "") for n in NAMES], 0.0, 0.0),
    ([("Presence Assessment", "A", "a")], 0.0, 0.0),
]


@pytest.mark.parametrize(("rows", "accuracy", "macro"), CASES)
def test_figures_by_hand(rows, accuracy, macro):
    pairs = pairs_of(rows)
    assert figure(Accuracy(), pairs) == pytest.approx(accuracy, abs=1e-12)
    assert figure(AccuracyMacro(), pairs) == pytest.approx(macro, abs=1e-12)


@given(QUESTIONS)
@settings(max_examples=60, deadline=None)
def test_the_macro_figure_is_the_mean_of_the_skills_own(rows):
    pairs = pairs_of(rows)
    right = defaultdict(list)
    for skill, wanted, answer in rows:
        right[skill].append(answer == wanted)
    own = {name: sum(r) / len(r) for name, r in right.items()}
    assert figure(AccuracyMacro(), pairs) == pytest.approx(sum(own.values()) / len(own), abs=1e-12)
    for metric, name in zip(SINGLE, NAMES, strict=True):
        assert metric.skills == (name,)
        assert figure(metric(), pairs) == pytest.approx(own.get(name, 0.0), abs=1e-12)
    weights = [1 / (len(own) * len(right[skill])) for skill, _, _ in rows]
    assert figure(AccuracyMacro(), pairs) == pytest.approx(
        sum(w for w, (_, a, b) in zip(weights, rows, strict=True) if a == b), abs=1e-12
    )
    assert figure(AccuracyMacro(), pairs[::-1]) == pytest.approx(figure(AccuracyMacro(), pairs), abs=1e-15)


@given(QUESTIONS, st.integers(0, 59))
@settings(max_examples=60, deadline=None)
def test_a_missing_answer_never_raises_a_score_and_is_counted(rows, place):
    place %= len(rows)
    without = [*rows[:place], (*rows[place][:2], ""), *rows[place + 1 :]]
    for metric in (Accuracy(), AccuracyMacro(), *(m() for m in SINGLE)):
        assert figure(metric, pairs_of(without)) <= figure(metric, pairs_of(rows)) + 1e-15
    failed = AccuracyMacro().score(pairs_of(without), Run()).failed
    assert failed.tolist() == Accuracy().score(pairs_of(without), Run()).failed.tolist()
    assert failed.sum() == sum(not answer for _, _, answer in without)
    apart = sum(m().score(pairs_of(without), Run()).failed.sum() for m in SINGLE)
    assert apart == failed.sum(), "an unanswered question has failed under its own skill alone"


def test_a_question_without_a_known_skill_has_no_score():
    for context in ((), (("skill", "Severity"),)):
        with pytest.raises(ValueError, match="'q7' has no known skill"):
            AccuracyMacro().score([Pair("q7", "A", "A", context)], Run())
    assert Accuracy().score([Pair("q7", "A", "A")], Run()).values.tolist() == [1.0]


def test_signatures_name_the_rule_for_unanswered_questions():
    assert str(AccuracyMacro().signature(Run())) == "accuracy_macro|v1|unanswered:wrong|protocol:clean"
    assert str(AccuracyNegation().signature(Run())) == "accuracy_negation|v1|unanswered:wrong|protocol:clean"


def board(n=160, seed=5):
    """Two models' answers to questions of very uneven skills, several per patient, and the patients."""
    rng = np.random.default_rng(seed)
    skills = rng.choice(5, size=n, p=[0.17, 0.05, 0.08, 0.35, 0.35])
    patients = [f"p{i:03}" for i in rng.integers(0, n // 4, n)]
    wanted = rng.choice(list("ABCD"), n)
    rows = []
    for skill_level in ((0.9, 0.4, 0.6, 0.8, 0.7), (0.7, 0.5, 0.5, 0.7, 0.6)):
        hit = rng.random(n) < np.array(skill_level)[skills]
        answers = np.where(hit, wanted, rng.choice(list("ABCD"), n))
        rows.append([(NAMES[s], w, a) for s, w, a in zip(skills, wanted, answers, strict=True)])
    return rows, patients


def macro_by_hand(rows, weights):
    """The mean of the skills' accuracies with question i counted `weights[i]` times, in plain Python."""
    right, total = defaultdict(float), defaultdict(float)
    for (skill, wanted, answer), weight in zip(rows, weights, strict=True):
        total[skill] += weight
        right[skill] += weight * (answer == wanted)
    shares = [right[s] / total[s] for s in NAMES if total[s]]
    return sum(shares) / len(shares)


def test_interval_and_difference_are_those_of_patients_drawn_by_hand():
    (first, second), patients = board()
    clusters, draws = clusters_of(patients), 300
    counts = [AccuracyMacro().score(pairs_of(r), Run()).counts.astype(np.float64) for r in (first, second)]
    estimate = corpus.estimate(counts[0], clusters, 11, macro_share, draws)
    weights = np.vstack(list(weight_chunks(clusters, 11, draws)))
    by_hand = [[macro_by_hand(rows, draw[clusters.index]) for draw in weights] for rows in (first, second)]
    assert estimate.value == pytest.approx(macro_by_hand(first, np.ones(len(first))), abs=1e-12)
    assert (estimate.low, estimate.high) == pytest.approx(
        np.quantile(by_hand[0], [0.025, 0.975]).tolist(), abs=1e-12
    )
    assert estimate.se == pytest.approx(np.std(by_hand[0], ddof=1), abs=1e-12)
    difference = corpus.value_draws([(c, macro_share) for c in counts], clusters, 11, draws)
    apart = difference[:, 0] - difference[:, 1]
    assert apart == pytest.approx(np.subtract(*by_hand), abs=1e-12)


def test_the_paired_test_flips_whole_patients_with_weights_per_question():
    (first, second), patients = board(36, seed=9)
    clusters = clusters_of(patients)
    assert clusters.n <= 10
    n, counts = len(first), defaultdict(int)
    for skill, _, _ in first:
        counts[skill] += 1
    weight = [1 / (len(counts) * counts[skill]) for skill, _, _ in first]
    values = np.array(
        [[n * w * (a == b) for w, (_, b, a) in zip(weight, rows, strict=True)] for rows in (first, second)]
    ).T
    test = sign_flip(values, clusters, 3)
    apart = [w * ((a == b) - (c == d)) for w, (_, b, a), (_, d, c) in zip(weight, first, second, strict=True)]
    sums = np.bincount(clusters.index, weights=apart)
    flips = [abs(np.dot(signs, sums)) for signs in product((-1, 1), repeat=clusters.n)]
    expected = np.mean([f >= abs(sums.sum()) - 1e-9 for f in flips])
    assert test.difference[0] == pytest.approx(
        macro_by_hand(first, [1] * n) - macro_by_hand(second, [1] * n), abs=1e-12
    )
    assert test.p[0] == pytest.approx(expected, abs=3 * (expected * (1 - expected) / 9_999) ** 0.5 + 1e-4)
