"""BLEU-2: sentence BLEU with unigrams and bigrams, as the official scorer computes it.

Definition: CXR-Report-Metric v1.1.0 (9c9ecad), which calls fast-bleu with weights (1/2, 1/2); the
corpus value is the mean over studies, not corpus BLEU. Papineni et al. 2002; smoothing as NLTK's
method 1 with epsilon 0.1, which reaches the bigram precision only.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import ClassVar, Final

from evaluator.core.types import Pair, Scores
from evaluator.metrics.base import Metric, all_scored
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


def bleu_2(reference: str, prediction: str) -> float:
    """Sentence BLEU-2 in [0, 1] of a prediction against one reference; 0 when either is empty.

    >>> bleu_2("no effusion", "no effusion")
    1.0
    >>> round(bleu_2("clear", "clear"), 4)
    0.3162
    """
    wanted, given = tokens(reference), tokens(prediction)
    matched = _clipped(wanted, given)
    if matched == 0:
        return 0.0
    precision_1 = matched / max(1, len(given))
    bigrams = _clipped(_bigrams(wanted), _bigrams(given))
    precision_2 = (bigrams or EPSILON) / max(1, len(given) - 1)
    shorter = len(given) <= len(wanted)
    penalty = math.exp(1 - len(wanted) / len(given)) if shorter else 1.0
    return penalty * math.exp(0.5 * math.log(precision_1) + 0.5 * math.log(precision_2))


def _bigrams(words: list[str]) -> list[tuple[str, str]]:
    return list(pairwise(words))


def _clipped(wanted: Sequence[Hashable], given: Sequence[Hashable]) -> int:
    return (Counter(wanted) & Counter(given)).total()


class Bleu2(Metric):
    """BLEU-2 of the official scorer."""

    key: ClassVar[str] = "bleu_2"
    title: ClassVar[str] = "BLEU-2"
    family: ClassVar[str] = "lexical"
    higher_is_better: ClassVar[bool] = True
    lower_bound: ClassVar[float | None] = 0.0
    upper_bound: ClassVar[float | None] = 1.0
    worst: ClassVar[float] = 0.0
    paper: ClassVar[str] = "Papineni et al., ACL 2002"
    code: ClassVar[str] = "rajpurkarlab/CXR-Report-Metric@9c9ecad; fast-bleu 0.0.90"

    def signature(self, run: Run) -> Signature:
        """`bleu_2|v1|fast-bleu|weights:1/2,1/2|epsilon:0.1|protocol:…`."""
        parts = ("fast-bleu", "weights:1/2,1/2", f"epsilon:{EPSILON}")
        return Signature("bleu_2", "v1", parts, run.protocol)

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:  # noqa: ARG002
        """BLEU-2 of every pair; never fails."""
        return all_scored([bleu_2(p.reference, p.prediction) for p in pairs])
