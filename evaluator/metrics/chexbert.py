"""SembScore: cosine of CheXbert's report vectors; and CheXbert F1 from its labels.

As the official scorer (CXR-Report-Metric 9c9ecad): the last hidden state at [CLS], cosine in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from evaluator.core.types import Pair, Scores
from evaluator.metrics.base import Agreement, Band, Metric, all_scored
from evaluator.metrics.corpus import Corpus, macro_f1, micro_f1
from evaluator.metrics.signature import Signature
from evaluator.models.chexbert import LABELS, MODEL, Reading, read_texts
from evaluator.models.runtime import Run
from evaluator.models.weights import weights_label

TOP_FIVE: Final = ("Cardiomegaly", "Edema", "Consolidation", "Atelectasis", "Pleural Effusion")
_POSITIVE: Final = (1, 3)
"""Positive and uncertain count as present, blank and negative as absent."""


COUNTED: Final = ("tp", "fp", "fn")
"""True positives, false positives, false negatives."""


def _per_label(labels: Sequence[str]) -> tuple[str, ...]:
    """Names of the counts of every label."""
    return tuple(f"{label.lower().replace(' ', '_')}.{kind}" for label in labels for kind in COUNTED)


class SembScore(Metric):
    """Cosine of the two reports' CheXbert vectors."""

    key: ClassVar[str] = "semb_score"
    title: ClassVar[str] = "SembScore"
    summary: ClassVar[str] = (
        "How similar the two reports' embeddings are in CheXbert, a model of chest X-ray findings."
    )
    family: ClassVar[str] = "embedding"
    higher_is_better: ClassVar[bool] = True
    lower_bound: ClassVar[float | None] = -1.0
    upper_bound: ClassVar[float | None] = 1.0
    worst: ClassVar[float] = 0.0
    weights: ClassVar[tuple[str, ...]] = (MODEL,)
    paper: ClassVar[str] = "Smit et al., EMNLP 2020; Yu et al., Patterns 2023"
    code: ClassVar[str] = "rajpurkarlab/CXR-Report-Metric@9c9ecad"
    on_boards: ClassVar[bool] = True
    presets: ClassVar[tuple[str, ...]] = ("paper-2024", "rexrank-2026")
    band: ClassVar[Band | None] = Band((0.999, 1.001), (-0.1, 0.7), (0.0, 0.95))
    agreement: ClassVar[Agreement] = MappingProxyType(
        {
            "all_errors": (0.499, 0.417, 0.576),
            "from_chexbert": 0.46,
            "from_bertscore": 0.3,
            "from_radgraph": 0.29,
            "from_bleu": 0.18,
            "real_models": (0.074, 0.012, 0.137),
        }
    )

    def signature(self, run: Run) -> Signature:
        """`semb_score|v1|chexbert@…|cls-cosine|protocol:…`."""
        return Signature("semb_score", "v1", (weights_label(MODEL, run.models), "cls-cosine"), run.protocol)

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:
        """The cosine of every pair, in [-1, 1]; details contain both sides' 14 labels."""
        sides = _both(pairs, run)
        values = [cosine(a.vector, b.vector) for a, b in zip(*sides, strict=True)]
        return all_scored(values, _labels(*sides) if run.details else None)


class ChexbertF1(Metric):
    """F1 of the labels that the two reports of a study have; the usual values are corpus-level."""

    key: ClassVar[str] = "chexbert_f1"
    title: ClassVar[str] = "CheXbert F1"
    summary: ClassVar[str] = "F1 of the findings that CheXbert extracts from the two reports of a study."
    family: ClassVar[str] = "clinical"
    higher_is_better: ClassVar[bool] = True
    lower_bound: ClassVar[float | None] = 0.0
    upper_bound: ClassVar[float | None] = 1.0
    worst: ClassVar[float] = 0.0
    weights: ClassVar[tuple[str, ...]] = (MODEL,)
    paper: ClassVar[str] = "Smit et al., EMNLP 2020"
    code: ClassVar[str] = "f1chexbert 0.0.2 (its figures by scikit-learn)"

    def signature(self, run: Run) -> Signature:
        """`chexbert_f1|v1|chexbert@…|uncertain:positive|protocol:…`."""
        parts = (weights_label(MODEL, run.models), "uncertain:positive")
        return Signature("chexbert_f1", "v1", parts, run.protocol)

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:
        """Per pair, the F1 of its own labels, in [0, 1], 0 if neither report has one; `corpus` as `chexbert_f1`."""
        sides = _both(pairs, run)
        labels = [[reading.labels for reading in side] for side in sides]
        y_true, y_pred = binary(labels[0]), binary(labels[1])
        values = _f1(counts(y_true, y_pred).sum(axis=1))
        details = _labels(*sides) if run.details else None
        corpus = chexbert_f1(*labels) if pairs else None
        pair_counts = counts(y_true, y_pred).reshape(len(pairs), -1)
        return Scores(values, np.zeros(len(pairs), dtype=np.bool_), details, corpus, pair_counts)


