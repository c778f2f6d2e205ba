"""Report generation: a model writes the report of a chest X-ray study."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from evaluator.datasets.tasks.task import Task, Track

TASK: Final = Task(
    id="report-generation",
    title="Report generation",
    about="A model writes a study's report from its images.",
    item="study",
    items="studies",
    prediction="report",
    predictions="reports",
    empty='"findings": ""',
    tracks=(
        Track("findings", "findings", "The findings sections are compared.", ("findings",)),
        Track(
            "report",
            "findings + impression",
            "Findings and impression are compared as one text.",
            ("findings", "impression"),
        ),
        Track(
            "impression",
            "impression",
            "Only the impressions are compared.",
            ("impression",),
            optional=True,
        ),
    ),
    ranks_by="radcliq_v1",
    stand_by=("bertscore", "bleu_2"),
    aggregated=("bleu_2", "bertscore", "semb_score", "radgraph_f1", "ratescore", "green", "crimson"),
    compared=("radcliq_v1", "bertscore", "bleu_2"),
    recomputed="bleu_2",
    baselines=MappingProxyType(
        {
            "normal-template": "Normal template",
            "shuffled-references": "Another patient's reference",
            "best-constant": "Best constant training report",
            "random-training-report": "Random training report",
        }
    ),
    checks=("C2", "C3", "C5", "C7", *(f"C{n}" for n in range(9, 24))),
    references_by="evaluator.datasets.report_references:REPORTS",
    predictions_by="evaluator.submissions.reports:REPORTS",
    scoring_by="evaluator.scoring.reports:REPORTS",
)
