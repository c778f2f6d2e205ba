"""Which subgroup figures of a set that is not public may be shown, so that no small cell follows from them.

A cell of few patients must not be published, nor be what remains when published cells are taken
from each other or from the total. Cells that are too small are merged into one, with the studies
whose group is unknown; a merged cell that is still too small takes in the next smallest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluator.statistics.bootstrap import Clusters

MIN_PATIENTS: Final = 30
MIN_STUDIES: Final = 50
MERGED: Final = "other or unknown"
MAX_TERMS: Final = 4
"""Published cells of several axes that one is assumed to add and subtract."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Axis:
    """One subgroup axis: the group of every study, `None` where it is unknown."""

    name: str
    labels: Sequence[str | None]


def large_enough(mask: Mask, clusters: Clusters) -> bool:
    """Whether the studies in `mask` are at least 50, of at least 30 patients."""
    return int(mask.sum()) >= MIN_STUDIES and _patients(mask, clusters) >= MIN_PATIENTS


def _patients(mask: Mask, clusters: Clusters) -> int:
    return int(np.unique(clusters.index[mask]).size)


def publishable(axis: Axis, clusters: Clusters) -> dict[str, Mask]:
    """The axis' cells that may be shown, as masks over the studies; empty when none may.

    They partition all studies, each is large enough, and so is every complement. The axis as a
    whole is withheld when it would leave a single cell.
    """
    groups: dict[str, list[int]] = {}
    for i, label in enumerate(axis.labels):
        groups.setdefault(MERGED if label is None else label, []).append(i)
    cells = {name: _mask(members, clusters) for name, members in sorted(groups.items())}
    merged = cells.pop(MERGED, _mask([], clusters))
    small = [name for name, mask in cells.items() if not large_enough(mask, clusters)]
    for name in small:
        merged |= cells.pop(name)
    # Complementary suppression: what was merged is the total less the others, and must not be small.
    while merged.any() and not large_enough(merged, clusters) and cells:
        # tie: first name
        merged |= cells.pop(min(cells, key=lambda k: (_patients(cells[k], clusters), k)))
    if merged.any():
        cells[MERGED] = merged
    return cells if len(cells) > 1 else {}


def _mask(members: Sequence[int], clusters: Clusters) -> Mask:
    mask = np.zeros(clusters.n_studies, dtype=bool)
    mask[list(members)] = True
    return mask


def safe_axes(axes: Sequence[Axis], clusters: Clusters) -> dict[str, dict[str, Mask]]:
    """The cells of every axis that may be shown together, axes in order of preference.

    An axis is left out when adding and subtracting up to four shown cells, the total among them,
    would single out a set of studies that is too small (one cell nested in another, say).
    """
    shown: dict[str, dict[str, Mask]] = {}
    for axis in axes:
        cells = publishable(axis, clusters)
        if not cells:
            continue
        masks = [m for kept in shown.values() for m in kept.values()] + list(cells.values())
        if not derivable_small_set(masks, clusters):
            shown[axis.name] = cells
    return shown


def derivable_small_set(masks: Sequence[Mask], clusters: Clusters, terms: int = MAX_TERMS) -> bool:
    """Whether a sum of up to `terms` masks and the total, with signs, marks a small set of studies."""
    n = clusters.n_studies
    everything = np.ones(n, dtype=bool)
    # Studies of the same cells cannot be told apart: one column stands for each kind.
    stacked = np.vstack([everything, *masks]).astype(np.int8)
    kinds, kind_of = np.unique(stacked, axis=1, return_inverse=True)
    for size in range(1, min(terms, len(stacked)) + 1):
        signs = np.array(list(product((1, -1), repeat=size)), dtype=np.int8)
        for chosen in combinations(range(len(stacked)), size):
            sums = signs @ kinds[list(chosen)]
            for row in sums[((sums == 0) | (sums == 1)).all(axis=1) & sums.any(axis=1)]:
                if not large_enough(row.astype(bool)[kind_of], clusters):
                    return True
    return False


def rounded_count(n: int) -> int:
    """A number of studies as it may be shown: to the nearest ten.

    >>> rounded_count(54), rounded_count(2347)
    (50, 2350)
    """
    return round(n / 10) * 10
