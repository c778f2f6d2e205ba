"""Which subgroup results of a non-public dataset may be shown, so that no small cell can be derived from them.

A cell of few patients must not be published, nor be derivable as a linear combination of published cells, of
any axes and both tracks, and the total. Cells that are too small are merged into one, with the studies whose
group is unknown; a merged cell that is still too small absorbs the next smallest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluator.statistics.bootstrap import Clusters, FloatArray

MIN_PATIENTS: Final = 30
MIN_STUDIES: Final = 50
MERGED: Final = "other or unknown"
MAX_STEPS: Final = 5_000
"""Most steps in one search for a small set, which rarely takes more than a few hundred."""
NEARLY_ZERO: Final = 1e-9

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Axis:
    """One subgroup axis: the group of every study, `None` if unknown."""

    name: str
    labels: Sequence[str | None]


def large_enough(mask: Mask, clusters: Clusters) -> bool:
    """Whether `mask` has at least 50 studies of at least 30 patients."""
    return int(mask.sum()) >= MIN_STUDIES and _patients(mask, clusters) >= MIN_PATIENTS


def _patients(mask: Mask, clusters: Clusters) -> int:
    return int(np.unique(clusters.index[mask]).size)


def publishable(axis: Axis, clusters: Clusters) -> dict[str, Mask]:
    """The axis' cells that may be shown, as masks over the studies; empty if none may.

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
    # Complementary suppression: the merged cell is the total minus the others, and must not be small.
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


@dataclass(frozen=True, slots=True)
class OtherTrack:
    """What the dataset's other track shows: its cells and its total, for the studies in both tracks.

    `common`: those studies, shape (n,) as on the board itself; the masks lie within it.
    """

    common: Mask
    masks: Sequence[Mask]


def safe_axes(
    axes: Sequence[Axis], clusters: Clusters, beside: OtherTrack | None = None
) -> dict[str, dict[str, Mask]]:
    """The cells of every axis that may be shown together, axes in order of preference.

    An axis is left out if some combination of shown cells, including the total, would depend only on a set of
    studies that is too small: one cell nested in another, or a chain of overlapping cells, on this track or
    with what the other one shows.
    """
    cells_by_axis: dict[str, dict[str, Mask]] = {}
    for axis in axes:
        cells = publishable(axis, clusters)
        if not cells:
            continue
        masks = [m for by_group in cells_by_axis.values() for m in by_group.values()] + list(cells.values())
        if not (derivable_small_set(masks, clusters) or _with_other_track(masks, clusters, beside)):
            cells_by_axis[axis.name] = cells
    return cells_by_axis


def _with_other_track(masks: Sequence[Mask], clusters: Clusters, beside: OtherTrack | None) -> bool:
    """Whether a small set can be derived from the cells of both tracks.

    Few studies that are only in this track can be derived from the two totals whatever else is shown, and do
    not count here.
    """
    if beside is None:
        return False
    inside = beside.common
    if large_enough(~beside.common, clusters):
        inside = np.ones(clusters.n_studies, dtype=bool)
    all_masks = [mask[inside] for mask in (beside.common, *beside.masks, *masks)]
    return derivable_small_set(all_masks, clusters.within(inside))


def derivable_small_set(masks: Sequence[Mask], clusters: Clusters) -> bool:
    """Whether any linear combination of the masks and the total depends only on a small set of studies.

    Such a combination of published means would reveal a few patients' scores. It exists if and only if the
    rank of the masks falls when a small set of studies is left out, so those sets are searched for. Also true
    if the search would take too long.
    """
    everything = np.ones(clusters.n_studies, dtype=bool)
    # Studies in the same cells are indistinguishable: one column represents each kind.
    kinds, kind_of = np.unique(np.vstack([everything, *masks]), axis=1, return_inverse=True)
    return _Search(kind_of.ravel(), clusters).finds(kinds.astype(np.float64))


class _Search:
    """A search for a small set of kinds of studies whose absence lowers the rank of a matrix.

    Either a class of kinds is in the set, or the combination vanishes on it. What vanishes is eliminated from the
    matrix; kinds whose columns are then multiples of each other are in the set together or not at all.
    """

    def __init__(self, kind_of: NDArray[np.int64], clusters: Clusters) -> None:
        self.kind_of, self.clusters = kind_of, clusters
        self.sizes = np.bincount(kind_of)
        self.steps = MAX_STEPS

    def finds(self, matrix: FloatArray) -> bool:
        """Whether there is such a set for a matrix of shape (rows, kinds)."""
        _, values, rows = np.linalg.svd(matrix, full_matrices=False)
        basis = rows[values > NEARLY_ZERO * values.max()]
        return self._below(basis, np.zeros(matrix.shape[1], dtype=bool))

    def _below(self, basis: FloatArray, taken: Mask) -> bool:
        """Whether a small set includes the kinds `taken` and no eliminated kind."""
        self.steps -= 1
        if self.steps < 0:
            return True
        live = np.abs(basis).max(axis=0, initial=0.0) > NEARLY_ZERO
        if (taken & ~live).any() or not live.any():
            return False
        open_kinds = np.flatnonzero(live & ~taken)
        if not open_kinds.size:
            return True
        together = self._heaviest(basis, open_kinds)
        wider = taken.copy()
        wider[together] = True
        if self._is_small(wider) and self._below(basis, wider):
            return True
        return self._below(_eliminated(basis, int(together[0])), taken)

    def _heaviest(self, basis: FloatArray, kinds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of kinds whose columns are multiples of each other, those with the most studies together."""
        columns = basis[:, kinds] / np.linalg.norm(basis[:, kinds], axis=0)
        first = np.argmax(np.abs(columns) > NEARLY_ZERO, axis=0)  # tie: first row
        directions = columns * np.sign(columns[first, np.arange(kinds.size)])
        _, group = np.unique(np.rint(directions * 1e6), axis=1, return_inverse=True)
        weights = np.bincount(group.ravel(), weights=self.sizes[kinds])
        return np.asarray(kinds[group.ravel() == np.argmax(weights)])  # tie: first direction

    def _is_small(self, kinds: Mask) -> bool:
        return not large_enough(kinds[self.kind_of], self.clusters)


def _eliminated(basis: FloatArray, kind: int) -> FloatArray:
    """The combinations of rows that vanish on a kind: one row fewer."""
    column = basis[:, kind]
    pivot = int(np.argmax(np.abs(column)))  # tie: first row
    rest = basis - np.outer(column / column[pivot], basis[pivot])
    return np.delete(rest, pivot, axis=0)


def rounded_count(n: int) -> int:
    """A number of studies as it may be shown: to the nearest ten.

    >>> rounded_count(54), rounded_count(2347)
    (50, 2350)
    """
    return round(n / 10) * 10
