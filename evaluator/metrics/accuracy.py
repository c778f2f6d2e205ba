"""Accuracy of answers to multiple-choice questions: by skill, over all questions, and averaged over skills.

The ranking metric is the unweighted mean of the skills' accuracies, as in ReXrank's table of 2025. A question
of a skill with few questions then weighs more: 1/(skills x questions of its skill). The skill is in the
pair's context. A question without an answer is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from evaluator.core.types import BoolArray, Pair, Scores
from evaluator.datasets.skills import SKILLS
from evaluator.metrics.base import Metric
from evaluator.metrics.corpus import Corpus, macro_share, macro_shares
from evaluator.metrics.signature import Signature
from evaluator.models.runtime import Run

SKILL: str = "skill"
"""Name of the skill in a pair's context."""


def skills_of(pairs: Sequence[Pair]) -> list[str]:
    """The skill of every pair. Raises `ValueError` that names a pair without one."""
    skills = [dict(p.context).get(SKILL, "") for p in pairs]
    known = {s.name for s in SKILLS}
    if lacking := next((p.id for p, skill in zip(pairs, skills, strict=True) if skill not in known), None):
        raise ValueError(f"the question {lacking!r} has no known skill")
    return skills


class Accuracy(Metric):
    """Share of all questions that were answered correctly; every question weighs the same."""

    key: ClassVar[str] = "accuracy"
    title: ClassVar[str] = "Accuracy, all questions"
    summary: ClassVar[str] = (
        "The share of all questions answered correctly; an unanswered question counts as wrong."
    )
    display_title: ClassVar[str] = "Accuracy"
    family: ClassVar[str] = "accuracy"
    higher_is_better: ClassVar[bool] = True
    lower_bound: ClassVar[float | None] = 0.0
    upper_bound: ClassVar[float | None] = 1.0
    worst: ClassVar[float] = 0.0
    tasks: ClassVar[tuple[str, ...]] = ("vqa",)
    paper: ClassVar[str] = "Pal et al., arXiv 2506.04353"
    code: ClassVar[str] = "rajpurkarlab/ReXrank@6fbf655, vqa_results"

    def signature(self, run: Run) -> Signature:
        """`accuracy|v1|unanswered:wrong|protocol:…`."""
        return Signature(self.key, "v1", ("unanswered:wrong",), run.protocol)

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:  # noqa: ARG002
        """1 for a correct answer, 0 for a wrong one or none; an unanswered question has failed."""
        return Scores(np.asarray(_right(pairs), dtype=np.float64), _unanswered(pairs))


class AccuracyMacro(Accuracy):
    """The mean of the five skills' accuracies, each with the same weight."""

    key: ClassVar[str] = "accuracy_macro"
    title: ClassVar[str] = "Accuracy, mean of the five skills"
    summary: ClassVar[str] = "The unweighted mean of the accuracies of the five skills, as ReXrank prints it."
    display_title: ClassVar[str] = "Accuracy, mean of skills"
    code: ClassVar[str] = "rajpurkarlab/ReXrank@873844f, vqa_results"
    skills: ClassVar[tuple[str, ...]] = tuple(s.name for s in SKILLS)
    corpus: ClassVar[Corpus | None] = Corpus(
        macro_share,
        tuple(f"{s.key}.{what}" for s in SKILLS for what in ("right", "asked")),
        influence=50,
        shares=macro_shares,
    )

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:  # noqa: ARG002
        """1 or 0 per pair as in `Accuracy`, with the counts that it sums: per skill (correct, asked), shape (n, 2S).

        A question of another skill than the metric's counts as neither correct, asked nor failed.
        """
        mask = np.array([[skill == s for s in self.skills] for skill in skills_of(pairs)], dtype=np.bool_)
        mask = mask.reshape(len(pairs), len(self.skills))
        right = _right(pairs)[:, None] & mask
        counts = np.stack([right, mask], axis=2).reshape(len(pairs), -1).astype(np.int64)
        failed = _unanswered(pairs) & mask.any(axis=1)
        return Scores(np.asarray(right.any(axis=1), dtype=np.float64), failed, counts=counts)


class AccuracyDifferentialDiagnosis(AccuracyMacro):
    """Accuracy of the questions about which diagnosis fits the findings."""

    key: ClassVar[str] = "accuracy_differential_diagnosis"
    title: ClassVar[str] = "Accuracy, differential diagnosis"
    summary: ClassVar[str] = "The share of the questions on differential diagnosis answered correctly."
    display_title: ClassVar[str] = "Differential diagnosis"
    skills: ClassVar[tuple[str, ...]] = ("Differential Diagnosis",)
    corpus: ClassVar[Corpus | None] = Corpus(
        macro_share, ("right", "asked"), influence=8, shares=macro_shares
    )


class AccuracyGeometric(AccuracyMacro):
    """Accuracy of the questions about size, angle and position."""

    key: ClassVar[str] = "accuracy_geometric"
    title: ClassVar[str] = "Accuracy, geometric information"
    summary: ClassVar[str] = "The share of the questions on geometric information answered correctly."
    display_title: ClassVar[str] = "Geometric information"
    skills: ClassVar[tuple[str, ...]] = ("Geometric Information Assessment",)
    corpus: ClassVar[Corpus | None] = Corpus(
        macro_share, ("right", "asked"), influence=250, shares=macro_shares
    )


class AccuracyLocation(AccuracyMacro):
    """Accuracy of the questions about where a finding is and how it is spread."""

    key: ClassVar[str] = "accuracy_location"
    title: ClassVar[str] = "Accuracy, location and distribution"
    summary: ClassVar[str] = "The share of the questions on location and distribution answered correctly."
    display_title: ClassVar[str] = "Location and distribution"
    skills: ClassVar[tuple[str, ...]] = ("Location and Distribution Assessment",)
    corpus: ClassVar[Corpus | None] = Corpus(
        macro_share, ("right", "asked"), influence=20, shares=macro_shares
    )


class AccuracyNegation(AccuracyMacro):
    """Accuracy of the questions about what is absent."""

    key: ClassVar[str] = "accuracy_negation"
    title: ClassVar[str] = "Accuracy, negation"
    summary: ClassVar[str] = "The share of the questions on negation answered correctly."
    display_title: ClassVar[str] = "Negation"
    skills: ClassVar[tuple[str, ...]] = ("Negation Assessment",)
    corpus: ClassVar[Corpus | None] = Corpus(
        macro_share, ("right", "asked"), influence=4, shares=macro_shares
    )


class AccuracyPresence(AccuracyMacro):
    """Accuracy of the questions about what is present."""

    key: ClassVar[str] = "accuracy_presence"
    title: ClassVar[str] = "Accuracy, presence"
    summary: ClassVar[str] = "The share of the questions on presence answered correctly."
    display_title: ClassVar[str] = "Presence"
    skills: ClassVar[tuple[str, ...]] = ("Presence Assessment",)
    corpus: ClassVar[Corpus | None] = Corpus(
        macro_share, ("right", "asked"), influence=4, shares=macro_shares
    )


def _right(pairs: Sequence[Pair]) -> BoolArray:
    """Whether each answer is the correct letter."""
    return np.array([p.prediction == p.reference for p in pairs], dtype=np.bool_)


def _unanswered(pairs: Sequence[Pair]) -> BoolArray:
    """Whether each question is unanswered."""
    return np.array([not p.prediction for p in pairs], dtype=np.bool_)
