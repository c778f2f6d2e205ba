"""RadGraph-F1: overlap of the entities and relations of a report and its reference.

Jain et al., NeurIPS Datasets 2021; Yu et al., Patterns 2023. The official `radgraph_combined` of
CXR-Report-Metric 9c9ecad: the mean of entity F1 and relation F1 on sets of exact, case-sensitive
strings. Two empty sets score 0. Also the rewards of the `radgraph` package.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal

from evaluator.core.types import Pair, Scores
from evaluator.metrics.base import Agreement, Band, Metric, all_scored
from evaluator.metrics.signature import Signature
from evaluator.models.radgraph import MODEL, XL, Annotation, annotate_texts
from evaluator.models.runtime import Run
from evaluator.models.weights import weights_label

Level = Literal["simple", "partial", "complete"]
LEVELS: Final[tuple[Level, ...]] = ("simple", "partial", "complete")


def f1(wanted: set[Any], graph: set[Any]) -> float:
    """F1 of two sets, in [0, 1]; 0 when either is empty."""
    hits = len(wanted & graph)
    if not hits:
        return 0.0
    precision, recall = hits / len(graph), hits / len(wanted)
    return 2 * precision * recall / (precision + recall)


def entity_set(annotation: Annotation) -> set[tuple[str, str]]:
    """(tokens, label) of every entity."""
    return {(e.tokens, e.label) for e in annotation.entities.values()}


def relation_set(annotation: Annotation) -> set[tuple[tuple[str, str], tuple[str, str], str]]:
    """((tokens, label), (tokens, label), relation) of every relation."""
    entities = annotation.entities
    return {
        ((e.tokens, e.label), (entities[target].tokens, entities[target].label), name)
        for e in entities.values()
        for name, target in e.relations
    }


@dataclass(frozen=True, slots=True)
class RadGraphScores:
    """The official scores of one pair."""

    entity_f1: float
    relation_f1: float

    @property
    def combined(self) -> float:
        """`radgraph_combined`, in [0, 1]: the mean of both F1s."""
        return (self.entity_f1 + self.relation_f1) / 2


def official(reference: Annotation, prediction: Annotation) -> RadGraphScores:
    """Entity F1 and relation F1 of two annotations, each in [0, 1] (rajpurkarlab/CXR-Report-Metric@9c9ecad)."""
    return RadGraphScores(
        f1(entity_set(reference), entity_set(prediction)),
        f1(relation_set(reference), relation_set(prediction)),
    )


def reward(reference: Annotation, prediction: Annotation, level: Level, *, lower: bool = False) -> float:
    """A reward of the `radgraph` package, in [0, 1]; `lower` compares tokens in lower case, as its later head does.

    0 when either annotation has no entity. Release 0.1.18 lower-cases only where relations enter the complete
    reward.
    """
    if not reference.entities or not prediction.entities:
        return 0.0
    return f1(_reward_set(reference, level, lower=lower), _reward_set(prediction, level, lower=lower))


def _reward_set(annotation: Annotation, level: Level, *, lower: bool) -> set[Any]:
    entities = annotation.entities
    out: set[Any] = set()
    for entity in entities.values():
        tokens = entity.tokens.lower() if lower else entity.tokens
        if level == "simple" or not entity.relations:
            out.add((tokens, entity.label))
        elif level == "partial":
            out.add((tokens, entity.label, True))
        else:
            for name, target in entity.relations:
                out.add((entity.tokens.lower(), entity.label, name, entities[target].tokens.lower()))
    return out


class RadGraphF1(Metric):
    """The official `radgraph_combined`: mean of entity F1 and relation F1."""

    key: ClassVar[str] = "radgraph_f1"
    title: ClassVar[str] = "RadGraph-F1"
    summary: ClassVar[str] = "How many clinical entities and relations the report shares with the reference."
    family: ClassVar[str] = "clinical"
    higher_is_better: ClassVar[bool] = True
    lower_bound: ClassVar[float | None] = 0.0
    upper_bound: ClassVar[float | None] = 1.0
    worst: ClassVar[float] = 0.0
    weights: ClassVar[tuple[str, ...]] = (MODEL,)
    variants: ClassVar[tuple[str, ...]] = ("rexrank", "radgraph-package")
    paper: ClassVar[str] = "Jain et al., NeurIPS Datasets and Benchmarks 2021"
    code: ClassVar[str] = "rajpurkarlab/CXR-Report-Metric@9c9ecad (DyGIE++)"
    on_boards: ClassVar[bool] = True
    presets: ClassVar[tuple[str, ...]] = ("paper-2024", "rexrank-2026")
    band: ClassVar[Band | None] = Band((0.80, 1.0), (0.0, 0.05), (0.0, 0.6))
    agreement: ClassVar[Agreement] = MappingProxyType(
        {
            "all_errors": (0.515, 0.449, 0.578),
            "as_drawn": (0.47, 0.39, 0.55),
            "from_chexbert": 0.41,
            "from_bertscore": 0.54,
            "from_radgraph": 0.59,
            "from_bleu": 0.64,
            "real_models": (-0.011, -0.068, 0.048),
        }
    )

    def signature(self, run: Run) -> Signature:
        """`radgraph_f1|v1|radgraph@…|prep:…|entities+relations/2|protocol:…`."""
        parts = (weights_label(MODEL, run.models), f"prep:{self.variant(run)}", "entities+relations/2")
        return Signature(self.key, "v1", parts, run.protocol)

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:
        """The combined F1 of every pair, in [0, 1]; a text without words has no entity and scores 0."""
        notes = annotate_texts(
            [t for p in pairs for t in (p.reference, p.prediction)], self.variant(run), run
        )
        scores = [official(notes[p.reference], notes[p.prediction]) for p in pairs]
        details = None
        if run.details:
            details = [
                {
                    "entity_f1": s.entity_f1,
                    "relation_f1": s.relation_f1,
                    "rewards": {k: reward(notes[p.reference], notes[p.prediction], k) for k in LEVELS},
                    "reference": notes[p.reference].view(),
                    "prediction": notes[p.prediction].view(),
                }
                for p, s in zip(pairs, scores, strict=True)
            ]
        return all_scored([s.combined for s in scores], details)


class RadGraphSimple(Metric):
    """F1 of entities: tokens and label."""

    key: ClassVar[str] = "radgraph_simple"
    title: ClassVar[str] = "RadGraph simple"
    summary: ClassVar[str] = (
        "How many clinical entities, by words and label, the report shares with the reference."
    )
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
    model: ClassVar[str] = MODEL
    preparation: ClassVar[str] = "radgraph-package"

    def signature(self, run: Run) -> Signature:
        """`radgraph_simple|v1|radgraph@…|prep:radgraph-package|release:…|protocol:…`."""
        label = weights_label(self.model, run.models)
        parts = (label, f"prep:{self.preparation}", f"release:{self.variant(run)}")
        return Signature(self.key, "v1", parts, run.protocol)

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:
        """The reward of every pair, in [0, 1]; an empty text on either side scores 0."""
        lower = self.variant(run) != self.variants[0]
        # The package never annotates an empty string next to another text, though alone it reads it as
        # "None".
        whole = [bool(p.reference and p.prediction) for p in pairs]
        texts = [t for p, keep in zip(pairs, whole, strict=True) if keep for t in (p.reference, p.prediction)]
        notes = annotate_texts(texts, self.preparation, run, self.model)
        return all_scored(
            [
                reward(notes[p.reference], notes[p.prediction], self.level, lower=lower) if keep else 0.0
                for p, keep in zip(pairs, whole, strict=True)
            ]
        )


class RadGraphPartial(RadGraphSimple):
    """F1 of entities: tokens, label, and whether the entity has a relation."""

    key: ClassVar[str] = "radgraph_partial"
    title: ClassVar[str] = "RadGraph partial"
    summary: ClassVar[str] = (
        "As RadGraph simple, and entities must also agree in whether they have a relation."
    )
    level: ClassVar[Level] = "partial"


class RadGraphComplete(RadGraphSimple):
    """F1 of entities and, for those with relations, of each relation with its object's tokens."""

    key: ClassVar[str] = "radgraph_complete"
    title: ClassVar[str] = "RadGraph complete"
    summary: ClassVar[str] = "As RadGraph simple, and entities must also agree in all of their relations."
    level: ClassVar[Level] = "complete"


