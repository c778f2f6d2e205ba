"""ROUGE-L, by the rouge-score package. ReXrank does not show it; it stands beside its metrics.

Definition: Lin 2004; F-measure of the longest common subsequence, Porter stemmer on (as RadEval).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from evaluator.core.types import Pair, Scores
from evaluator.metrics.base import Metric, all_scored
from evaluator.metrics.signature import Signature
from evaluator.models.runtime import Run


class RougeL(Metric):
    """ROUGE-L F-measure with stemming; 0 when either text has no word."""

    key: ClassVar[str] = "rouge_l"
    title: ClassVar[str] = "ROUGE-L"
    family: ClassVar[str] = "lexical"
    higher_is_better: ClassVar[bool] = True
    lower_bound: ClassVar[float | None] = 0.0
    upper_bound: ClassVar[float | None] = 1.0
    worst: ClassVar[float] = 0.0
    paper: ClassVar[str] = "Lin, Text Summarization Branches Out 2004"
    code: ClassVar[str] = "rouge-score 0.1.2"

    def signature(self, run: Run) -> Signature:
        """`rouge_l|v1|rouge-score-0.1.2|stemmer:yes|protocol:…`."""
        return Signature("rouge_l", "v1", ("rouge-score-0.1.2", "stemmer:yes"), run.protocol)

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:
        """ROUGE-L of every pair; never fails."""
        from rouge_score.rouge_scorer import RougeScorer

        scorer = RougeScorer(["rougeL"], use_stemmer=True)
        values = []
        for done, pair in enumerate(pairs):
            values.append(scorer.score(pair.reference, pair.prediction)["rougeL"].fmeasure)
            if run.progress and done % 100 == 0:
                run.progress(self.key, done, len(pairs))
        return all_scored(values)
