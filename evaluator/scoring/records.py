"""Records: the scores of one submission on one board, written by the machine and never by hand.

`<leaderboard>/records/<dataset>/<track>/<team>__<model>.json` has means, intervals, signatures and
provenance; per-study scores are in a Parquet file of the same name under `studies/` for public datasets, and
in the runner's store for the others.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from evaluator.core.files import dump_json, load_json, write_bytes, write_text
from evaluator.core.problems import InputError, RexrankError
from evaluator.core.stopping import unbroken
from evaluator.core.typed import first_violation, view
from evaluator.datasets.registry import Dataset, TrackName
from evaluator.datasets.tasks.task import Task, get_task
from evaluator.scoring.corpus import count_columns, frame_value, step_of
from evaluator.scoring.kept_studies import clear, kept_file, kept_path
from evaluator.scoring.record import Diagnostics, MetricEntry, Record
from evaluator.statistics.rounding import DECIMALS, coarse, six_decimals

if TYPE_CHECKING:
    import pandas as pd

    from evaluator.datasets.tasks.task import Item
    from evaluator.scoring.engine import Scored

FAILED_PREFIX: Final = "failed:"
SUBGROUP_PREFIX: Final = "subgroup:"
NULL_TEAM: Final = "baseline"
"""The team of the baselines."""


@dataclass(frozen=True, slots=True)
class Board:
    """One table of the leaderboard: a dataset and a track."""

    dataset: Dataset
    track: TrackName

    @property
    def name(self) -> str:
        """`<dataset>.<track>`, as in file names."""
        return f"{self.dataset.id}.{self.track}"

    @property
    def task(self) -> Task:
        """What a model does with the dataset's items."""
        return get_task(self.dataset.task)


def record_path(leaderboard: Path, dataset: str, track: str, team: str, model: str) -> Path:
    """The path of a record."""
    return leaderboard / "records" / dataset / track / f"{team}__{model}.json"


def studies_path(root: Path, dataset: str, track: str, team: str, model: str) -> Path:
    """The path of per-study scores in a leaderboard, and in a store from before each record had its own file."""
    return root / "studies" / dataset / track / f"{team}__{model}.parquet"


def studies_file(leaderboard: Path, store: Path, board: Board, team: str, model: str) -> Path:
    """The file of a model's per-study scores, existing or not: in the leaderboard on a public board, else the store."""
    place = (board.dataset.id, board.track, team, model)
    if board.dataset.exposure.studies:
        return studies_path(leaderboard, *place)
    return kept_file(studies_path(store, *place), record_path(store, *place))


def studies_frame(scored: Scored, references: Mapping[str, Item]) -> pd.DataFrame:
    """One row per study: id, patient, subgroup axes, each metric's score and failure flag, a corpus metric's counts."""
    import pandas as pd

    studies = [references[i] for i in scored.ids]
    columns: dict[str, Any] = {"study_id": list(scored.ids), "patient": [s.patient for s in studies]}
    for axis in sorted({a for s in studies for a in s.subgroups}):
        columns[SUBGROUP_PREFIX + axis] = pd.array([s.subgroups.get(axis) for s in studies], dtype="string")
    for key, scores in scored.scores.items():
        columns[key] = scores.values
        columns[FAILED_PREFIX + key] = scores.failed
        if scores.counts is not None and (names := count_columns(key)):
            columns |= dict(zip(names, scores.counts.T, strict=True))
    return pd.DataFrame(columns)


def write_record(leaderboard: Path, store: Path, board: Board, record: Record, frame: pd.DataFrame) -> Path:
    """The path of the record written, with its per-study scores, each whole or not at all.

    For a dataset that is not public, the full-precision record stays in the store next to the per-study
    scores (`evaluator/scoring/kept_studies.py`); the leaderboard's has what may be shown, six decimals at
    most.
    """
    parse_record(record.view(), record.name)
    place = (board.dataset.id, board.track, record.team, record.model)
    public = board.dataset.exposure.studies
    if public:
        frame = frame.round(DECIMALS)
    path, full, text = (
        record_path(leaderboard, *place),
        dump_json(record.view()),
        dump_json(published(board, record).view()),
    )
    with unbroken():
        if public:
            write_bytes(studies_path(leaderboard, *place), studies_bytes(frame))
        else:
            plain = studies_path(store, *place)
            newest = kept_path(plain, full.encode())
            write_bytes(newest, studies_bytes(frame))
            write_text(record_path(store, *place), full)
            clear(plain, newest)
        write_text(path, text)
    return path