class RadGraphXlSimple(RadGraphSimple):
    """F1 of entities by RadGraph-XL: the `radgraph` package's default model, with its own words and labels."""

    key: ClassVar[str] = "radgraph_xl_simple"
    title: ClassVar[str] = "RadGraph-XL simple"
    summary: ClassVar[str] = "As RadGraph simple, with RadGraph-XL."
    weights: ClassVar[tuple[str, ...]] = (XL,)
    paper: ClassVar[str] = "Delbrouck et al., Findings of ACL 2024"
    code: ClassVar[str] = "radgraph 0.1.18, F1RadGraph with model_type radgraph-xl"
    model: ClassVar[str] = XL
    preparation: ClassVar[str] = "radgraph-package-xl"


class RadGraphXlPartial(RadGraphXlSimple):
    """F1 of entities by RadGraph-XL: tokens, label, and whether the entity has a relation."""

    key: ClassVar[str] = "radgraph_xl_partial"
    title: ClassVar[str] = "RadGraph-XL partial"
    summary: ClassVar[str] = "As RadGraph partial, with RadGraph-XL."
    level: ClassVar[Level] = "partial"


class RadGraphXlComplete(RadGraphXlSimple):
    """F1 of entities by RadGraph-XL and, for those with relations, of each relation with its object's tokens."""

    key: ClassVar[str] = "radgraph_xl_complete"
    title: ClassVar[str] = "RadGraph-XL complete"
    summary: ClassVar[str] = "As RadGraph complete, with RadGraph-XL."
    level: ClassVar[Level] = "complete"
