"""RaTEScore: entity-level agreement weighted by entity types.

Zhao et al., EMNLP 2024. Entities of both reports are matched by the cosine of their embeddings; each match
counts with a weight for the pair of types, and less when one side negates what the other states. Variants are
the released weightings. Unlike the official code, which drops a report without a sentence and shifts every
later pair, each pair is scored on its own. If an entity has two types, the official code lets rounding choose
which of them is matched; here it is the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from evaluator.core.types import Pair, Scores
from evaluator.metrics.base import Agreement, Band, Metric
from evaluator.metrics.sentences import split_sentences
from evaluator.metrics.signature import Signature
from evaluator.models.ratescore_ner import (
    NER,
    SYNONYMS,
    TYPES,
    Entity,
    entity_pieces,
    piece_embeddings,
    sentence_entities,
)
from evaluator.models.runtime import Run
from evaluator.models.weights import weights_label

# Rows: type of the entity whose best match is sought; columns: type of that match; order of TYPES.
LONG: Final = (
    (0.4276119164393705, 0.5431049700217344, 0.0034478181112993847, 0.27005425386213877, 0.6240929990607657),
    (0.16546764653692908, 0.0009357166071730684, 0.719397354576018, 0.0927333564267591, 0.018670610691852826),
    (0.8396510075734789, 0.9820689020512646, 0.8460555030578727, 0.3789136708096537, 0.9950209388542061),
    (0.7759420231214385, 0.03860183811876373, 0.10073046076318157, 0.34065681486566446, 0.1839139293714062),
    (0.7487824274337533, 0.02097055139911715, 0.4592143222158069, 0.00013736314126696204, 0.2856134859160784),
)
SHORT: Final = (
    (0.4070293318365468, 0.9479148658006686, 0.28342529466226446, 0.23875064111146294, 0.6952639610605605),
    (
        0.1712744286898638,
        0.0007887930317199857,
        0.00045065329822896076,
        0.8555432840895761,
        0.4485149671497294,
    ),
    (0.8840397619834857, 0.6962283914800402, 0.19018958438059513, 0.943727057946997, 0.9637659445696822),
    (0.9555801066212176, 0.05650711141169969, 0.6072996585919443, 0.3214769399791204, 0.13122106162635216),
    (0.5829759950441763, 0.794672584951181, 0.0006059634829551632, 0.27982942400798977, 0.7709590751917746),
)
NEGATION_LONG: Final = 0.8716553966489615
NEGATION_SHORT: Final = 0.3611577852354489
NEGATION_0_5_0: Final = 0.3612

WEIGHTINGS: Final[Mapping[str, tuple[tuple[tuple[float, ...], ...], float]]] = {
    "0.6.0": (LONG, NEGATION_LONG),
    "0.5.0": (LONG, NEGATION_0_5_0),
    "0.6.0-short": (SHORT, NEGATION_SHORT),
}
"""By variant: type weights and the factor of a negated match. From the released packages' code."""

TIE: Final = 1e-6
"""Similarities closer than this are equal: far above the rounding of float32 vectors, far below a difference."""
NO_ENTITIES: Final = 0.5
"""The official value of a pair in which one side has no entity."""
_INDEX: Final = {kind: i for i, kind in enumerate(TYPES)}
_NEGATED: Final = frozenset({"NON-DISEASE", "NON-ABNORMALITY"})
_STATED: Final = frozenset({"DISEASE", "ABNORMALITY"})


def contradicts(one: str, other: str) -> bool:
    """Whether one type negates a finding and the other states one."""
    return (one in _NEGATED and other in _STATED) or (one in _STATED and other in _NEGATED)


Vectors = NDArray[np.float32]


def directional(
    types: Sequence[str], vectors: Vectors, other_types: Sequence[str], other_vectors: Vectors, variant: str
) -> float:
    """Weighted mean similarity, in [-1, 1], of each entity to its nearest one on the other side.

    `vectors` and `other_vectors`: shapes (n, d) and (m, d). 0 when the weights sum to 0. Of entities equally
    near, to within `TIE`, the first in the report is the match, so that its type depends neither on the last
    bits nor on the machine.
    """
    matrix, negation = WEIGHTINGS[variant]
    similarity = _unit(vectors) @ _unit(other_vectors).T
    best = similarity.max(axis=1)
    first = (similarity >= best[:, None] - TIE).argmax(axis=1)  # tie: first index, within TIE
    total = weight_sum = 0.0
    for kind, value, index in zip(types, best, first, strict=True):
        match = other_types[index]
        weight = matrix[_INDEX[kind]][_INDEX[match]]
        total += float(value) * weight * (negation if contradicts(kind, match) else 1.0)
        weight_sum += weight
    return total / weight_sum if weight_sum else 0.0