def studies_bytes(frame: pd.DataFrame) -> bytes:
    """Per-study scores as a file, with nothing but the frame's rows."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


MEMBERSHIP: Final = (
    "n_empty",
    "exact_match",
    "copied_spans",
    "unique_matches",
    "own_reference",
    "position_accuracy",
    "shared_wrong",
)
"""Diagnostics that count studies by their references: a single match would reveal membership."""


def published(board: Board, record: Record) -> Record:
    """The record as it may leave the runner: no number finer than the dataset's step or six decimals.

    What the Ladder withholds (`evaluator/statistics/rounding.py`) has no metrics at all.
    """
    exposure = board.dataset.exposure
    step = exposure.step(record.n)
    if step is None:
        return _six_decimals(record)
    if exposure.ladder and record.withheld:
        return _six_decimals(record.model_copy(update={"metrics": {}, "diagnostics": Diagnostics()}))
    hidden = frozenset(() if exposure.membership_counts else MEMBERSHIP)
    diagnostics = record.diagnostics.model_dump(exclude=set(hidden), exclude_unset=True)
    changes = {
        "metrics": {k: published_numbers(board, entry) for k, entry in record.metrics.items()},
        "diagnostics": Diagnostics(**_coarse(diagnostics, step)),
    }
    return _six_decimals(record.model_copy(update=changes))


_M = TypeVar("_M", bound=BaseModel)


def _six_decimals(value: _M) -> _M:
    """The model with every number rounded to six decimals."""
    return type(value).model_validate(six_decimals(view(value)))


def published_numbers(board: Board, entry: MetricEntry) -> MetricEntry:
    """A metric's entry as it may be shown: six decimals, or in the dataset's steps (`Exposure.step`).

    With steps, an interval's end can equal the mean but never cross it.
    """
    step = step_of(board.dataset.exposure, entry.signature.partition("|")[0], entry.n)
    if step is None:
        return _six_decimals(entry)
    low, high = (None if x is None else coarse(x, step) for x in (entry.low, entry.high))
    error = None if entry.se is None else six_decimals(float(f"{entry.se:.1g}"))
    return entry.model_copy(update={"mean": coarse(entry.mean, step), "low": low, "high": high, "se": error})


def _coarse(value: Any, step: float) -> Any:
    if isinstance(value, Mapping):
        return {k: _coarse(v, step) for k, v in value.items()}
    return coarse(value, step) if isinstance(value, float) else value


def read_records(leaderboard: Path, board: Board, store: Path | None = None) -> list[Record]:
    """The records of one board in the order of their file names; raises `RexrankError` that names every damaged one.

    With a store, records have full precision if the store has them.
    """
    folder = leaderboard / "records" / board.dataset.id / board.track
    return collect([partial(_fullest, path, board, store) for path in sorted(folder.glob("*.json"))])


T = TypeVar("T")


def collect(readers: Iterable[Callable[[], T]]) -> list[T]:
    """The result of each reader; raises one `RexrankError` with the messages of all that raised one.

    It is an `InputError` if each of them is.
    """
    values: list[T] = []
    failures: dict[str, RexrankError] = {}
    for reader in readers:
        try:
            values.append(reader())
        except RexrankError as error:
            failures.setdefault(str(error), error)
    if len(failures) == 1:
        raise next(iter(failures.values()))
    if failures:
        ours = any(not isinstance(f, InputError) for f in failures.values())
        raise (RexrankError if ours else InputError)("\n".join(failures))
    return values


def read_record(leaderboard: Path, store: Path, board: Board, team: str, model: str) -> Record | None:
    """One model's full-precision record: only from the store unless the dataset is public; `None` without one."""
    root = leaderboard if board.dataset.exposure.studies else store
    path = record_path(root, board.dataset.id, board.track, team, model)
    return load_record(path, board) if path.exists() else None


def earlier_record(leaderboard: Path, store: Path, board: Board, team: str, model: str) -> Record | None:
    """One model's record as `read_record`, for a run that replaces it: also `None` for a damaged one.

    On a board of the Ladder, which needs it to decide what may be shown, it raises instead.
    """
    try:
        return read_record(leaderboard, store, board, team, model)
    except RexrankError:
        if not board.dataset.exposure.ladder:
            return None
        raise


def _fullest(path: Path, board: Board, store: Path | None) -> Record:
    record = load_record(path, board)
    if store is None or board.dataset.exposure.studies:
        return record
    copy = record_path(store, board.dataset.id, board.track, record.team, record.model)
    if not copy.exists():
        return record
    full = load_record(copy, board)
    if full.provenance.inputs != record.provenance.inputs:
        return record
    # The card may have changed since (a withdrawal edits the card); the numbers have not.
    return full.model_copy(update={"card": record.card})


