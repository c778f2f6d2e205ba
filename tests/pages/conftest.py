"""A leaderboard of the sandbox by the real pipeline, one card and its reports hostile."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from evaluator.baselines import score_baselines
from evaluator.commands.board import rank_all
from evaluator.datasets.references import load_references
from evaluator.datasets.registry import get_dataset
from evaluator.runs import ScoreSettings, score_submission
from evaluator.sandbox.generate import card, predictions
from evaluator.submission import Predictions, StudyReport, Submission

ROOT = Path(__file__).parents[2]
HOSTILE = "Evil <script>alert(1)</script> **[x](javascript:alert(1))** {{ config }} `|` \"'>"
HOSTILE_REPORT = f"{HOSTILE} </script><img src=x onerror=alert(1)>. No effusion."


@pytest.fixture(scope="session")
def leaderboard(tmp_path_factory):
    folder = tmp_path_factory.mktemp("board")
    dataset = get_dataset("sandbox")
    references = load_references(dataset, None)
    settings = ScoreSettings(metrics=("bleu_2", "rouge_l"), store=folder / "store", submitted="2026-01-02")
    for model in ("near-copy", "template"):
        facts, reports = yaml.safe_load(card(model)), predictions(model)
        if model == "template":
            facts |= {
                "name": HOSTILE[:60],
                "institution": HOSTILE,
                "description": HOSTILE,
                "license": HOSTILE,
            }
            reports = {i: StudyReport(HOSTILE_REPORT, HOSTILE_REPORT) for i in reports}
        files = {"sandbox": Predictions("sandbox", reports, "0" * 64)}
        submission = Submission("rexrank-sandbox", model, facts, files)
        score_submission(submission, dataset, references, folder, settings)
    score_baselines(references, folder, settings)
    rank_all(folder, folder / "store", rehearsal=False)
    shutil.copytree(ROOT / "leaderboard/reported", folder / "reported")
    return folder
