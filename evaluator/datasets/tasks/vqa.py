"""Visual question answering: a model answers multiple-choice questions about a chest X-ray study."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from evaluator.datasets.tasks.task import Task, Track

TASK: Final = Task(
    id="vqa",
    title="Visual question answering",
    about="A model answers multiple-choice questions about a study from its images.",
    item="question",
    items="questions",
    prediction="answer",
    predictions="answers",
    empty='""',
    tracks=(Track("answers", "answers", "The letters of the answers are compared.", ("answer",)),),
    metrics=(
        "accuracy_macro",
        "accuracy",
        "accuracy_differential_diagnosis",
        "accuracy_geometric",
        "accuracy_location",
        "accuracy_negation",
        "accuracy_presence",
    ),
    subgroup_metric="accuracy",
    aggregated=(
        "accuracy_differential_diagnosis",
        "accuracy_geometric",
        "accuracy_location",
        "accuracy_negation",
        "accuracy_presence",
    ),
    compared=("accuracy",),
    recomputed="accuracy",
    complete=False,
    baselines=MappingProxyType(
        {
            "always-a": "Always A",
            "always-b": "Always B",
            "always-c": "Always C",
            "always-d": "Always D",
            "random-answer": "Random answer (0.25 expected)",
            "longest-option": "Longest option",
            "normal-option": "Option naming no abnormality",
            "typical-option": "Option most similar to the others",
        }
    ),
    checks=("C2", "C3", "C15", "C17", "C19", "C22", "C24", "C25", "C26"),
    references_by="evaluator.datasets.question_references:QUESTIONS",
    predictions_by="evaluator.submissions.answers:ANSWERS",
    scoring_by="evaluator.scoring.choice:CHOICE",
)