def read_studies(
    leaderboard: Path, store: Path, board: Board, record: Record, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """The per-study scores of a record, rows in the order of their ids; with `columns` these alone, of a file checked before.

    Raises `RexrankError` that names the file for one that is damaged or does not belong to the record.
    """
    import pandas as pd
    from pyarrow import ArrowException

    path = studies_file(leaderboard, store, board, record.team, record.model)
    try:
        if not path.is_file():
            raise ValueError("it does not exist" if not path.exists() else "it is not a file")  # noqa: TRY301
        frame = pd.read_parquet(
            io.BytesIO(path.read_bytes()), columns=None if columns is None else [*columns]
        )
        if columns is None:
            _check_studies(board, record, frame)
    except (OSError, ArithmeticError, LookupError, TypeError, ValueError, ArrowException) as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise RexrankError(
            f"cannot read the per-study scores {path}: {reason}. {score_again(board, record.team, record.model)}"
        ) from error
    if frame["study_id"].is_monotonic_increasing:
        return frame
    return frame.sort_values("study_id", ignore_index=True)  # tie: none, ids differ


def _check_studies(board: Board, record: Record, frame: pd.DataFrame) -> None:
    """Nothing; raises `ValueError` unless the scores are for the record's studies and give its means."""
    from pandas.api.types import infer_dtype

    keys = list(record.metrics)
    columns = [c for k in keys for c in count_columns(k)]
    absent = {"study_id", "patient", *keys, *(FAILED_PREFIX + k for k in keys), *columns} - set(frame.columns)
    if absent:
        raise ValueError(f"it lacks {', '.join(sorted(absent)[:5])}")  # tie: none, a set of names
    if len(frame) != record.n:
        raise ValueError(f"it has {len(frame)} studies, its record {record.n}")
    for name in ("study_id", "patient"):
        if infer_dtype(frame[name], skipna=False) not in {"string", "empty"}:
            raise ValueError(f"{name} contains something that is not text")
    if frame["study_id"].duplicated().any():
        raise ValueError("it contains a study twice")
    counts = [frame[c].to_numpy() for c in columns]
    if any(c.dtype != np.int64 or (c < 0).any() for c in counts):
        raise ValueError("it has a count that is not a whole number")
    for key in keys:
        # Without the store's record it is the published one, whose means are as coarse as the dataset's step.
        room = step_of(board.dataset.exposure, key, record.n) or 1.1 * 10.0**-DECIMALS
        _check_metric(frame, key, record.metrics[key].mean, room)


def _check_metric(frame: pd.DataFrame, key: str, mean: float, room: float) -> None:
    """Nothing; raises `ValueError` unless a metric's columns are valid and give `mean` within `room`."""
    if frame[key].dtype != np.float64 or not np.isfinite(frame[key].to_numpy()).all():
        raise ValueError(f"{key} contains something that is not a number")
    if frame[FAILED_PREFIX + key].dtype != np.bool_:
        raise ValueError(f"{FAILED_PREFIX}{key} is not yes or no")
    if abs(frame_value(key, frame) - mean) > room:
        raise ValueError(f"{key} has a mean that differs from its record")


def load_record(path: Path, board: Board) -> Record:
    """The record in a file; raises `RexrankError` unless it follows its schema and belongs at its path."""
    team, _, model = path.stem.partition("__")
    again = score_again(board, team, model)
    record = typed_record(path, again)
    if (record.dataset, record.track, record.team, record.model) != (
        board.dataset.id,
        board.track,
        team,
        model,
    ):
        raise RexrankError(
            f"the record {path} belongs elsewhere: {record.dataset}/{record.track}, {record.name}. {again}"
        )
    return record


def score_again(board: Board, team: str, model: str) -> str:
    """The sentence that says how to score a record again."""
    command = f"rexrank score submissions/{team}/{model} --dataset {board.dataset.id}"
    if team == NULL_TEAM:
        command = f"rexrank baseline {board.dataset.id}"
    if not board.dataset.exposure.ladder:
        return f"Score the submission again with: {command}"
    # The Ladder reads from the store what was shown, so a new run cannot simply replace a damaged file there.
    return f"Restore the file from a backup. Without a backup, remove the model's record and scores from the store, then run: {command}"


AGAIN: Final = "Score its submission again."


def typed_record(path: Path, cure: str = AGAIN) -> Record:
    """The record in a file; raises `RexrankError` for a damaged one, with `cure` at the end of its message."""
    try:
        value = load_json(path)
    except (OSError, ValueError) as error:
        raise RexrankError(f"cannot read the record {path}: {error}. {cure}") from error
    return parse_record(value, str(path), cure)


def parse_record(value: Any, name: str, cure: str = AGAIN) -> Record:
    """The record in a JSON value; raises `RexrankError` if it does not follow its schema."""
    try:
        return Record.model_validate(value)
    except ValidationError as error:
        raise RexrankError(
            f"the record {name} does not follow its schema at {first_violation(error, Record)}. "
            f"Records are written by the machine and must not be edited by hand. {cure}"
        ) from error


def boards(leaderboard: Path) -> Iterator[Board]:
    """Every board that has a record, in table order."""
    for board in all_boards():
        if any((leaderboard / "records" / board.dataset.id / board.track).glob("*.json")):
            yield board


def all_boards() -> Iterator[Board]:
    """Every possible board, in table order."""
    from evaluator.datasets.registry import dataset_ids, get_dataset

    for dataset in map(get_dataset, dataset_ids()):
        for track in dataset.tracks:
            yield Board(dataset, track)
