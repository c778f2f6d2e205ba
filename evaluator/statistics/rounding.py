"""Coarse numbers, which hide the effect of one changed study on a mean, and the six decimals of all published numbers.

Rounding is not a defence against adaptive probing; few submissions (`evaluator/scoring/quota.py`) and the
Ladder (`evaluator/statistics/ladder.py`) are. How coarse a dataset's numbers are follows from its kind of
access (`evaluator/datasets/exposure.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

DECIMALS: Final = 6
"""Decimals of every published number: far finer than any meaningful difference, and too few to hide a text in."""
P_CLASSES: Final = {0.001: 0.0009, 0.01: 0.0099, 0.05: 0.0499}
"""By the level that a p-value is below, the number that represents its class."""
SHARE_STEP: Final = 0.05


def six_decimals(value: Any) -> Any:
    """A JSON value with every float in it rounded to `DECIMALS`; mappings and sequences are copied.

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

    For display only; the records in the store and ranks have full precision.

    >>> coarse(0.41234, 0.001), coarse(0.41234, 0.05)
    (0.412, 0.4)
    """
    return float(six_decimals(float(np.rint(value / step) * step)))


def coarse_all(values: NDArray[np.float64], step: float | None) -> list[float]:
    """Each of many means as `coarse` gives it, or to six decimals without a step.

    >>> coarse_all(np.array([0.41234, 0.6]), 0.05), coarse_all(np.array([0.12345678]), None)
    ([0.4, 0.6], [0.123457])
    """
    shown = values if step is None else np.rint(values / step) * step
    return [round(value, DECIMALS) + 0.0 for value in shown.tolist()]


def p_classes(p: NDArray[np.float64]) -> list[float]:
    """The class of each of many p-values, as `p_class` gives it.

    >>> p_classes(np.array([0.0001, 0.001, 0.7]))
    [0.0009, 0.0099, 1.0]
    """
    numbers = [*P_CLASSES.values(), 1.0]
    return [numbers[place] for place in np.searchsorted([*P_CLASSES], p, side="right").tolist()]


def p_class(p: float) -> float:
    """The number that represents a p-value's class: below .001, .01 or .05, or not below .05.

    It is on the same side of every level, and at least as large except for the last digits of a class. An
    exact p-value would reveal as much about single scores as an exact mean.

    >>> [p_class(p) for p in (0.0001, 0.001, 0.0321, 0.05, 0.7)]
    [0.0009, 0.0099, 0.0499, 1.0, 1.0]
    """
    return next((number for level, number in P_CLASSES.items() if p < level), 1.0)


def p_text(p: float, *, classes: bool = False) -> str:
    """A p-value as written in papers; with `classes`, only the level that it is below.

    >>> p_text(0.0321), p_text(0.0004), p_text(0.0499, classes=True), p_text(1.0, classes=True)
    ('0.032', '< 0.001', '< 0.05', '≥ 0.05')
    """
    if classes:
        return next((f"< {level}" for level in P_CLASSES if p < level), "≥ 0.05")
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def coarse_share(share: float) -> float:
    """A share of draws, or their rank correlation, to the nearest twentieth.

    >>> coarse_share(0.8838), coarse_share(-0.31)
    (0.9, -0.3)
    """
    return round(coarse(share, SHARE_STEP), 2) + 0.0
