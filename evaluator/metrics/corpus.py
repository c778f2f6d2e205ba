"""Corpus metrics: their definition, and statistics that they share, as functions of summed counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evaluator.core.types import FloatArray

Statistic = Callable[[FloatArray], FloatArray]
"""From summed counts, shape (B, K), to one value per row, shape (B,)."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The definition of a corpus metric: a function of counts summed over studies, not a mean over them.

    `statistic`: that function. `counts`: names of what is counted in each study, in its order. `interval`:
    how the interval is computed, `none` if no method keeps its level. `influence`: by how many times 1/n one
    of n studies may move the value; on a withheld dataset it is shown in steps wider by that factor.
    `shares`: if the value is a sum over studies with fixed weights, each study's share of it times n, shape
    (n,), from counts of shape (n, K): it can then be tested and can rank.
    """

    statistic: Statistic
    counts: tuple[str, ...]
    interval: Literal["percentile", "none"] = "percentile"
    influence: int = 1
    shares: Statistic | None = None


def micro_f1(totals: FloatArray) -> FloatArray:
    """Micro F1 in [0, 1] per row, shape (rows,), of (label × (true positives, false positives, false negatives)), flattened.

    >>> micro_f1(np.array([[1.0, 0, 1, 3, 2, 1]])).round(4).tolist()
    [0.6667]
    """
    return _f1(totals.reshape(len(totals), -1, 3).sum(axis=1))


def macro_f1(totals: FloatArray) -> FloatArray:
    """Mean over labels of their F1, in [0, 1], shape (rows,), in the layout of `micro_f1`.

    A label that never occurs scores 0.
    """
    return np.asarray(_f1(totals.reshape(len(totals), -1, 3)).mean(axis=1))


def macro_share(totals: FloatArray) -> FloatArray:
    """Mean over groups of their share of correct answers, in [0, 1], from rows of flattened (group × (correct, asked)).

    Groups without questions are left out; 0 without any group. Macro accuracy is this with one group per
    skill.

    >>> macro_share(np.array([[1.0, 2, 3, 3, 0, 0]])).tolist()
    [0.75]
    """
    n_right, n_asked = np.moveaxis(totals.reshape(len(totals), -1, 2), -1, 0)
    share = np.divide(n_right, n_asked, out=np.zeros_like(n_right), where=n_asked > 0)
    groups = (n_asked > 0).sum(axis=1)
    return np.asarray(share.sum(axis=1) / np.maximum(groups, 1))


def macro_shares(counts: FloatArray) -> FloatArray:
    """Each study's part of the `macro_share` of all of them, times n, shape (n,), from counts of shape (n, 2S) for S groups.

    Their mean is the value: a correct answer weighs n / (groups x studies asked in its group).

    >>> macro_shares(np.array([[1.0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1]])).tolist()
    [0.75, 0.0, 1.5]
    """
    n_right, n_asked = np.moveaxis(counts.reshape(len(counts), -1, 2), -1, 0)
    totals = n_asked.sum(axis=0)
    below = totals * (totals > 0).sum()
    weights = np.divide(len(counts), below, out=np.zeros_like(below), where=below > 0)
    return np.asarray(n_right @ weights)


def _f1(counts: FloatArray) -> FloatArray:
    """F1 over the last axis (true positives, false positives, false negatives); 0 without any."""
    hits, extra, lost = np.moveaxis(counts, -1, 0)
    below = 2 * hits + extra + lost
    return np.asarray(np.divide(2 * hits, below, out=np.zeros_like(below), where=below > 0))
