"""Coarse numbers, which hide what one changed study does to a mean, and the six decimals of whatever is published.

Rounding is no defence against adaptive probing; few submissions (`evaluator/scoring/quota.py`) and the
Ladder (`evaluator/statistics/ladder.py`) are. How coarse a set's numbers are follows from its kind of
access (`evaluator/datasets/exposure.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

DECIMALS: Final = 6
"""Of every number that is published: far below what any score can tell, and no room to hide a text in."""


def six_decimals(value: Any) -> Any:
    """A JSON value with every float in it rounded to `DECIMALS`; mappings and sequences are made anew.

    >>> six_decimals({"mean": 0.12345678, "n": 3, "ends": [-0.00000001, None]})
    {'mean': 0.123457, 'n': 3, 'ends': [0.0, None]}
    """
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0
    if isinstance(value, Mapping):
        return {k: six_decimals(v) for k, v in value.items()}
    if type(value) in {tuple, list}:
        return type(value)(map(six_decimals, value))
    return value


def coarse(value: float, step: float) -> float:
    """A mean as it may be shown in steps: the nearest multiple of `step`, to six decimals.

    For rendering only; the records in the store and ranks keep all digits.

    >>> coarse(0.41234, 0.001), coarse(0.41234, 0.05)
    (0.412, 0.4)
    """
    return float(six_decimals(float(np.rint(value / step) * step)))
