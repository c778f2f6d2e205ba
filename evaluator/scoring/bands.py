"""Sanity bands: a metric's expected values for a reference against itself, nothing, or another item's reference."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

import numpy as np

from evaluator.core.problems import RexrankError
from evaluator.metrics.base import Band
from evaluator.metrics.registry import get_metric

__all__ = ["Band", "check_bands"]


def check_bands(
    means: Mapping[str, Mapping[str, float]],
    where: str,
    bands: Mapping[str, Band] = MappingProxyType({}),
    *,
    order_only: Collection[str] = (),
) -> None:
    """Nothing; raises `RexrankError` when a probe's mean lies outside its band or in the wrong order.

    `means[probe][metric]` for the probes `itself`, `empty` and `shuffled`; `bands`: a task's own, which take
    precedence over those of the metrics. A metric without a band, or named in `order_only`, is checked by
    order only: itself better than the shuffle, and no worse than an empty prediction.
    """
    wrong = []
    for key in sorted(set.intersection(*(set(m) for m in means.values())) if means else set()):
        band = None if key in order_only else bands.get(key, get_metric(key).band)
        for probe in ("itself", "empty", "shuffled"):
            value = means[probe][key]
            low, high = getattr(band, probe) if band else (-np.inf, np.inf)
            if not low <= value <= high:
                wrong.append(f"{key} of {probe} is {value:.4f}, wanted {low:g} to {high:g}")
        sign = 1 if get_metric(key).higher_is_better else -1
        itself, shuffled, empty = (sign * means[p][key] for p in ("itself", "shuffled", "empty"))
        if not itself > shuffled or itself < empty:
            wrong.append(
                f"{key}: a reference scored against itself does no better than a shuffled or empty one"
            )
    if wrong:
        raise RexrankError(
            f"the metrics fail their sanity check on {where}: {'; '.join(wrong)}. Nothing is ranked. "
            "Check the weights with: rexrank models verify"
        )
