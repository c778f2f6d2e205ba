"""Whether reports belong to their studies: a permutation test on a matrix of agreements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def permutation_test(
    agreement: NDArray[Any], strata: Sequence[str], *, seed: int, permutations: int
) -> tuple[float, float]:
    """(gain, p): the mean of the diagonal minus its mean over permutations, and the one-sided p-value.

    `agreement[i, j]`: how well report i fits study j, higher is better, shape (n, n). Columns are permuted
    within `strata`. p = (1 + permutations at least as good) / (1 + permutations), in (0, 1].
    """
    values = np.asarray(agreement, dtype=np.float64)
    n = len(values)
    rng = np.random.default_rng(seed)
    names = np.asarray(strata)
    groups = [np.flatnonzero(names == s) for s in dict.fromkeys(strata)]
    own = float(np.diagonal(values).mean())
    means = np.empty(permutations)
    column = np.arange(n)
    for b in range(permutations):
        for group in groups:
            column[group] = rng.permutation(group)
        means[b] = values[np.arange(n), column].mean()
    # Equal sums in another order differ in their last bits and count as equal.
    as_good = int((means >= own - 1e-9).sum())
    return own - float(means.mean()), (1 + as_good) / (1 + permutations)
