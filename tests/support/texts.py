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


_PLACES: Final = ["upper", "middle", "lower", "apical", "basal", "perihilar", "lingular", "retrocardiac"]
_THINGS: Final = [
    "opacity",
    "nodule",
    "effusion",
    "atelectasis",
    "scar",
    "cyst",
    "bulla",
    "granuloma",
    "edema",
    "mass",
]
_SIZES: Final = [
    "tiny",
    "small",
    "moderate",
    "large",
    "faint",
    "dense",
    "round",
    "linear",
    "patchy",
    "diffuse",
]
_OPENINGS: Final = [
    "There is",
    "We note",
    "Again seen is",
    "The study shows",
    "Possible",
    "Persistent",
    "Interval",
]


def report(seed: int, sentences: int = 6) -> str:
    """A report of several sentences as somebody might write it, like no other."""
    draw = np.random.default_rng(seed)
    pick = lambda of: of[int(draw.integers(len(of)))]  # noqa: E731
    return " ".join(
        f"{pick(_OPENINGS)} {pick(_SIZES)} {pick(_PLACES)} {pick(_THINGS)} {pick(WORDS)} {pick(WORDS)}."
        for _ in range(sentences)
    )
