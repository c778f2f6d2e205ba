"""Coarse numbers, which hide what one changed study does to a mean.

Rounding is no defence against adaptive probing; few submissions (`evaluator/scoring/quota.py`) and the
Ladder (`evaluator/statistics/ladder.py`) are. How coarse a set's numbers are follows from its kind of
access (`evaluator/datasets/exposure.py`).
"""

from __future__ import annotations

import numpy as np


def coarse(value: float, step: float) -> float:
    """A mean as it may be shown in steps: the nearest multiple of `step`.

    For rendering only; records and ranks keep full precision.

    >>> round(coarse(0.41234, 0.001), 12), round(coarse(0.41234, 0.05), 12)
    (0.412, 0.4)
    """
    return float(np.rint(value / step) * step)
