"""What keeps a private set private over many submissions: slots, the Ladder, and coarse numbers.

Rounding is no defence against adaptive probing; few submissions and the Ladder (Blum and Hardt 2015,
arXiv 1502.04585) are. Rounding hides what one changed study does to a mean.
"""

from __future__ import annotations

from typing import Final

import numpy as np

MIN_STEP: Final = 0.001
"""Numbers of private sets are never shown finer than this."""
STUDIES_PER_STEP: Final = 5
"""One study may move a mean on [0, 1] by 1/n: the step is worth five of them."""


def step_for(n_studies: int) -> float:
    """The granularity of shown means on a private set: max(0.001, 5/n).

    >>> step_for(10_000), step_for(62)
    (0.001, 0.08064516129032258)
    """
    return max(MIN_STEP, STUDIES_PER_STEP / n_studies)


def coarse(value: float, n_studies: int) -> float:
    """A mean as it may be shown of a private set: the nearest multiple of the step.

    For rendering only; records and ranks keep full precision.
    """
    step = step_for(n_studies)
    return float(np.rint(value / step) * step)
