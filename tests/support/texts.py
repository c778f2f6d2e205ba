"""Made-up reports: unlike each other, and the same for the same seed."""

from __future__ import annotations

from typing import Final

import numpy as np

WORDS: Final = [
    "heart",
    "lung",
    "apex",
    "base",
    "hilum",
    "left",
    "right",
    "small",
    "large",
    "mild",
    "severe",
    "new",
    "stable",
    "clear",
    "dense",
    "round",
]


def sentence(seed: int, n: int) -> str:
    """`n` words and a mark of its own."""
    return " ".join(np.random.default_rng(seed).choice(WORDS, n)) + f" case{seed}."
