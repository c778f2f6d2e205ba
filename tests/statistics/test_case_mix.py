"""Normal and abnormal references, numbers of findings, length terciles."""

from __future__ import annotations

import numpy as np

from evaluator.statistics.case_mix import case_mix, length_terciles


def test_case_mix_from_labels():
    labels = np.zeros((4, 14), dtype=int)
    labels[0, 13] = 1
    labels[1, [13, 2]] = 1, 3
    labels[2, [0, 1, 4]] = 1, 1, 3
    normal, count = case_mix(labels, 13)
    assert normal == ["normal", "abnormal", "abnormal", "abnormal"]
    assert count == ["0", "1-2", "3+", "0"]


def test_equal_lengths_stay_together():
    assert length_terciles([5, 5, 5, 5]) == ["short"] * 4
