"""The case mix of a dataset: normal or abnormal, number of findings, length of references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

POSITIVE: Final = (1, 3)
"""CheXbert's codes for positive and uncertain."""


def case_mix(labels: NDArray[np.integer], no_finding: int) -> tuple[list[str], list[str]]:
    """Per study "normal" or "abnormal", and how many findings: "0", "1-2" or "3+".

    From a reference's CheXbert labels, shape (n, 14); `no_finding` is that label's column. Normal: labelled
    so, with no finding positive or uncertain.
    """
    present = np.isin(labels, POSITIVE)
    findings = np.delete(present, no_finding, axis=1).sum(axis=1)
    normal = (labels[:, no_finding] == 1) & (findings == 0)
    return (
        ["normal" if x else "abnormal" for x in normal],
        ["0" if n == 0 else "1-2" if n < 3 else "3+" for n in findings.tolist()],
    )


def length_terciles(words: Sequence[int]) -> list[str]:
    """Per study "short", "medium" or "long" by its reference's number of words; equal lengths together.

    >>> length_terciles([1, 2, 3, 4, 5, 6])
    ['short', 'short', 'medium', 'medium', 'long', 'long']
    """
    low, high = np.quantile(words, [1 / 3, 2 / 3])
    return ["short" if w <= low else "medium" if w <= high else "long" for w in words]
