"""No cell of fewer than 30 patients can be derived from what is shown: proved by brute force."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.statistics.bootstrap import clusters_of
from evaluator.statistics.disclosure import (
    MERGED,
    Axis,
    derivable_small_set,
    large_enough,
    publishable,
    rounded_count,
    safe_axes,
)


def single(n):
    return clusters_of([f"p{i:05}" for i in range(n)])


def labels(**sizes):
    return [None if name == "unknown" else name for name, n in sizes.items() for _ in range(n)]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"F": 100, "M": 100}, {"F": 100, "M": 100}),
        ({"F": 190, "M": 10}, {}),
        ({"A": 100, "B": 80, "C": 60}, {"A": 100, "B": 80, "C": 60}),
        ({"A": 100, "B": 80, "C": 40}, {"A": 100, MERGED: 120}),
        ({"A": 100, "B": 80, "C": 40, "D": 20}, {"A": 100, "B": 80, MERGED: 60}),
        ({"A": 100, "B": 80, "unknown": 5}, {"A": 100, MERGED: 85}),
        ({"A": 100, "B": 80, "unknown": 55}, {"A": 100, "B": 80, MERGED: 55}),
        ({"white": 113, "other": 28, "asian": 24, "unknown": 21, "black": 8, "pacific": 5, "native": 1}, {"white": 113, MERGED: 87}),
    ],
)  # fmt: skip
def test_cells_by_hand(sizes, expected):
    rows = labels(**sizes)
    cells = publishable(Axis("x", rows), single(len(rows)))
    assert {k: int(m.sum()) for k, m in cells.items()} == expected


def test_patients_count_not_studies():
    clusters = clusters_of([f"p{i % 20:02}" for i in range(200)] + [f"q{i:03}" for i in range(200)])
    assert publishable(Axis("x", ["A"] * 200 + ["B"] * 200), clusters) == {}


def small(mask, clusters):
    return mask.any() and np.unique(clusters.index[mask]).size < 30


def brute_force(masks, clusters):
    """Whether leaving out any small set of kinds lowers the rank of the shown masks, including the total."""
    rows = np.vstack([np.ones(clusters.n_studies, dtype=int), *[m.astype(int) for m in masks]])
    kinds, kind_of = np.unique(rows, axis=1, return_inverse=True)
    rank = np.linalg.matrix_rank(kinds)
    return any(
        not large_enough(np.isin(kind_of, out), clusters)
        and (size == kinds.shape[1] or np.linalg.matrix_rank(np.delete(kinds, out, axis=1)) < rank)
        for size in range(1, kinds.shape[1] + 1)
        for out in combinations(range(kinds.shape[1]), size)
    )


def chain(sizes):
    """Labels on two axes that overlap in a chain: A0 B0, A1 B0, A1 B1, A2 B1, …, with the given numbers of studies."""
    steps = [((k + 1) // 2, k // 2) for k in range(len(sizes))]
    rows = [step for step, n in zip(steps, sizes, strict=True) for _ in range(n)]
    return [f"A{a}" for a, _ in rows], [f"B{b}" for _, b in rows]


@pytest.mark.parametrize("groups", [2, 3, 5])
def test_a_chain_of_cells_reveals_none_of_its_links(groups):
    """In five by five groups, nine cells, added and subtracted, leave one link; every cell itself is large."""
    links = 2 * groups - 1
    for place in range(links):
        a, b = chain([5 if k == place else 100 for k in range(links)])
        axes, clusters = [Axis("a", a), Axis("b", b)], single(len(a))
        masks = [np.array(axis.labels) == name for axis in axes for name in sorted(set(axis.labels))]
        assert derivable_small_set(masks, clusters)
        names = safe_axes(axes, clusters)
        assert not brute_force([m for cells in names.values() for m in cells.values()], clusters)
    a, b = chain([100] * links)
    assert set(safe_axes([Axis("a", a), Axis("b", b)], single(len(a)))) == {"a", "b"}


@settings(deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(0, 2)] * 3, st.integers(1, 90)), min_size=2, max_size=9), st.booleans()
)
def test_the_search_agrees_with_leaving_out_every_set(rows, by_two):
    """Up to nine kinds of studies on three axes; patients with one study, or with two that may be in two cells."""
    labels_of = [[row[axis] for row in rows for _ in range(row[3])] for axis in range(3)]
    n = len(labels_of[0])
    clusters = clusters_of([f"p{i // (1 + by_two):04}" for i in range(n)])
    masks = [np.array(one) == name for one in labels_of for name in sorted(set(one))]
    assert derivable_small_set(masks, clusters) == brute_force(masks, clusters)


def test_a_search_that_takes_too_long_counts_as_found(monkeypatch):
    rows = np.array(labels(A=100, B=100))
    assert not derivable_small_set([rows == "A"], single(200))
    monkeypatch.setattr("evaluator.statistics.disclosure.MAX_STEPS", 1)
    assert derivable_small_set([rows == "A"], single(200))


def test_the_brute_force_sees_what_the_rules_prevent():
    rows = np.array(labels(A=100, B=60, C=20))
    clusters = single(180)
    assert brute_force([rows == "A", rows == "B"], clusters)  # the total minus both is C
    cells = {"A": rows != "C", "C": rows == "C"}
    assert brute_force(list(cells.values()), clusters)


@pytest.mark.parametrize("seed", range(25))
def test_nothing_small_follows_from_several_axes(seed):
    rng = np.random.default_rng(seed)
    n = 300
    clusters = single(n)
    sex = rng.choice(["F", "M"], n)
    # An axis that nearly repeats another is what makes a small difference derivable.
    near = np.where(rng.random(n) < 0.04 * (seed % 3), "M", sex)
    age = rng.choice(["young", "old", "older"], n)
    axes = safe_axes(
        [Axis("sex", sex.tolist()), Axis("near", near.tolist()), Axis("age", age.tolist())], clusters
    )
    masks = [m for cells in axes.values() for m in cells.values()]
    assert "sex" in axes
    assert not brute_force(masks, clusters)


def test_a_nested_axis_is_left_out():
    a = ["A"] * 100 + ["B"] * 100
    b = ["C"] * 95 + ["D"] * 105
    axes = safe_axes([Axis("first", a), Axis("second", b)], single(200))
    assert set(axes) == {"first"}
    masks = [np.array([x == "A" for x in a]), np.array([x == "C" for x in b])]
    assert derivable_small_set(masks, single(200))
    assert set(safe_axes([Axis("first", a), Axis("same", a)], single(200))) == {"first", "same"}


def test_counts_are_rounded():
    assert [rounded_count(n) for n in (0, 4, 6, 94, 96)] == [0, 0, 10, 90, 100]
