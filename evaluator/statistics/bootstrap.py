"""The paired bootstrap that resamples patients: one set of weights for every model and metric.

Field and Welsh 2007; Cameron, Gelbach and Miller 2008 (pairs cluster bootstrap). Patients are drawn
with replacement; the estimate of a draw is the ratio of the drawn patients' score sums to their
study counts. The weights depend on the board alone, so adding a model changes no other interval,
and differences between models are paired.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

DRAWS: Final = 10_000
"""Monte-Carlo error of an end of the interval is then about 2.7 % of the standard error."""
CHUNK: Final = 250
"""Draws whose weights are held in memory at a time."""
MIN_CLUSTERS: Final = 30
"""With fewer patients no interval is given."""
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

    def sums(self, values: FloatArray) -> FloatArray:
        """Per-patient sums, shape (C, K), of per-study values of shape (n, K)."""
        out = np.zeros((self.n, values.shape[1]))
        np.add.at(out, self.index, values)
        return out


def clusters_of(patients: Sequence[str]) -> Clusters:
    """`Clusters` of the patients' names, numbered in the order of the sorted names."""
    _, index = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    return Clusters(index.astype(np.int64), np.bincount(index).astype(np.float64))


def seed_of(dataset: str, track: str, references: str, salt: str = "") -> int:
    """The board's seed: the first eight bytes of SHA-256 over what it must depend on.

    `salt` is secret and required for private sets: with known draws, published estimates are
    linear equations in the per-study scores.
    """
    text = f"{dataset}|{track}|{references}|{STATISTICS_VERSION}{salt}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def weight_chunks(clusters: Clusters, seed: int, draws: int = DRAWS) -> Iterator[NDArray[np.float32]]:
    """Multinomial weights, chunks of shape (≤ CHUNK, C): how often each draw holds each patient.

    Drawn as C uniform patients a draw and counted, which is much faster than a multinomial sampler
    and has the same law.
    """
    rng = np.random.default_rng(seed)
    c = clusters.n
    for start in range(0, draws, CHUNK):
        b = min(CHUNK, draws - start)
        picks = rng.integers(0, c, size=(b, c), dtype=np.int32)
        picks += (np.arange(b, dtype=np.int32) * c)[:, None]
        yield np.bincount(picks.ravel(), minlength=b * c).reshape(b, c).astype(np.float32)


def draw_means(
    blocks: Sequence[FloatArray], clusters: Clusters, seed: int, draws: int = DRAWS
) -> list[FloatArray]:
    """Per block of per-study values, shape (n, K), its bootstrap means, shape (draws, K).

    A block is one model. Each block has a matrix product of its own, so that its draws are the same
    bits whatever other blocks there are. The float32 products work on values centred at their mean;
    the error against float64 stays below 1e-7 of the values' scale.
    """
    centres = [block.mean(axis=0) for block in blocks]
    sums = [
        clusters.sums(block - centre).astype(np.float32)
        for block, centre in zip(blocks, centres, strict=True)
    ]
    counts = clusters.counts.astype(np.float32)
    out = [np.empty((draws, block.shape[1])) for block in blocks]
    start = 0
    for weights in weight_chunks(clusters, seed, draws):
        stop = start + len(weights)
        n = (weights @ counts).astype(np.float64)[:, None]
        for target, block_sums, centre in zip(out, sums, centres, strict=True):
            target[start:stop] = centre + (weights @ block_sums) / n
        start = stop
    return out


def interval(draws: FloatArray, level: float = LEVEL) -> tuple[FloatArray, FloatArray]:
    """Percentile interval of draws, shape (B, K): lower and upper ends, each of shape (K,)."""
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    return low, high


@dataclass(frozen=True, slots=True)
class Reciprocal:
    """1/mean as it may be shown: `None` for an end that is unbounded; `note` says why."""

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
        return Reciprocal(None, None, None, "negative", f"mean {mean:.3f} ≤ 0")
    if low is None or high is None:
        return Reciprocal(1 / mean, None, None, "bounded", "")
    if low > 0:
        return Reciprocal(1 / mean, 1 / high, 1 / low, "bounded", "")
    return Reciprocal(1 / mean, 1 / high, None, "unbounded", "interval reaches the pole: no upper end")


def design_effect(values: FloatArray, clusters: Clusters, standard_error: FloatArray) -> FloatArray:
    """Variance of the mean when patients are resampled over that when studies are, shape (K,).

    1 where the values do not vary.
    """
    study = values.var(axis=0, ddof=0) / clusters.n_studies
    return np.where(study > 0, standard_error**2 / np.where(study > 0, study, 1.0), 1.0)