def _unit(vectors: Vectors) -> NDArray[np.float64]:
    """The rows normalised to length 1, in float64; a row of zeros stays zero."""
    rows = vectors.astype(np.float64)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def pair_score(
    reference: Sequence[Entity], prediction: Sequence[Entity], vectors: tuple[Vectors, Vectors], variant: str
) -> float:
    """RaTEScore of two entity lists: the harmonic mean of both directions, `NO_ENTITIES` if one is empty.

    `vectors`: float32 arrays of shapes (n, hidden) and (m, hidden), in the order of the entities.
    """
    if not reference or not prediction:
        return NO_ENTITIES
    ours, theirs = [kind for _, kind in reference], [kind for _, kind in prediction]
    forward = directional(ours, vectors[0], theirs, vectors[1], variant)
    backward = directional(theirs, vectors[1], ours, vectors[0], variant)
    return 2 * forward * backward / (forward + backward) if forward + backward else 0.0


class _Vectors:
    """Entity vectors by report; each distinct entity is encoded once, in however many reports it occurs."""

    def __init__(self, entities: Mapping[str, list[Entity]], run: Run) -> None:
        self.entities = entities
        self.pieces = entity_pieces([text for side in entities.values() for text, _ in side], run)
        self.vectors = piece_embeddings(sorted(set(self.pieces.values())), run)

    def of(self, text: str) -> Vectors:
        """The vectors of a report with entities, shape (n, hidden)."""
        return np.stack([self.vectors[self.pieces[entity]] for entity, _ in self.entities[text]])


class RateScore(Metric):
    """RaTEScore of each pair; under `clean` a prediction without text gains nothing."""

    key: ClassVar[str] = "ratescore"
    title: ClassVar[str] = "RaTEScore"
    summary: ClassVar[str] = (
        "How well the medical entities of the two reports match, with a penalty for contradictions."
    )
    family: ClassVar[str] = "clinical"
    higher_is_better: ClassVar[bool] = True
    lower_bound: ClassVar[float | None] = 0.0
    upper_bound: ClassVar[float | None] = 1.0
    worst: ClassVar[float] = 0.0
    weights: ClassVar[tuple[str, ...]] = (NER, SYNONYMS)
    variants: ClassVar[tuple[str, ...]] = tuple(WEIGHTINGS)
    paper: ClassVar[str] = "Zhao et al., EMNLP 2024"
    code: ClassVar[str] = "MAGIC-AI4Med/RaTEScore@a970406"
    on_boards: ClassVar[bool] = True
    presets: ClassVar[tuple[str, ...]] = ("paper-2024", "rexrank-2026")
    band: ClassVar[Band | None] = Band((0.95, 1.001), (0.0, 0.1), (0.1, 0.9))
    agreement: ClassVar[Agreement] = MappingProxyType(
        {
            "from_chexbert": 0.39,
            "from_bertscore": 0.49,
            "from_radgraph": 0.57,
            "from_bleu": 0.54,
        }
    )

    def signature(self, run: Run) -> Signature:
        """`ratescore|v2|0.6.0|ratescore-ner@…|biolord@…|sentences:rush-1|protocol:…`."""
        labels = (weights_label(key, run.models) for key in self.weights)
        return Signature("ratescore", "v2", (self.variant(run), *labels, "sentences:rush-1"), run.protocol)

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:
        """RaTEScore of every pair, in [0, 1].

        A pair in which one side has no entity scores 0.5, as in the official code, and its details say so;
        under `clean`, an empty prediction scores 0 and counts as failed, so that leaving a study out never
        pays.
        """
        variant = self.variant(run)
        sentences = {t: split_sentences(t) for p in pairs for t in (p.reference, p.prediction)}
        labelled = sentence_entities([s for parts in sentences.values() for s in parts], run)
        entities = {t: [e for s in parts for e in labelled[s]] for t, parts in sentences.items()}
        vectors = _Vectors(entities, run)
        values = np.empty(len(pairs))
        failed = np.zeros(len(pairs), dtype=np.bool_)
        for i, pair in enumerate(pairs):
            if run.protocol == "clean" and not pair.prediction.strip():
                values[i], failed[i] = self.worst, True
                continue
            sides = entities[pair.reference], entities[pair.prediction]
            value = NO_ENTITIES
            if all(sides):
                value = pair_score(*sides, (vectors.of(pair.reference), vectors.of(pair.prediction)), variant)
            # Cosines may exceed the bounds by a rounding error.
            values[i] = value if run.protocol == "compat" else min(max(value, 0.0), 1.0)
        details = None
        if run.details:
            details = [
                {
                    side: {"sentences": sentences[text], "entities": [list(e) for e in entities[text]]}
                    for side, text in (("reference", p.reference), ("prediction", p.prediction))
                }
                | {"without_entities": not (entities[p.reference] and entities[p.prediction])}
                for p in pairs
            ]
        return Scores(values, failed, details)
