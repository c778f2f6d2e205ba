"""Slots, the Ladder and coarse numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.datasets.challenge import Policy
from evaluator.datasets.exposure import EXPOSURES
from evaluator.scoring.ledger import Attempt
from evaluator.scoring.quota import slot
from evaluator.statistics.bootstrap import clusters_of
from evaluator.statistics.ladder import ladder_step
from evaluator.statistics.rounding import (
    P_CLASSES,
    coarse,
    coarse_all,
    p_class,
    p_classes,
    six_decimals,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def ago(days, *, scored=True, team="a", dataset="rexgradient"):
    at = NOW - timedelta(days=days)
    return Attempt(team=team, dataset=dataset, digest=f"{days:064}", at=at, scored=scored)


@pytest.mark.parametrize(
    ("attempts", "allowed", "wait"),
    [
        ([], True, None),
        ([ago(29)], False, 1),
        ([ago(30)], True, None),
        ([ago(1, scored=False)] * 9, True, None),
        ([ago(1, team="b"), ago(1, dataset="mimic-cxr")], True, None),
        ([ago(d) for d in (40, 80, 120, 160, 200)], True, None),
        ([ago(d) for d in (40, 80, 120, 160, 200, 240)], False, 125),
        ([ago(d) for d in (10, 80, 120, 160, 200, 364)], False, 20),
        ([ago(d) for d in (40, 80, 120, 160, 200, 366)], True, None),
    ],
)
def test_slots(attempts, allowed, wait):
    place = slot(attempts, "team/a", "rexgradient", NOW, Policy())
    assert place.allowed is allowed
    assert place.next == (None if wait is None else NOW + timedelta(days=wait))


def test_the_policy_is_configurable():
    policy = Policy(runs=2, window_days=7, runs_per_year=50)
    assert slot([ago(1)], "team/a", "rexgradient", NOW, policy).allowed
    both = slot([ago(1), ago(3)], "team/a", "rexgradient", NOW, policy)
    assert (both.allowed, both.next, both.used_in_window) == (False, NOW + timedelta(days=4), 2)


@given(st.lists(st.integers(0, 500), max_size=12))
def test_the_next_slot_is_free_and_nothing_before_it_is(days):
    attempts = [ago(d) for d in days]
    place = slot(attempts, "team/a", "rexgradient", NOW, Policy())
    if place.next is not None:
        assert slot(attempts, "team/a", "rexgradient", place.next, Policy()).allowed
        assert not slot(
            attempts, "team/a", "rexgradient", place.next - timedelta(seconds=1), Policy()
        ).allowed


def test_the_ladder_moves_on_real_gains_only():
    rng = np.random.default_rng(1)
    clusters = clusters_of([f"p{i:03}" for i in range(400)])
    best = rng.normal(size=400)
    better = best + 0.5 + rng.normal(0, 0.1, 400)
    same = best + rng.normal(0, 1, 400)
    same += best.mean() - same.mean() + 0.01
    first = ladder_step(None, best, clusters, higher_is_better=True)
    assert (first.shown, first.improved) == (best.mean(), True)
    assert ladder_step(best, better, clusters, higher_is_better=True).shown == better.mean()
    assert ladder_step(best, same, clusters, higher_is_better=True).shown == best.mean()
    assert not ladder_step(best, better, clusters, higher_is_better=False).improved
    assert not ladder_step(best, best, clusters, higher_is_better=True).improved


def test_the_ladders_error_counts_patients():
    rng = np.random.default_rng(2)
    d = np.repeat(rng.normal(0.1, 1, 40), 10)
    by_patient = clusters_of([f"p{i // 10:03}" for i in range(400)])
    by_study = clusters_of([f"s{i:03}" for i in range(400)])
    wide = ladder_step(np.zeros(400), d, by_patient, higher_is_better=True).standard_error
    narrow = ladder_step(np.zeros(400), d, by_study, higher_is_better=True).standard_error
    assert wide / narrow == pytest.approx(np.sqrt(10))
    assert narrow == pytest.approx(d.std() / 20)


def test_boosting_with_random_runs_gains_less_on_the_ladder():
    """Keeping what looks better (Blum and Hardt's attack) climbs without learning; the Ladder slows that down."""
    rng = np.random.default_rng(3)
    n, clusters = 400, clusters_of([f"p{i:03}" for i in range(400)])
    raw_best, ladder_best = 0.0, np.zeros(n)
    for _ in range(100):
        run = rng.normal(0, 1, n)
        raw_best = max(raw_best, run.mean())
        if ladder_step(ladder_best, run, clusters, higher_is_better=True).improved:
            ladder_best = run
    assert ladder_best.mean() <= raw_best


@given(st.floats(-2, 2), st.integers(30, 20_000))
def test_shown_numbers_are_multiples_of_the_step(value, n):
    step = EXPOSURES["withheld"].step(n)
    assert step == max(0.001, 5 / n)
    number = coarse(value, step)
    assert abs(number - value) <= step / 2 * (1 + 1e-9) + 1e-6
    assert abs(number - step * round(number / step)) < 1e-6
    assert number == six_decimals(number)
    assert coarse(number, step) == number, "nothing moves when it is shown twice"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1 / 3, 0.333333),
        (-1e-9, 0.0),
        (7, 7),
        (True, True),
        (None, None),
        ("0.12345678", "0.12345678"),
        ((1e-7, [2 / 3]), (0.0, [0.666667])),
        ({"a": {"b": 123456.12345678}}, {"a": {"b": 123456.123457}}),
    ],
)
def test_every_float_has_six_decimals(value, wanted):
    result = six_decimals(value)
    assert (result, type(result)) == (wanted, type(wanted))
    assert repr(result) == repr(wanted), "no minus before nothing"


def test_one_study_rarely_moves_a_shown_mean():
    values = np.linspace(0.2, 0.8, 590)
    others = values.copy()
    others[0] += 1.0
    step = EXPOSURES["withheld"].step(590)
    assert coarse(values.mean(), step) == coarse(others.mean(), step) == pytest.approx(0.5, abs=step / 2)


@pytest.mark.parametrize("value", [-0.0, -1e-12, -0.0004])
def test_what_rounds_to_zero_has_no_sign(value):
    assert str(coarse(value, 0.001)) == "0.0"


@given(st.lists(st.floats(-1e4, 1e4), max_size=20), st.sampled_from([None, 0.001, 0.05, 1 / 3]))
def test_many_numbers_are_rounded_like_one(values, step):
    alone = [float(six_decimals(v)) if step is None else coarse(v, step) for v in values]
    assert list(map(repr, coarse_all(np.array(values), step))) == list(map(repr, alone))


@given(st.lists(st.floats(0, 1) | st.sampled_from([*P_CLASSES, *P_CLASSES.values()]), max_size=20))
def test_many_p_values_are_classed_like_one(values):
    assert p_classes(np.array(values)) == list(map(p_class, values))
