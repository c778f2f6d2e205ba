"""How alike two reports are, word by word: in order, and in any order.

Both similarities are 2·m / (words of both), in [0, 1]: in order, m is the length of the longest common
subsequence of words (ROUGE-L's F-measure without stemming); in any order, the number of common words, each
counted as often as both texts have it. The latter is never below the former.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluator.scoring.integrity.flags import norm

SURROGATES: Final = range(0xD800, 0xE000)
CODE_POINTS: Final = 0x110000 - len(SURROGATES)
FloatMatrix = NDArray[np.float32]


class WordTexts:
    """Texts as strings of one character per word, so that a string library compares words.

    Texts that are compared must come from the same instance. Beyond a million different words, two may share
    a character.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """Each text's words in order."""
        numbers = self._numbers
        return [
            "".join(_character(numbers.setdefault(w, len(numbers))) for w in norm(t).split()) for t in texts
        ]


def _character(number: int) -> str:
    number %= CODE_POINTS
    return chr(number if number < SURROGATES.start else number + len(SURROGATES))


def sorted_words(texts: Sequence[str]) -> list[str]:
    """The texts of `WordTexts` with their words in one order, to be compared in any order."""
    return ["".join(sorted(t)) for t in texts]


def pairwise(a: Sequence[str], b: Sequence[str]) -> FloatMatrix:
    """Similarity, in [0, 1], of each text of `a` to the one at its place in `b`; float32, shape (n,). Two empty texts give 0."""
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import cpdist

    if not a:
        return np.zeros(0, dtype=np.float32)
    values = cpdist(a, b, scorer=Indel.normalized_similarity, dtype=np.float32)
    return np.where([not (x or y) for x, y in zip(a, b, strict=True)], np.float32(0), values)


def matrix(a: Sequence[str], b: Sequence[str]) -> FloatMatrix:
    """Similarity, in [0, 1], of every text of `a` to every text of `b`; float32, shape (len(a), len(b)). Two empty texts give 0."""
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import cdist

    if not a or not b:
        return np.zeros((len(a), len(b)), dtype=np.float32)
    values = np.asarray(cdist(a, b, scorer=Indel.normalized_similarity, dtype=np.float32, workers=-1))
    values[np.ix_([not x for x in a], [not y for y in b])] = 0
    return values
