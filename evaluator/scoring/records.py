"""Records: what one submission scored on one board, written by the machine and never by hand.

`<leaderboard>/records/<dataset>/<track>/<team>__<model>.json` holds means, intervals, signatures
and provenance; per-study scores lie in a parquet file of the same name under `studies/` for public
datasets, and in the runner's store for the others.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evaluator.core.files import dump_json, write_bytes, write_text
from evaluator.core.problems import RexrankError
from evaluator.datasets.registry import Dataset, TrackName
from evaluator.scoring.record import Record
from evaluator.statistics.rounding import coarse

if TYPE_CHECKING:
    import pandas as pd

    from evaluator.datasets.references import Reference
    from evaluator.scoring.engine import Scored

FAILED_PREFIX: Final = "failed:"
SUBGROUP_PREFIX: Final = "subgroup:"


@dataclass(frozen=True, slots=True)
class Board:
    """One table of the leaderboard: a dataset and a track."""

    dataset: Dataset
    track: TrackName

    @property
    def name(self) -> str:
        """`<dataset>.<track>`, as in file names."""
        return f"{self.dataset.id}.{self.track}"


def record_path(leaderboard: Path, dataset: str, track: str, team: str, model: str) -> Path:
    """Where a record lies."""
    return leaderboard / "records" / dataset / track / f"{team}__{model}.json"


def studies_path(root: Path, dataset: str, track: str, team: str, model: str) -> Path:
    """Where per-study scores lie: `root` is the leaderboard for public datasets, else the store."""
    return root / "studies" / dataset / track / f"{team}__{model}.parquet"


def studies_frame(scored: Scored, references: Mapping[str, Reference]) -> pd.DataFrame:
    """One row a study: id, patient, subgroup axes, each metric's score and whether it failed."""
    import pandas as pd

    studies = [references[i] for i in scored.ids]
    columns: dict[str, Any] = {"study_id": list(scored.ids), "patient": [s.patient for s in studies]}
    for axis in sorted({a for s in studies for a in s.subgroups}):
        columns[SUBGROUP_PREFIX + axis] = pd.array([s.subgroups.get(axis) for s in studies], dtype="string")
    for key, scores in scored.scores.items():
        columns[key] = scores.values
        columns[FAILED_PREFIX + key] = scores.failed
    return pd.DataFrame(columns)


def write_record(
    leaderboard: Path, store: Path, board: Board, record: Mapping[str, Any], frame: pd.DataFrame
) -> Path:
    """The record's path, after record and per-study scores were written, each whole or not at all.

    Of a set that is not public the record with all digits stays in the store beside the per-study scores; the
    leaderboard's has what may be shown.
    """
    check_record(record, f"{record['team']}/{record['model']}")
    place = (board.dataset.id, board.track, record["team"], record["model"])
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    public = board.dataset.exposure.studies
    write_bytes(studies_path(leaderboard if public else store, *place), buffer.getvalue())
    if not public:
        write_text(record_path(store, *place), dump_json(record))
    path = record_path(leaderboard, *place)
    write_text(path, dump_json(published(board, record)))
    return path


MEMBERSHIP: Final = ("n_empty", "exact_match", "copied_spans", "unique_matches", "own_reference")
"""Diagnostics that count studies by what their references are: one match is a membership answer."""


