"""No cell of fewer than 30 patients follows from what is shown: proven by brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from evaluator.statistics.bootstrap import clusters_of
from evaluator.statistics.disclosure import (
    MERGED,
    Axis,
    derivable_small_set,
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
    """Whether any signed sum of shown masks, the total among them, marks fewer than 30 patients."""
    rows = np.vstack([np.ones(clusters.n_studies, dtype=int), *[m.astype(int) for m in masks]])
    for signs in product((-1, 0, 1), repeat=len(rows)):
        total = np.array(signs) @ rows
        if ((total == 0) | (total == 1)).all() and small(total == 1, clusters):
            return True
    return False


def test_the_brute_force_sees_what_the_rules_prevent():
    rows = np.array(labels(A=100, B=60, C=20))
    clusters = single(180)
    assert brute_force([rows == "A", rows == "B"], clusters)  # the total less both is C
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
    found = safe_axes(
        [Axis("sex", sex.tolist()), Axis("near", near.tolist()), Axis("age", age.tolist())], clusters
    )
    masks = [m for cells in found.values() for m in cells.values()]
    assert "sex" in found
    assert not brute_force(masks, clusters)


def test_a_nested_axis_is_left_out():
    a = ["A"] * 100 + ["B"] * 100
    b = ["C"] * 95 + ["D"] * 105
    found = safe_axes([Axis("first", a), Axis("second", b)], single(200))
    assert set(found) == {"first"}
    masks = [np.array([x == "A" for x in a]), np.array([x == "C" for x in b])]
    assert derivable_small_set(masks, single(200))
    assert set(safe_axes([Axis("first", a), Axis("same", a)], single(200))) == {"first", "same"}


def test_counts_are_rounded():
    assert [rounded_count(n) for n in (0, 4, 6, 94, 96)] == [0, 0, 10, 90, 100]
