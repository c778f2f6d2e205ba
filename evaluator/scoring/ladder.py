"""The Ladder on withheld sets: what a new run changes of what is shown (Blum and Hardt 2015).

A run is shown when it beats the best that its team has shown by more than one standard error. One
that does not leaves the model's row as it was; a model without a row is listed without numbers.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluator.metrics.registry import PRIMARY, get_metric
from evaluator.scoring.records import Board, collect, load_record, read_studies, record_path
from evaluator.statistics.bootstrap import clusters_of
from evaluator.statistics.ladder import ladder_step
from evaluator.statistics.ties import lowest

if TYPE_CHECKING:
    import pandas as pd


def take_step(
    board: Board, store: Path, record: dict[str, Any], frame: pd.DataFrame
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Record and per-study scores as they are to be kept: the new ones, or what was shown before.

    Sets that are not withheld pass unchanged. The same prediction file scored again keeps its verdict. Under another
    signature of the primary metric nothing can be compared, and the run is shown.
    """
    if not board.dataset.exposure.ladder or record["kind"] != "submission":
        return record, frame
    before = _team_records(board, store, record["team"])
    own = before.get(record["model"])
    if own is not None and _digest(own) == _digest(record):
        return {**record, "ladder": own.get("ladder") or {"improved": True, "best": None}}, frame
    best = _best(before, record)
    if best is None:
        return {**record, "ladder": {"improved": True, "best": None}}, frame
    name = f"{best['team']}/{best['model']}"
    old = read_studies(store, store, board, best)
    new = frame.sort_values("study_id", ignore_index=True)  # tie: none, ids differ
    step = ladder_step(
        np.asarray(old[PRIMARY], dtype=np.float64),
        np.asarray(new[PRIMARY], dtype=np.float64),
        clusters_of(new["patient"].tolist()),
        higher_is_better=get_metric(PRIMARY).higher_is_better,
    )
    if step.improved:
        return {**record, "ladder": {"improved": True, "best": name}}, frame
    if own is None or not (own.get("ladder") or {"improved": True})["improved"]:
        return {**record, "ladder": {"improved": False, "best": name}}, frame
    kept = {**own, "card": record["card"], "integrity": record["integrity"]}
    kept["provenance"] = {**record["provenance"], "shown_predictions_sha256": _digest(own)}
    return kept, read_studies(store, store, board, own)


def _digest(record: dict[str, Any]) -> Any:
    return record["provenance"].get("predictions_sha256")


def _team_records(board: Board, store: Path, team: str) -> dict[str, dict[str, Any]]:
    """The team's earlier records with all digits, by model."""
    folder = record_path(store, board.dataset.id, board.track, team, "x").parent
    found = collect([partial(load_record, p, board) for p in sorted(folder.glob(f"{team}__*.json"))])
    return {r["model"]: r for r in found if r["kind"] == "submission"}


def _best(before: dict[str, dict[str, Any]], record: dict[str, Any]) -> dict[str, Any] | None:
    """The team's best shown run against the same references under the same primary signature."""
    if PRIMARY not in record["metrics"]:
        return None

    def same(other: dict[str, Any]) -> bool:
        entry = other["metrics"].get(PRIMARY)
        shown = (other.get("ladder") or {"improved": True})["improved"]
        references = "references_sha256"
        return (
            entry is not None
            and shown
            and entry["signature"] == record["metrics"][PRIMARY]["signature"]
            and other["provenance"].get(references) == record["provenance"].get(references)
        )

    sign = -1 if get_metric(PRIMARY).higher_is_better else 1
    fitting = [r for r in before.values() if same(r)]
    by_name = sorted(fitting, key=lambda r: str(r["model"]))  # tie: none, names differ
    return lowest(by_name, [sign * r["metrics"][PRIMARY]["mean"] for r in by_name])
