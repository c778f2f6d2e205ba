"""BLEU-2: sentence BLEU with unigrams and bigrams, as the official scorer computes it; also BLEU-1, -3 and -4.

Definition: CXR-Report-Metric v1.1.0 (9c9ecad), which calls fast-bleu with weights (1/2, 1/2); the
corpus value is the mean over studies, not corpus BLEU. Papineni et al. 2002; smoothing as NLTK's
method 1 with epsilon 0.1, which reaches the bigram precision only.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from types import MappingProxyType
from typing import ClassVar, Final

from evaluator.core.types import Pair, Scores
from evaluator.metrics.base import Agreement, Band, Metric, all_scored
from evaluator.metrics.signature import Signature
from evaluator.models.runtime import Run

EPSILON: Final = 0.1
"""Stands for a bigram count of zero (fast-bleu's default, equal to NLTK's method 1)."""


def tokens(text: str) -> list[str]:
    r"""The official tokens: lower case, each full stop its own token, split at U+0020 only.

    Newlines stay inside tokens.

    >>> tokens("Clear.\nNo effusion.")
    ['clear', '.\nno', 'effusion', '.']
    """
    return [t for t in text.lower().replace(".", " .").split(" ") if t]


def bleu(reference: str, prediction: str, order: int) -> float:
    """Sentence BLEU in [0, 1] with n-grams up to `order`, equally weighted; 0 when either text is empty.

    >>> bleu("no effusion", "no effusion", 2)
    1.0
    >>> round(bleu("clear", "clear", 2), 4)
    0.3162
    """
    target, words = tokens(reference), tokens(prediction)
    matches = _clipped(target, words, 1)
    if matches == 0:
        return 0.0
    log_precision = 0.0
    for n in range(1, order + 1):
        hits = matches if n == 1 else _clipped(target, words, n) or EPSILON
        log_precision += math.log(hits / max(1, len(words) - n + 1)) / order
    shorter = len(words) <= len(target)
    penalty = math.exp(1 - len(target) / len(words)) if shorter else 1.0
    return penalty * math.exp(log_precision)


def bleu_2(reference: str, prediction: str) -> float:
    """Sentence BLEU-2 in [0, 1] of a prediction against one reference; 0 when either is empty."""
    return bleu(reference, prediction, 2)


def _grams(words: list[str], n: int) -> list[tuple[str, ...]]:
    return list(zip(*(words[i:] for i in range(n)), strict=False))


def _clipped(target: list[str], words: list[str], n: int) -> int:
    return (Counter(_grams(target, n)) & Counter(_grams(words, n))).total()


class Bleu(Metric):
    """Sentence BLEU of one order, as the official scorer computes BLEU-2; the mean over studies is shown."""

    order: ClassVar[int]
    family: ClassVar[str] = "lexical"
    higher_is_better: ClassVar[bool] = True
    lower_bound: ClassVar[float | None] = 0.0
    upper_bound: ClassVar[float | None] = 1.0
    worst: ClassVar[float] = 0.0
    paper: ClassVar[str] = "Papineni et al., ACL 2002"
    code: ClassVar[str] = "rajpurkarlab/CXR-Report-Metric@9c9ecad; fast-bleu 0.0.90"

    def signature(self, run: Run) -> Signature:
        """`bleu_2|v1|fast-bleu|weights:1/2,1/2|epsilon:0.1|protocol:…`."""
        weights = ",".join([f"1/{self.order}"] * self.order)
        parts = ("fast-bleu", f"weights:{weights}", f"epsilon:{EPSILON}")
        return Signature(self.key, "v1", parts, run.protocol)

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:  # noqa: ARG002
        """BLEU of every pair, in [0, 1]; no pair fails."""
        return all_scored([bleu(p.reference, p.prediction, self.order) for p in pairs])


class Bleu1(Bleu):
    """BLEU-1: single words."""

    key: ClassVar[str] = "bleu_1"
    title: ClassVar[str] = "BLEU-1"
    summary: ClassVar[str] = "How many of the report's words also occur in the reference."
    order: ClassVar[int] = 1


class Bleu2(Bleu):
    """BLEU-2 of the official scorer."""

    key: ClassVar[str] = "bleu_2"
    title: ClassVar[str] = "BLEU-2"
    summary: ClassVar[str] = (
        "How many of the report's words and pairs of neighbouring words also occur in the reference."
    )
    order: ClassVar[int] = 2
    on_boards: ClassVar[bool] = True
    presets: ClassVar[tuple[str, ...]] = ("paper-2024", "rexrank-2026")
    band: ClassVar[Band | None] = Band((0.90, 1.0), (0.0, 0.0), (0.0, 0.6))
    agreement: ClassVar[Agreement] = MappingProxyType(
        {
            "all_errors": "0.368 to 0.539; BLEU-1 0.388, BLEU-4 0.345",
            "as_drawn": (0.33, 0.23, 0.42),
            "from_chexbert": 0.49,
            "from_bertscore": 0.36,
            "from_radgraph": 0.13,
            "from_bleu": 0.52,
            "real_models": (0.034, -0.02, 0.086),
        }
    )


class Bleu3(Bleu):
    """BLEU-3, smoothed as BLEU-2."""

    key: ClassVar[str] = "bleu_3"
    title: ClassVar[str] = "BLEU-3"
    summary: ClassVar[str] = "As BLEU-2, with sequences of up to three words."
    order: ClassVar[int] = 3


class Bleu4(Bleu):
    """BLEU-4, smoothed as BLEU-2."""

    key: ClassVar[str] = "bleu_4"
    title: ClassVar[str] = "BLEU-4"
    summary: ClassVar[str] = "As BLEU-2, with sequences of up to four words."
    order: ClassVar[int] = 4
