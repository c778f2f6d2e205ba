"""The paired bootstrap that resamples patients: one set of weights for every model and metric.

Field and Welsh 2007; Cameron, Gelbach and Miller 2008 (pairs cluster bootstrap). Patients are drawn with
replacement; the estimate of a draw is the ratio of the drawn patients' score sums to their study counts. The
weights depend only on the board, so adding a model changes no other interval, and differences between models
are paired.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

DRAWS: Final = 10_000
"""The Monte Carlo error of an interval's end is then about 2.7 % of the standard error."""
CHUNK: Final = 250
"""Draws whose weights are in memory at a time."""
MAX_KEPT: Final = 120_000_000
"""Most weights cached for the next use, 240 MB: those of 12,000 patients."""
PAIR_BLOCK: Final = 64
"""Pairs of models whose differences are in memory at a time."""
TAIL: Final = 1.85
"""Standard errors beyond which an interval's end is searched first: about 320 of 10,000 draws are there."""
MIN_CLUSTERS: Final = 30
"""With fewer patients there is no interval."""
LEVEL: Final = 0.95
STATISTICS_VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class Clusters:
    """Studies grouped by patient: `index[i]` is study i's patient in [0, C), `counts` shape (C,)."""

    index: NDArray[np.int64]
    counts: FloatArray

    @property
    def n(self) -> int:
        """Number of patients."""
        return int(self.counts.size)

    @property
    def n_studies(self) -> int:
        """Number of studies."""
        return int(self.index.size)

    def within(self, studies: NDArray[np.bool_]) -> Clusters:
        """The patients of some studies, renumbered in the same order."""
        _, index = np.unique(self.index[studies], return_inverse=True)
        return Clusters(index.astype(np.int64), np.bincount(index).astype(np.float64))

    def sums(self, values: FloatArray) -> FloatArray:
        """Per-patient sums, shape (C, K), of per-study values of shape (n, K)."""
        columns = [np.bincount(self.index, weights=column, minlength=self.n) for column in values.T]
        return np.column_stack(columns) if columns else np.empty((self.n, 0))


def clusters_of(patients: Sequence[str]) -> Clusters:
    """`Clusters` from the patients' names, one per study, numbered in the order of the sorted names."""
    _, index = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    return Clusters(index.astype(np.int64), np.bincount(index).astype(np.float64))


def seed_of(dataset: str, track: str, references: str, salt: str = "") -> int:
    """The board's seed: the first eight bytes of SHA-256 over what it must depend on.

    `salt` is secret and required for all but public datasets: with known draws, published estimates are
    linear equations in the per-study scores.
    """
    text = f"{dataset}|{track}|{references}|{STATISTICS_VERSION}{salt}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def weight_chunks(clusters: Clusters, seed: int, draws: int = DRAWS) -> Iterator[NDArray[np.uint16]]:
    """Multinomial weights, chunks of shape (≤ CHUNK, C): how often each draw holds each patient.

    Drawn as C uniform patients per draw and counted, which is much faster than a multinomial sampler and has
    the same distribution.
    """
    if draws * clusters.n > MAX_KEPT:
        yield from _fresh_weights(clusters.n, seed, draws)
        return
    weights = _kept_weights(clusters.n, seed, draws)
    for start in range(0, draws, CHUNK):
        yield weights[start : start + CHUNK]


@lru_cache(maxsize=1)
def _kept_weights(c: int, seed: int, draws: int) -> NDArray[np.uint16]:
    """The weights of all draws, shape (draws, C): a board needs them for every metric and subgroup."""
    out = np.empty((draws, c), dtype=np.uint16)
    start = 0
    for weights in _fresh_weights(c, seed, draws):
        out[start : start + len(weights)] = weights
        start += len(weights)
    return out


def _fresh_weights(c: int, seed: int, draws: int) -> Iterator[NDArray[np.uint16]]:
    rng = np.random.default_rng(seed)
    for start in range(0, draws, CHUNK):
        picks = rng.integers(0, c, size=(min(CHUNK, draws - start), c), dtype=np.int32)
        weights = np.empty(picks.shape, dtype=np.uint16)
        # Row by row, the counts stay in the processor's cache: twice as fast as one large count.
        for row, target in zip(picks, weights, strict=True):
            target[:] = np.bincount(row, minlength=c)
        yield weights


def fixed_point(sums: FloatArray, total: float) -> FloatArray:
    """Each column of `sums`, shape (C, K), rounded to a multiple of a power of two, so that its sums are exact.

    For weights that are whole numbers with absolute values adding up to at most `total`, every partial sum is
    a multiple of the step below 2^53 steps. The product is then bit for bit the same in any order: on any
    machine, with any number of threads, next to any other column. The step is below 2^-51 of `total` times
    the largest sum, far less than the scores' own rounding.
    """
    bound = total * np.abs(sums).max(axis=0, initial=0.0)
    _, exponent = np.frexp(np.where(bound > 0, bound, 1.0))
    step = np.ldexp(1.0, exponent - 52)
    return np.asarray(np.rint(sums / step) * step)


