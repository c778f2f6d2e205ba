"""What on main's boards is out of date on this machine, and what can be updated at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluator.core.files import load_json
from evaluator.core.typed import view
from evaluator.core.workspace import Workspace, store_directory
from evaluator.datasets.references import References
from evaluator.datasets.registry import Dataset
from evaluator.scoring.baselines import TEAM, Sanity, sanity_path, training_data
from evaluator.scoring.record import Record
from evaluator.scoring.records import Board, load_record, record_path, studies_file, typed_record
from evaluator.scoring.run import ScoreSettings
from evaluator.scoring.units import Unit, lacking, signatures_here
from evaluator.submissions.submission import Submission


@dataclass(frozen=True, slots=True)
class StaleUnits:
    """What to score now for a dataset, and the units that the rest waits for."""

    submissions: Sequence[Submission]
    baselines: bool
    units: Sequence[Unit]


def stale_units(
    entered: Sequence[Submission],
    references: References,
    workspace: Workspace,
    settings: ScoreSettings,
    whole: Callable[[Submission], Submission] | None = None,
) -> StaleUnits:
    """What is stale on a dataset's boards: no row for its bytes, or one with other numbers, card or references.

    Existing rows change together, once the store has all their scores; until then only those whose numbers
    stay the same are updated. `entered`: the dataset's submissions, in outline, in scoring order. `whole`
    reads one's predictions; without it nothing waits, whatever the store has.
    """
    leaderboard, dataset = workspace.leaderboard, references.dataset
    stale = [s for s in entered if not _current(s, references, leaderboard, settings)]
    if whole is None:
        return StaleUnits(stale, _baselines(references, workspace, settings) is not None, ())
    standing = [s for s in stale if known_record(s, dataset, leaderboard) is not None]
    baselines = _baselines(references, workspace, settings)
    units = [
        Unit(submission=f"{s.team}/{s.model}", dataset=dataset.id, group=group)
        for s in standing
        for group in lacking(references, settings, whole(s))
    ]
    if baselines is not None and baselines:
        training = training_data(dataset.id, workspace.references)
        units += [
            Unit(submission=TEAM, dataset=dataset.id, group=group)
            for group in lacking(references, settings, training=training)
        ]
    if not units:
        return StaleUnits(stale, baselines is not None, ())
    waiting = {u.submission for u in units}
    now = [
        s
        for s in stale
        if s not in standing
        or (f"{s.team}/{s.model}" not in waiting and _same_numbers(s, references, leaderboard, settings))
    ]
    return StaleUnits(now, baselines is False, units)


def known_record(submission: Submission, dataset: Dataset, leaderboard: Path) -> Record | None:
    """The record of exactly these predictions on the board, in any track."""
    for track in dataset.tracks:
        path = record_path(leaderboard, dataset.id, track, submission.team, submission.model)
        if path.exists():
            record = load_record(path, Board(dataset, track))
            if record.provenance.predictions_sha256 == submission.files[dataset.id].sha256:
                return record
    return None


def _baselines(references: References, workspace: Workspace, settings: ScoreSettings) -> bool | None:
    """`None` if the baselines are current; else whether they exist for other references or metrics."""
    dataset, stands = references.dataset, []
    for track in dataset.tracks:
        board = Board(dataset, track)
        if not any(r.in_track(track) for r in references.studies.values()):
            continue
        probed = _probed(sanity_path(workspace.leaderboard, board))
        if probed != (references.digest, _signatures(board, settings)):
            stands.append(probed is not None)
    return all(stands) if stands else None


def _probed(path: Path) -> tuple[str, dict[str, str]] | None:
    """The references and signatures of a sanity file; `None` if it is missing or damaged, and so rewritten."""
    try:
        sanity = Sanity.model_validate(load_json(path))
    except (OSError, ValueError):
        return None
    return sanity.references_sha256, {k: m.signature for k, m in sanity.metrics.items()}


def _signatures(board: Board, settings: ScoreSettings) -> dict[str, str]:
    return {k: str(s) for k, s in signatures_here(board, settings).items()}


def _current(
    submission: Submission, references: References, leaderboard: Path, settings: ScoreSettings
) -> bool:
    """Whether every record of a submission on a dataset is for these bytes, card, references and metrics."""
    store = store_directory(settings.store)
    for track in submission.files[references.dataset.id].tracks:
        board = Board(references.dataset, track)
        path = record_path(leaderboard, board.dataset.id, track, submission.team, submission.model)
        if not path.exists():
            return False
        record = typed_record(path)
        studies = studies_file(leaderboard, store, board, submission.team, submission.model)
        if view(record.card) != view(submission.card) or not studies.exists():
            return False
    return _same_numbers(submission, references, leaderboard, settings)


def _same_numbers(
    submission: Submission, references: References, leaderboard: Path, settings: ScoreSettings
) -> bool:
    """Whether every record of a submission on a dataset exists and is for these bytes, references and metrics."""
    predictions = submission.files[references.dataset.id]
    for track in predictions.tracks:
        board = Board(references.dataset, track)
        path = record_path(leaderboard, board.dataset.id, track, submission.team, submission.model)
        if not path.exists():
            return False
        record = typed_record(path)
        withheld = record.ladder is not None and not record.metrics
        signed = {k: m.signature for k, m in record.metrics.items()}
        if (
            record.provenance.predictions_sha256 != predictions.sha256
            or record.provenance.references_sha256 != references.digest
            or not (withheld or signed == _signatures(board, settings))
        ):
            return False
    return True
