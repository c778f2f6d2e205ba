"""ROUGE-L, by the rouge-score package. ReXrank does not show it; it is shown next to ReXrank's metrics.

Definition: Lin 2004; F-measure of the longest common subsequence, Porter stemmer on (as RadEval).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from types import MappingProxyType
from typing import ClassVar, Final

from evaluator.core.installation import install_hint
from evaluator.core.problems import MetricUnavailable
from evaluator.core.types import Pair, Scores
from evaluator.metrics.base import Agreement, Band, Metric, all_scored
from evaluator.metrics.signature import Signature
from evaluator.models.runtime import Run

_DIGITS: Final = frozenset("0123456789")
STEMMED: Final = 4
"""Length of the shortest word that rouge-score stems."""


class AnyScript:
    """Tokens as in rouge-score, plus words with letters other than a to z.

    rouge-score drops every other letter: two equal reports in Chinese would share no word.
    """

    def __init__(self) -> None:
        from nltk.stem.porter import PorterStemmer

        self._stem = PorterStemmer().stem

    def tokenize(self, text: str) -> list[str]:
        """The words of a text, lower-case; those of a to z and digits stemmed."""
        letters = "".join(c if c.isalpha() or c in _DIGITS else " " for c in text.lower())
        return [self._stem(w) if w.isascii() and len(w) >= STEMMED else w for w in letters.split()]


class RougeL(Metric):
    """ROUGE-L F-measure with stemming; 0 if either text has no word."""

    key: ClassVar[str] = "rouge_l"
    title: ClassVar[str] = "ROUGE-L"
    summary: ClassVar[str] = "The longest sequence of words that the report and the reference share."
    family: ClassVar[str] = "lexical"
    higher_is_better: ClassVar[bool] = True
    lower_bound: ClassVar[float | None] = 0.0
    upper_bound: ClassVar[float | None] = 1.0
    worst: ClassVar[float] = 0.0
    paper: ClassVar[str] = "Lin, Text Summarization Branches Out 2004"
    code: ClassVar[str] = "rouge-score 0.1.2"
    packages: ClassVar[tuple[str, ...]] = ("rouge_score",)
    on_boards: ClassVar[bool] = True
    band: ClassVar[Band | None] = Band((0.999, 1.0), (0.0, 0.0), (0.0, 0.7))
    agreement: ClassVar[Agreement] = MappingProxyType(
        {
            "all_errors": 0.476,
            "as_drawn": (0.53, 0.45, 0.61),
            "from_chexbert": 0.58,
            "from_bertscore": 0.54,
            "from_radgraph": 0.54,
            "from_bleu": 0.67,
            "real_models": (-0.038, -0.091, 0.017),
        }
    )

    def signature(self, run: Run) -> Signature:
        """`rouge_l|v1|rouge-score-0.1.2|stemmer:yes|protocol:…`, with `words:any-script` under `clean`.

        Raises `MetricUnavailable` without the package.
        """
        if find_spec("rouge_score") is None:
            raise MetricUnavailable(f"rouge-score is not installed: {install_hint('score')}")
        words = ("words:any-script",) if run.protocol == "clean" else ()
        return Signature("rouge_l", "v1", ("rouge-score-0.1.2", "stemmer:yes", *words), run.protocol)

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:
        """ROUGE-L F1 of every pair, in [0, 1]; no pair fails."""
        from rouge_score.rouge_scorer import RougeScorer

        tokenizer = AnyScript() if run.protocol == "clean" else None
        scorer = RougeScorer(["rougeL"], use_stemmer=True, tokenizer=tokenizer)
        values = []
        for index, pair in enumerate(pairs):
            values.append(scorer.score(pair.reference, pair.prediction)["rougeL"].fmeasure)
            if run.progress and index % 100 == 0:
                run.progress(self.key, index, len(pairs))
        return all_scored(values)