def draw_means(
    blocks: Iterable[FloatArray], clusters: Clusters, seed: int, draws: int = DRAWS
) -> list[FloatArray]:
    """Per block of per-study values, shape (n, K), its bootstrap means, shape (draws, K).

    A column's draws are bit for bit the same whatever other columns and blocks there are (`fixed_point`).
    """
    centres, sums = [], []
    for block in blocks:
        centre = np.array([math.fsum(column.tolist()) for column in block.T]) / clusters.n_studies
        centres.append(centre)
        sums.append(fixed_point(clusters.sums(block - centre), clusters.n))
    # The patients' study counts are added as a column; a product of a single column is slow on many cores.
    columns = np.hstack([clusters.counts[:, None], *sums])
    ends = np.cumsum([block.shape[1] for block in sums])
    del sums
    # A model's draws are contiguous, in the order in which they are used.
    out, centre = np.empty((columns.shape[1] - 1, draws)), np.concatenate([np.empty(0), *centres])[:, None]
    start = 0
    for weights in weight_chunks(clusters, seed, draws):
        stop = start + len(weights)
        product = columns.T @ weights.T.astype(np.float64)
        np.divide(product[1:], product[0], out=product[1:])
        np.add(centre, product[1:], out=out[:, start:stop])
        start = stop
    return np.split(out.T, ends[:-1], axis=1) if centres else []


def pair_blocks(pairs: int) -> list[slice]:
    """The numbers of `pairs` pairs in consecutive blocks of 32 to 64, so that the draws of a block fit in memory."""
    ends = np.linspace(0, pairs, -(-pairs // PAIR_BLOCK) + 1).astype(int)
    return [slice(start, stop) for start, stop in pairwise(ends.tolist())]


def difference_intervals(
    draws: FloatArray, a: NDArray[np.int64], b: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    """Lower and upper ends, each of shape (pairs,), of the 95 % percentile intervals of columns `a` minus `b`.

    `draws`: bootstrap means, shape (B, M); `a`, `b`: columns, shape (pairs,).
    """
    rows = np.ascontiguousarray(draws.T)
    if not np.isfinite(rows).all():
        ends = [np.quantile(rows[a[k]] - rows[b[k]], [0.025, 0.975], axis=1) for k in pair_blocks(a.size)]
        low, high = np.hstack([np.empty((2, 0)), *ends])
        return low, high
    n = rows.shape[1]
    centre = rows.mean(axis=1)
    product = (rows - centre[:, None]) @ (rows - centre[:, None]).T / n
    spread = np.sqrt(np.maximum(product[a, a] + product[b, b] - 2 * product[a, b], 0.0))
    middle = centre[a] - centre[b]
    low, high = np.empty(a.size), np.empty(a.size)
    difference = np.empty(n)
    for k, (i, j, m, s) in enumerate(zip(*(v.tolist() for v in (a, b, middle, spread)), strict=True)):
        np.subtract(rows[i], rows[j], out=difference)
        low[k] = _order(difference.compress(difference < m - TAIL * s), difference, 0.025)
        high[k] = _order(difference.compress(difference > m + TAIL * s), difference, 0.975)
    return low, high


def _order(tail: FloatArray, values: FloatArray, level: float) -> float:
    """`np.quantile(values, level)`, bit for bit, from the part of the values beyond a point in the tail.

    Only two order statistics are needed; if the tail is too short to contain both, it is not used.
    """
    place = level * (values.size - 1)
    below = math.floor(place)
    first = below if level < 0.5 else below - (values.size - tail.size)
    if first < 0 or first + 1 >= tail.size:
        return float(np.quantile(values, level))
    # One place alone: NumPy has a quick way for one, and the largest value before it is the place before.
    tail.partition(first + 1)
    lower, upper, share = float(tail[: first + 1].max()), float(tail[first + 1]), place - below
    # As NumPy interpolates: from the nearer of the two.
    gap = upper - lower
    return upper - gap * (1 - share) if share >= 0.5 else lower + gap * share


def interval(draws: FloatArray, level: float = LEVEL) -> tuple[FloatArray, FloatArray]:
    """Lower and upper ends, each of shape (K,), of the percentile interval of draws of shape (B, K).

    `level`: its coverage, in (0, 1).
    """
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    return low, high


@dataclass(frozen=True, slots=True)
class Reciprocal:
    """1/mean as it may be shown: `None` for an unbounded end; `note` says why."""

    value: float | None
    low: float | None
    high: float | None
    state: Literal["bounded", "unbounded", "negative"]
    note: str


def reciprocal(mean: float, low: float | None, high: float | None) -> Reciprocal:
    """The reciprocal of a mean and its interval, with the pole at zero handled.

    `[1/U, 1/L]` when L > 0; only the lower end when L ≤ 0 < U; no value when the mean is not
    positive, where 1/mean would put a better model last.

    >>> reciprocal(0.5, 0.458, 0.543).state, reciprocal(0.1, -0.1, 0.3).state, reciprocal(-0.1, -0.2, 0.1).state
    ('bounded', 'unbounded', 'negative')
    """
    if mean <= 0:
        text = f"{mean:.3f}".replace("-", "\N{MINUS SIGN}")
        return Reciprocal(None, None, None, "negative", f"mean {text}: no 1/mean")
    if low is None or high is None:
        return Reciprocal(1 / mean, None, None, "bounded", "")
    if low > 0:
        return Reciprocal(1 / mean, 1 / high, 1 / low, "bounded", "")
    return Reciprocal(1 / mean, 1 / high, None, "unbounded", "interval reaches the pole: no upper end")


def design_effect(values: FloatArray, clusters: Clusters, standard_error: FloatArray) -> FloatArray:
    """Variance of the mean when patients are resampled over that when studies are, shape (K,), above 0 (Kish 1965).

    1 if the values do not vary.
    """
    study = values.var(axis=0, ddof=0) / clusters.n_studies
    return np.where(study > 0, standard_error**2 / np.where(study > 0, study, 1.0), 1.0)
