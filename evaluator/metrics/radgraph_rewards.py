"""The `radgraph` package's rewards as metrics of their own: simple, partial and complete.

Delbrouck et al., Findings of EMNLP 2022. Computed on the annotations of `radgraph_f1`'s network with
the package's preparation of texts; they are extras for research and stand on no board.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from evaluator.core.types import Pair, Scores
from evaluator.metrics.base import Metric, all_scored
from evaluator.metrics.radgraph import Level, reward
from evaluator.models.radgraph import MODEL, annotate_texts
from evaluator.models.runtime import Run
from evaluator.models.weights import weights_label

PREPARATION = "radgraph-package"


class RadGraphSimple(Metric):
    """F1 of entities: tokens and label."""

    key: ClassVar[str] = "radgraph_simple"
    title: ClassVar[str] = "RadGraph simple"
    family: ClassVar[str] = "clinical"
    higher_is_better: ClassVar[bool] = True
    lower_bound: ClassVar[float | None] = 0.0
    upper_bound: ClassVar[float | None] = 1.0
    worst: ClassVar[float] = 0.0
    weights: ClassVar[tuple[str, ...]] = (MODEL,)
    variants: ClassVar[tuple[str, ...]] = ("0.1.18", "head-87f11a1")
    """Releases of the package; the later head compares all tokens in lower case."""
    paper: ClassVar[str] = "Delbrouck et al., Findings of EMNLP 2022"
    code: ClassVar[str] = "radgraph 0.1.18, F1RadGraph with model_type radgraph"
    level: ClassVar[Level] = "simple"

    def signature(self, run: Run) -> str:
        """`radgraph_simple|v1|radgraph@…|prep:radgraph-package|release:…|protocol:…`."""
        label = weights_label(MODEL, run.models)
        return f"{self.key}|v1|{label}|prep:{PREPARATION}|release:{self.variant(run)}|protocol:{run.protocol}"

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:
        """The reward of every pair, in [0, 1]; an empty text on either side scores 0."""
        lower = self.variant(run) != self.variants[0]
        # The package never annotates an empty string beside another text, though alone it reads it as "None".
        whole = [bool(p.reference and p.prediction) for p in pairs]
        texts = [t for p, keep in zip(pairs, whole, strict=True) if keep for t in (p.reference, p.prediction)]
        found = annotate_texts(texts, PREPARATION, run)
        return all_scored(
            [
                reward(found[p.reference], found[p.prediction], self.level, lower=lower) if keep else 0.0
                for p, keep in zip(pairs, whole, strict=True)
            ]
        )


class RadGraphPartial(RadGraphSimple):
    """As simple, and whether the entity has a relation."""

    key: ClassVar[str] = "radgraph_partial"
    title: ClassVar[str] = "RadGraph partial"
    level: ClassVar[Level] = "partial"


class RadGraphComplete(RadGraphSimple):
    """As simple, and for entities with relations each relation with its object's tokens."""

    key: ClassVar[str] = "radgraph_complete"
    title: ClassVar[str] = "RadGraph complete"
    level: ClassVar[Level] = "complete"
