"""Units of work on a machine with the references: scores go into the shared store, and nothing leaves.

What to score is looked up in main, whatever the plan of a hosted job says: a unit must name one of main's own
submissions, or it is left out.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Sequence

from evaluator.core.workspace import Workspace
from evaluator.datasets.references import load_references
from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.github.preview import runner_settings, scored_here
from evaluator.github.refresh import merged_submission
from evaluator.scoring.baselines import TEAM, training_data
from evaluator.scoring.machines import describe, leave_note
from evaluator.scoring.units import Unit, score_unit


def fill(workspace: Workspace, units: Sequence[Unit]) -> dict[str, int]:
    """How many units were scored, left out as unknown here, and failed. A failing unit does not affect the others.

    A machine that scored one records its environment in the store, for the doctor on the others.
    """
    counts = {"scored": 0, "unknown": 0, "failed": 0}
    for unit in units:
        try:
            counts["scored" if _fill(workspace, unit) else "unknown"] += 1
        except Exception:  # noqa: BLE001 - a traceback may quote a reference; it stays in the private log
            traceback.print_exc()
            counts["failed"] += 1
    if counts["scored"]:
        settings = runner_settings(workspace)
        salt = os.environ.get("REXRANK_SALT", "")
        leave_note(workspace.store, describe(settings.device, settings.models, settings.judges, salt))
    return counts


def _fill(workspace: Workspace, unit: Unit) -> bool:
    """Whether main has the named submission and this machine its references; the unit is then scored."""
    if unit.dataset not in dataset_ids():
        return False
    dataset = get_dataset(unit.dataset)
    if not scored_here(dataset, workspace.references):
        return False
    submission = None
    if unit.submission != TEAM:
        folder = workspace.submissions / unit.submission
        submission = merged_submission(folder, workspace.references) if folder.is_dir() else None
        if submission is None or unit.dataset not in submission.files:
            return False
    references = load_references(dataset, workspace.references)
    training = training_data(dataset.id, workspace.references)
    score_unit(unit, references, runner_settings(workspace), submission, training)
    return True
