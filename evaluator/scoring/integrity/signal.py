"""Whether reports describe their own images: own reference against another patient's of its kind (C14)."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from evaluator.core.problems import MetricUnavailable
from evaluator.models.runtime import Run
from evaluator.scoring.integrity.flags import Texts
from evaluator.scoring.integrity.limits import limits
from evaluator.scoring.integrity.similarity import FloatMatrix, WordTexts, matrix
from evaluator.scoring.record import SignalTest
from evaluator.statistics.bootstrap import MIN_CLUSTERS
from evaluator.statistics.permutation import permutation_test

if TYPE_CHECKING:
    from evaluator.scoring.engine import Scored

CLINICAL: Final = ("radgraph_f1", "semb_score")
WORDS: Final = "word_similarity"
"""What is tested if no clinical metric was computed: longest common subsequence of words."""


def image_signal(
    texts: Texts, scored: Scored, run: Run, strata: Sequence[str]
) -> dict[str, SignalTest] | None:
    """Per metric, the gain of a report's own reference over others of its stratum, and its p-value.

    RadGraph-F1 and SembScore if they were computed, else the similarity of words. One study per patient,
    drawn by hash, up to the limit; `None` with fewer than 30 patients.
    """
    rules = limits().signal
    sample = _one_a_patient(texts, rules.studies)
    if len(sample) < MIN_CLUSTERS:
        return None
    references = [texts.references[i] for i in sample]
    predictions = [texts.predictions[i] for i in sample]
    agreements: dict[str, FloatMatrix] = {}
    for key in (k for k in CLINICAL if k in scored.scores):
        try:
            agreements[key] = _CLINICAL[key](references, predictions, run)
        except MetricUnavailable:  # shards were scored elsewhere, and this machine lacks the weights
            continue
    if not agreements:
        words = WordTexts()
        agreements[WORDS] = matrix(words(predictions), words(references))
    seed = int.from_bytes(hashlib.sha256(f"signal|{texts.dataset}".encode()).digest()[:8], "big")
    labels = [strata[i] for i in sample]
    tests = {}
    for key, agreement in agreements.items():
        gain, p = permutation_test(agreement, labels, seed=seed, permutations=rules.permutations)
        tests[key] = SignalTest(gain=gain, p=p)
    return tests


def _one_a_patient(texts: Texts, most: int) -> list[int]:
    """Positions of one study per patient, drawn by the hash of its id, in order."""

    def place(i: int) -> bytes:
        return hashlib.sha256(texts.ids[i].encode()).digest()

    first: dict[str, int] = {}
    for i in sorted(range(texts.n), key=place):  # tie: none, hashes differ
        first.setdefault(texts.patients[i], i)
    return sorted(list(first.values())[:most])


def _radgraph(references: Sequence[str], predictions: Sequence[str], run: Run) -> FloatMatrix:
    """RadGraph-F1 of every report with every reference."""
    from evaluator.metrics.radgraph import entity_set, relation_set
    from evaluator.metrics.registry import get_metric
    from evaluator.models.radgraph import annotate_texts

    notes = annotate_texts([*references, *predictions], get_metric("radgraph_f1").variant(run), run)
    parts = [
        _f1([of(notes[t]) for t in predictions], [of(notes[t]) for t in references])
        for of in (entity_set, relation_set)
    ]
    return np.asarray((parts[0] + parts[1]) / 2, dtype=np.float32)


def _f1(reports: Sequence[set[Any]], wanted: Sequence[set[Any]]) -> FloatMatrix:
    """F1 of every set of `reports` with every one of `wanted`; 0 where nothing is common."""
    numbers: dict[Hashable, int] = {}
    for one in (*reports, *wanted):
        for item in sorted(one):
            numbers.setdefault(item, len(numbers))

    def table(sets: Sequence[set[Any]]) -> NDArray[np.float32]:
        rows = np.zeros((len(sets), max(1, len(numbers))), dtype=np.float32)
        for row, one in zip(rows, sets, strict=True):
            row[[numbers[item] for item in one]] = 1
        return rows

    a, b = table(reports), table(wanted)
    sizes = a.sum(axis=1)[:, None] + b.sum(axis=1)[None, :]
    return np.asarray(2 * (a @ b.T) / np.maximum(sizes, 1), dtype=np.float32)


def _semb(references: Sequence[str], predictions: Sequence[str], run: Run) -> FloatMatrix:
    """SembScore of every report with every reference."""
    from evaluator.models.chexbert import read_texts

    readings = read_texts([*references, *predictions], run)

    def units(texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.stack([readings[t].vector for t in texts])
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))

    return np.asarray(units(predictions) @ units(references).T, dtype=np.float32)


_CLINICAL: Final[Mapping[str, Any]] = {"radgraph_f1": _radgraph, "semb_score": _semb}
