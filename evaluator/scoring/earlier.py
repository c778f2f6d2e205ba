"""Earlier submissions: other models' predictions, dates and scores, and a team's own earlier files.

Every scored file is kept in the runner's store, complete and compressed, so that a team's next file can be
compared with it although the repository has only the newest.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import JsonValue

from evaluator.core.files import write_bytes
from evaluator.core.problems import RexrankError
from evaluator.core.types import FloatArray
from evaluator.datasets.registry import Dataset
from evaluator.datasets.tasks.task import Prediction, get_task
from evaluator.scoring.records import Board, read_record, read_studies, record_path, typed_record
from evaluator.submissions.reading import PredictionFiles
from evaluator.submissions.submission import Predictions, Submission
from evaluator.submissions.task_predictions import predictions_of

MAX_OWN_FILES: Final = 12
"""How many of a team's newest earlier files on a dataset are kept and compared with."""

Items = Mapping[str, Prediction]


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file of the team that was scored before: its model, date (`YYYY-MM-DD`) and predictions."""

    name: str
    submitted: str
    predictions: Items


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a submission is compared with on a board.

    `others`: predictions of earlier models, by `team/model`. `own`: the team's earlier scored files, of any
    of its models. `submitted` and `scores` give another model's date and its per-study scores by metric,
    `None` if unknown.
    """

    others: Mapping[str, Items] = field(default_factory=dict)
    own: Sequence[OwnFile] = ()
    submitted: Callable[[str], str | None] = lambda _: None
    scores: Callable[[str], tuple[Mapping[str, FloatArray], Mapping[str, str]] | None] = lambda _: None


def earlier_on(
    board: Board,
    submission: Submission,
    others: Mapping[str, Items] | None,
    leaderboard: Path,
    store: Path,
    records: Path | None = None,
) -> Earlier:
    """What `submission` is compared with on a board. `records`: as in `ScoreSettings`."""
    root = records or store

    def submitted(name: str) -> str | None:
        entry = entry_of(name, board.dataset, leaderboard)
        return entry[0] if entry else None

    def scores(name: str) -> tuple[Mapping[str, FloatArray], Mapping[str, str]] | None:
        team, _, model = name.partition("/")
        try:
            record = read_record(leaderboard, root, board, team, model)
            frame = read_studies(leaderboard, root, board, record) if record else None
        except RexrankError:
            return None
        if record is None or frame is None:
            return None
        signatures = {k: m.signature for k, m in record.metrics.items()}
        values = {k: np.asarray(frame[k], dtype=np.float64) for k in board.task.compared if k in frame}
        return values, signatures

    names = came_before(submission, board.dataset, list(others or {}), leaderboard)
    entries = (
        others.only(names) if isinstance(others, PredictionFiles) else {n: (others or {})[n] for n in names}
    )
    predictions = submission.files[board.dataset.id]
    own = own_files(store, board.dataset, submission.team, predictions.sha256)
    return Earlier(entries, own, submitted, scores)


def entry_of(
    name: str, dataset: Dataset, leaderboard: Path, digest: str | None = None
) -> tuple[str, int | None] | None:
    """(date, pull request) of a model's record on a dataset, `None` without a valid one.

    Only for these bytes if `digest`.
    """
    team, _, model = name.partition("/")
    entries: list[tuple[str, int | None]] = []
    for track in dataset.tracks:
        path = record_path(leaderboard, dataset.id, track, team, model)
        try:
            record = typed_record(path)
        except RexrankError:
            continue  # none, or damaged: ranking reports it, and scoring fixes it
        if digest is None or record.provenance.predictions_sha256 == digest:
            entries.append((record.submitted or "", record.provenance.pull_request))
    return min(entries, key=lambda e: e[0], default=None)  # tie: first found; times are compared


def came_before(
    submission: Submission, dataset: Dataset, names: Sequence[str], leaderboard: Path
) -> list[str]:
    """The other models that came first: a late copy must not accuse the original.

    Predictions without a record come after everything. Those with one come after records with an earlier date
    or, on the same day, a smaller pull request number.
    """
    own_name = f"{submission.team}/{submission.model}"
    mine = entry_of(own_name, dataset, leaderboard, submission.files[dataset.id].sha256)
    others = [n for n in names if n != own_name]
    return others if mine is None else [n for n in others if _before(entry_of(n, dataset, leaderboard), mine)]


def _before(theirs: tuple[str, int | None] | None, mine: tuple[str, int | None]) -> bool:
    if theirs is None or theirs[0] != mine[0]:
        return theirs is not None and theirs[0] < mine[0]
    return theirs[1] is not None and mine[1] is not None and theirs[1] < mine[1]


def _folder(store: Path, dataset: Dataset, team: str) -> Path:
    return store / "submitted" / dataset.id / team


def keep_file(store: Path, submission: Submission, dataset: Dataset, submitted: str) -> None:
    """Nothing; keeps a scored prediction file for later comparisons: the same bytes once, with their first date.

    `submitted`: the date, `YYYY-MM-DD`.
    """
    predictions: Predictions = submission.files[dataset.id]
    folder = _folder(store, dataset, submission.team)
    if any(folder.glob(f"*__{submission.model}__{predictions.sha256}.json.gz")):
        return
    form = predictions_of(get_task(dataset.task))
    value = {i: form.plain(p) for i, p in predictions.items.items()}
    name = f"{submitted}__{submission.model}__{predictions.sha256}.json.gz"
    write_bytes(folder / name, gzip.compress(json.dumps(value).encode(), mtime=0))
    for path in sorted(folder.glob("*.json.gz"))[:-MAX_OWN_FILES]:  # tie: none, names differ
        path.unlink()


def own_files(store: Path, dataset: Dataset, team: str, digest: str) -> list[OwnFile]:
    """The team's files that were scored on a dataset before, oldest first, without these bytes."""
    files = []
    form = predictions_of(get_task(dataset.task))
    for path in sorted(_folder(store, dataset, team).glob("*.json.gz")):
        submitted, model, sha256 = path.name.removesuffix(".json.gz").split("__")
        if sha256 == digest:
            continue
        value = json.loads(gzip.decompress(path.read_bytes()))
        files.append(OwnFile(f"{team}/{model}", submitted, form.read(_as_file(value)) or {}))
    return files


def _as_file(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """A kept file in the form of a prediction file: stores also have reports as lists of both sections."""
    names = ("findings", "impression")
    return {
        i: {n: t for n, t in zip(names, p, strict=True) if t is not None} if isinstance(p, list) else p
        for i, p in value.items()
    }
