"""Which values are equal: one tolerance for every ordering and every best value, so that rounding decides nothing.

The last bits of a mean depend on the processor and on the libraries. Values within `TIE` of each other, or
linked by a chain of such values, are equal; ties are broken by the given order of the items.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

TIE: Final = 1e-6
"""Far above the rounding of float32 networks, far below any difference that a study could make."""

Item = TypeVar("Item")


def levels(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.int64]:
    """Per value, its level, from 0 for the lowest; equal ones share a level. `values` are finite, shape (n,).

    >>> levels([0.2, 0.1, 0.2 + 1e-9]).tolist()
    [1, 0, 1]
    """
    array = np.asarray(values, dtype=np.float64)
    order = np.argsort(array, kind="stable")  # tie: none, the level of equal values is one
    out = np.zeros(array.size, dtype=np.int64)
    out[order[1:]] = np.cumsum(np.diff(array[order]) > TIE)
    return out


def by_cost(items: Sequence[Item], costs: Sequence[float]) -> list[Item]:
    """The items, lowest cost first; equal ones stay in the given order.

    >>> by_cost("abc", [0.3, 0.1 + 1e-9, 0.1])
    ['b', 'c', 'a']
    """
    order = np.argsort(levels(costs), kind="stable")  # tie: first given
    return [items[i] for i in order]


def lowest(items: Sequence[Item], costs: Sequence[float]) -> Item | None:
    """The first item with the lowest cost; `None` if there is none."""
    return next(iter(by_cost(items, costs)), None)


def sign(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """−1, 0 or 1 per difference, in its shape: 0 for values equal to within `TIE`."""
    return np.asarray(np.sign(np.where(np.abs(differences) > TIE, differences, 0.0)))
