"""What the list of waiting units may contain: main's own submissions, datasets and groups, each once."""

from __future__ import annotations

from pydantic import ValidationError

from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.datasets.tasks.task import get_task
from evaluator.github.bundle_content import Bundle, refuse
from evaluator.scoring.records import NULL_TEAM
from evaluator.scoring.units import RESCORING, Rescoring, metric_groups


def check_rescoring(bundle: Bundle) -> None:
    """Nothing; raises `RexrankError` for a list with anything that main does not have or wait for."""
    if RESCORING not in bundle.content:
        return
    try:
        units = Rescoring.model_validate(bundle.content[RESCORING]).units
    except ValidationError:
        refuse(RESCORING, "violates the schema of rescoring")
    if not units or len(set(units)) < len(units):
        refuse(RESCORING, "lists no units, or one twice")
    known = {(d, g) for d in dataset_ids() for g in metric_groups(get_task(get_dataset(d).task))}
    for unit in units:
        if (unit.dataset, unit.group) not in known:
            refuse(RESCORING, "names a dataset or a group of metrics that main does not have")
        folder = bundle.root / "submissions" / unit.submission if bundle.root else None
        if folder is not None and unit.submission != NULL_TEAM and not folder.is_dir():
            refuse(RESCORING, "names a submission that main does not have")