class ChexbertMicroF1(Metric):
    """CheXbert F1 of the whole dataset: true and false findings are counted over all studies and 14 labels."""

    key: ClassVar[str] = "chexbert_micro_f1_14"
    title: ClassVar[str] = "CheXbert F1, micro, 14 labels"
    summary: ClassVar[str] = "F1 of 14 findings, counted over all studies and findings together."
    display_title: ClassVar[str] = "CheXbert F1 micro 14"
    family: ClassVar[str] = "clinical"
    higher_is_better: ClassVar[bool] = True
    lower_bound: ClassVar[float | None] = 0.0
    upper_bound: ClassVar[float | None] = 1.0
    worst: ClassVar[float] = 0.0
    composes: ClassVar[tuple[str, ...]] = ("chexbert_f1",)
    paper: ClassVar[str] = "Smit et al., EMNLP 2020"
    code: ClassVar[str] = "f1chexbert 0.0.2 (its figures by scikit-learn)"
    labels: ClassVar[tuple[str, ...]] = LABELS
    corpus: ClassVar[Corpus | None] = Corpus(micro_f1, COUNTED, influence=len(LABELS))
    on_boards: ClassVar[bool] = True

    def signature(self, run: Run) -> Signature:
        """`chexbert_micro_f1_14|v1|chexbert@…|uncertain:positive|protocol:…`."""
        parts = (weights_label(MODEL, run.models), "uncertain:positive")
        return Signature(self.key, "v1", parts, run.protocol)

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:  # noqa: ARG002 - the labels are read already
        """Per pair, the F1 of its own labels, in [0, 1], and the counts that the dataset's F1 sums.

        Raises `ValueError` if `chexbert_f1`, on which this is based, returned no counts.
        """
        whole = run.scores["chexbert_f1"]
        if whole.counts is None:
            raise ValueError("chexbert_f1 gave no counts")
        label_counts = whole.counts.reshape(-1, len(LABELS), 3)[
            :, [LABELS.index(name) for name in self.labels]
        ]
        totals = (
            label_counts.sum(axis=1, keepdims=True)
            if self.corpus and self.corpus.statistic is micro_f1
            else label_counts
        )
        return Scores(
            _f1(label_counts.sum(axis=1)), whole.failed, None, None, totals.reshape(len(label_counts), -1)
        )


class ChexbertMacroF1(ChexbertMicroF1):
    """The mean over 14 labels of each one's F1 over the whole dataset; a rare label counts as much as a common one."""

    key: ClassVar[str] = "chexbert_macro_f1_14"
    title: ClassVar[str] = "CheXbert F1, macro, 14 labels"
    summary: ClassVar[str] = (
        "F1 for each of 14 findings, averaged, so rare findings count as much as common ones."
    )
    display_title: ClassVar[str] = "CheXbert F1 macro 14"
    corpus: ClassVar[Corpus | None] = Corpus(macro_f1, _per_label(LABELS), "none", 50)
    on_boards: ClassVar[bool] = True


class ChexbertMicroF1Five(ChexbertMicroF1):
    """Micro F1 over five common findings."""

    key: ClassVar[str] = "chexbert_micro_f1_5"
    title: ClassVar[str] = "CheXbert F1, micro, 5 labels"
    summary: ClassVar[str] = "F1 of five common findings, counted over all studies and findings together."
    display_title: ClassVar[str] = "CheXbert F1 micro 5"
    labels: ClassVar[tuple[str, ...]] = TOP_FIVE
    corpus: ClassVar[Corpus | None] = Corpus(micro_f1, COUNTED, influence=len(LABELS))
    on_boards: ClassVar[bool] = True


