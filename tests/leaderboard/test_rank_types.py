"""Ranks under other rules, kept as an order and its ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.leaderboard.rank_types import RuleOrder
from evaluator.statistics.ranks import average_ranks, rules, sensitivity


@pytest.mark.parametrize(
    ("order", "ties", "ranks"),
    [
        ("", [], {}),
        ("abc", [], {"a": 1, "b": 2, "c": 3}),
        ("abcde", ["ab", "de"], {"a": 1.5, "b": 1.5, "c": 3, "d": 4.5, "e": 4.5}),
        ("abc", ["abc"], {"a": 2, "b": 2, "c": 2}),
        ("ab", ["bx", "y", ""], {"a": 1, "b": 2}),
    ],
)
def test_ranks_under_another_rule(order, ties, ranks):
    rule = RuleOrder(tau=None, order=tuple(order), ties=tuple(map(tuple, ties)), moved=0.0)
    assert rule.ranks() == ranks


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 4), min_size=2, max_size=9))
def test_order_and_ties_are_the_ranks_of_every_rule(costs):
    primary, others = np.array(costs, dtype=float)[:, 0], np.array(costs, dtype=float)[:, 1:]
    ids = [f"t/{i}" for i in range(len(costs))]
    found = sensitivity(ids, primary, others)
    for rule, scores in rules(others).items():
        ranks = average_ranks(scores)
        entry = RuleOrder(**found[rule])
        assert entry.ranks() == dict(zip(ids, ranks, strict=True))
        assert entry.moved == np.abs(average_ranks(primary) - ranks).max()
