"""Types that metrics, models and scoring share: pairs of texts, scores, arrays, progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
ProgressCallback = Callable[[str, int, int], None]
"""Called as (what, done, total) while a metric works."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One study's two texts, already prepared by the text protocol.

    `context`: what else is known about the patient (age, indication), for metrics that use it; empty where
    nothing is.
    """

    id: str
    reference: str
    prediction: str
    context: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Scores:
    """One value per pair, in the order of the pairs.

    `values`: float64, shape (n,), finite. `failed`: shape (n,), true where the value is the metric's worst
    because the study could not be scored. `details`: per pair, what the metric saw (JSON values), or `None`
    when not asked for. `corpus`: statistics of all pairs together that are not a mean of `values`, by name,
    if the metric has any. `counts`: shape (n, K), what a corpus metric sums.
    """

    values: FloatArray
    failed: BoolArray
    details: list[dict[str, Any]] | None = None
    corpus: Mapping[str, float] | None = None
    counts: IntArray | None = None