def published(board: Board, record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as it may leave the runner: no number finer than the set's step.

    What the Ladder withholds (`evaluator/statistics/rounding.py`) has no metrics at all.
    """
    exposure = board.dataset.exposure
    step = exposure.step(record["n"])
    if step is None:
        return dict(record)
    ladder = (record.get("ladder") or {}) if exposure.ladder else {}
    withheld = bool(ladder) and not ladder["improved"] and ladder["best"] != _name(record)
    metrics = {} if withheld else record["metrics"]
    hidden = () if exposure.membership_counts else MEMBERSHIP
    diagnostics = {k: v for k, v in record["diagnostics"].items() if k not in hidden and not withheld}
    return {
        **record,
        "metrics": {k: published_numbers(board, entry) for k, entry in metrics.items()},
        "diagnostics": _coarse(diagnostics, step),
    }


def published_numbers(board: Board, entry: Mapping[str, Any]) -> dict[str, Any]:
    """A metric's entry as it may be shown: full precision, or in the set's steps (`Exposure.step`).

    With steps an end of an interval can lie on the mean, but never on its wrong side.
    """
    step = board.dataset.exposure.step(entry["n"])
    if step is None:
        return dict(entry)
    shown = {k: None if entry[k] is None else coarse(entry[k], step) for k in ("mean", "low", "high")}
    error = entry["se"]
    return {**entry, **shown, "se": None if error is None else float(f"{error:.1g}")}


def _coarse(value: Any, step: float) -> Any:
    if isinstance(value, Mapping):
        return {k: _coarse(v, step) for k, v in value.items()}
    return coarse(value, step) if isinstance(value, float) else value


def _name(record: Mapping[str, Any]) -> str:
    return f"{record['team']}/{record['model']}"


def read_records(leaderboard: Path, board: Board, store: Path | None = None) -> list[dict[str, Any]]:
    """The records of one board in the order of their file names; raises `RexrankError` for a damaged one.

    With a store, records come with all digits where the store has them.
    """
    folder = leaderboard / "records" / board.dataset.id / board.track
    return [_fullest(path, board, store) for path in sorted(folder.glob("*.json"))]


def read_record(leaderboard: Path, store: Path, board: Board, team: str, model: str) -> dict[str, Any] | None:
    """One model's record with all digits: from the store alone unless the set is public; `None` without one."""
    root = leaderboard if board.dataset.exposure.studies else store
    path = record_path(root, board.dataset.id, board.track, team, model)
    return _read(path) if path.exists() else None


def _fullest(path: Path, board: Board, store: Path | None) -> dict[str, Any]:
    record = _read(path)
    if store is None or board.dataset.exposure.studies:
        return record
    kept = record_path(store, board.dataset.id, board.track, record["team"], record["model"])
    if not kept.exists():
        return record
    full = _read(kept)
    same = ("predictions_sha256", "references_sha256")
    if any(full["provenance"].get(k) != record["provenance"].get(k) for k in same):
        return record
    # The card may have changed since (a withdrawal is an edit of the card); the numbers have not.
    return {**full, "card": record["card"]}


def read_studies(leaderboard: Path, store: Path, board: Board, record: Mapping[str, Any]) -> pd.DataFrame:
    """The per-study scores of a record, rows in the order of their ids."""
    import pandas as pd

    root = leaderboard if board.dataset.exposure.studies else store
    path = studies_path(root, board.dataset.id, board.track, record["team"], record["model"])
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise RexrankError(
            f"cannot read the per-study scores {path}: {error}. Score the submission again with: "
            f"rexrank score submissions/{record['team']}/{record['model']} --dataset {board.dataset.id}"
        ) from error
    return frame.sort_values("study_id", ignore_index=True)  # tie: none, ids differ


def _read(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RexrankError(f"cannot read the record {path}: {error}. Score its submission again.") from error
    check_record(record, str(path))
    return record


def load_record(path: Path) -> Record:
    """The record of a file; raises `RexrankError` for a damaged one."""
    return Record.model_validate(_read(path))


def check_record(record: Mapping[str, Any], name: str) -> None:
    """Nothing; raises `RexrankError` when `record` does not keep its schema."""
    error = next(iter(_validator().iter_errors(record)), None)
    if error is not None:
        raise RexrankError(
            f"the record {name} does not keep its schema at /{'/'.join(map(str, error.path))}: {error.message[:200]}. "
            "Records are written by the machine: score the submission again instead of mending the file."
        )


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    text = resources.files("evaluator.schemas").joinpath("record-v1.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))


def boards(leaderboard: Path) -> Iterator[Board]:
    """Every board that has a record, in table order."""
    from evaluator.datasets.registry import TRACKS, dataset_ids, get_dataset

    for dataset in dataset_ids():
        for track in TRACKS:
            if any((leaderboard / "records" / dataset / track).glob("*.json")):
                yield Board(get_dataset(dataset), track)