class ChexbertMacroF1Five(ChexbertMicroF1):
    """Macro F1 over five common findings."""

    key: ClassVar[str] = "chexbert_macro_f1_5"
    title: ClassVar[str] = "CheXbert F1, macro, 5 labels"
    summary: ClassVar[str] = "F1 for each of five common findings, averaged."
    display_title: ClassVar[str] = "CheXbert F1 macro 5"
    labels: ClassVar[tuple[str, ...]] = TOP_FIVE
    corpus: ClassVar[Corpus | None] = Corpus(macro_f1, _per_label(TOP_FIVE), "none", 50)
    on_boards: ClassVar[bool] = True


def _both(pairs: Sequence[Pair], run: Run) -> tuple[list[Reading], list[Reading]]:
    """CheXbert's readings of the references and of the predictions, pair by pair."""
    readings = read_texts([t for p in pairs for t in (p.reference, p.prediction)], run)
    return [readings[p.reference] for p in pairs], [readings[p.prediction] for p in pairs]


def _labels(references: Sequence[Reading], predictions: Sequence[Reading]) -> list[dict[str, Any]]:
    """Both sides' 14 labels by name, for the details."""
    return [
        {"reference": a.named_labels(), "prediction": b.named_labels()}
        for a, b in zip(references, predictions, strict=True)
    ]


def cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Cosine, in [-1, 1], of two vectors of shape (hidden,) in float32, as the official code computes it; 0 for a zero vector."""
    length = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.dot(a, b) / length) if length else 0.0


def binary(labels: Sequence[Sequence[int]]) -> NDArray[np.bool_]:
    """Whether each finding is present (positive or uncertain), shape (n, 14), from CheXbert's classes 0 to 3."""
    return np.isin(np.asarray(labels).reshape(-1, len(LABELS)), _POSITIVE)


def counts(reference: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Per study and label: true positives, false positives, false negatives: shape (n, labels, 3).

    Sums over studies are all that F1 needs, so that it can be bootstrapped.
    """
    return np.stack(
        [reference & prediction, ~reference & prediction, reference & ~prediction], axis=2
    ).astype(np.int64)


def chexbert_f1(reference: Sequence[Sequence[int]], prediction: Sequence[Sequence[int]]) -> dict[str, float]:
    """Corpus-level CheXbert F1, in [0, 1]: micro, macro and weighted over 14 labels and over the five, and per label.

    Also the mean over studies (`samples_f1_14`) and the share of studies whose five all agree (`accuracy_5`).

    As scikit-learn with `zero_division=0`: a label that neither side has scores 0.
    """
    y_true, y_pred = binary(reference), binary(prediction)
    five = [LABELS.index(name) for name in TOP_FIVE]
    out: dict[str, float] = {}
    out["samples_f1_14"] = float(_f1(counts(y_true, y_pred).sum(axis=1)).mean())
    out["accuracy_5"] = float((y_true[:, five] == y_pred[:, five]).all(axis=1).mean())
    for name, columns in (("14", list(range(len(LABELS)))), ("5", five)):
        total = counts(y_true[:, columns], y_pred[:, columns]).sum(axis=0)
        out[f"micro_f1_{name}"] = float(_f1(total.sum(axis=0)[None, :])[0])
        each = _f1(total)
        if name == "14":
            out |= {f"f1 {label}": float(value) for label, value in zip(LABELS, each, strict=True)}
        support = y_true[:, columns].sum(axis=0)
        out[f"macro_f1_{name}"] = float(each.mean())
        out[f"weighted_f1_{name}"] = float((each * support).sum() / support.sum()) if support.sum() else 0.0
    return out


def _f1(totals: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of rows of (true positives, false positives, false negatives)."""
    hits, extra, lost = totals.T.astype(np.float64)
    below = 2 * hits + extra + lost
    return np.where(below > 0, 2 * hits / np.where(below > 0, below, 1.0), 0.0)
