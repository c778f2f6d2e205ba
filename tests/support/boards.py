"""A leaderboard of the sandbox by the real pipeline, one model's card and reports hostile."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from evaluator.datasets.references import load_references
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.report import StudyReport
from evaluator.datasets.sandbox.generate import card, predictions
from evaluator.leaderboard.rank import rank_all
from evaluator.scoring.baselines import score_baselines
from evaluator.scoring.run import ScoreSettings, score_submission
from evaluator.submissions.model_card import ModelCard
from evaluator.submissions.submission import Predictions, Submission

ROOT = Path(__file__).parents[2]
HOSTILE_MODEL = "template"
URL = "https://example.org/below/"
"""Address of a site below a folder."""


def make_leaderboard(
    folder: Path,
    models: Sequence[str],
    hostile: str,
    hostile_report: str,
    facts_of: Mapping[str, Mapping[str, Any]] | None = None,
    **settings: Any,
) -> Path:
    """`folder` with both sandbox boards on the lexical metrics, baselines and reported rows.

    `hostile` is every text of the hostile model's card, `hostile_report` each of its sections;
    `facts_of` changes other models' cards.
    """
    dataset = get_dataset("sandbox")
    references = load_references(dataset, None)
    own_settings = ScoreSettings(
        metrics=("bleu_2", "rouge_l"), store=folder / "store", submitted="2026-01-02", **settings
    )
    for model in models:
        facts = ModelCard.model_validate(yaml.safe_load(card(model)) | (facts_of or {}).get(model, {}))
        reports = predictions(model)
        if model == HOSTILE_MODEL:
            texts = dict.fromkeys(("institution", "description", "license"), hostile)
            # As a card of another version may be: pages do not rely on its checks.
            facts = facts.model_copy(update={**texts, "name": hostile[:60]})
            reports = {i: StudyReport(hostile_report, hostile_report) for i in reports}
        files = {"sandbox": Predictions("sandbox", reports, "0" * 64)}
        submission = Submission("rexrank-sandbox", model, facts, files)
        score_submission(submission, dataset, references, folder, own_settings)
    score_baselines(references, folder, own_settings)
    rank_all(folder, folder / "store", rehearsal=False)
    shutil.copytree(ROOT / "leaderboard/reported", folder / "reported", dirs_exist_ok=True)
    return folder
