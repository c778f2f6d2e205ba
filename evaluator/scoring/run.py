"""One scored submission: from predictions and references to a record and per-study scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from evaluator.core.problems import InputError
from evaluator.core.stopping import unbroken
from evaluator.core.typed import view
from evaluator.core.types import Pair, ProgressCallback
from evaluator.core.workspace import store_directory
from evaluator.datasets.protocol import ProtocolName
from evaluator.datasets.references import References
from evaluator.datasets.registry import Dataset
from evaluator.datasets.tasks.task import track_title
from evaluator.metrics.registry import fits, metric_keys, task_metrics
from evaluator.models.runtime import BATCH_SIZE, Run
from evaluator.scoring.case_texts import write_cases
from evaluator.scoring.corpus import value_of
from evaluator.scoring.earlier import Earlier, earlier_on, keep_file
from evaluator.scoring.engine import Scored, score, shard
from evaluator.scoring.ladder import NOBODY, People, take_step
from evaluator.scoring.ledger import accounts_by_digest
from evaluator.scoring.provenance import provenance, today
from evaluator.scoring.record import RECORD_SCHEMA, Integrity, MetricEntry, Provenance, Record, RecordCard
from evaluator.scoring.records import (
    SUBGROUP_PREFIX,
    Board,
    earlier_record,
    studies_frame,
    write_record,
)
from evaluator.scoring.score_store import ScoreStore

if TYPE_CHECKING:
    from evaluator.datasets.tasks.task import Prediction
    from evaluator.models.judges.settings import JudgeSettings
    from evaluator.scoring.ray_cluster import RayCluster
    from evaluator.submissions.submission import Submission


@dataclass(frozen=True)
class ScoreSettings:
    """How to score: everything that can be set on the command line.

    `metrics`: those of the task unless some are named. `store` is the runner's private folder for finished
    scores, per-study scores of datasets that are not public, and the text cache; `None` means the user's
    cache folder.
    """

    metrics: tuple[str, ...] = ()
    protocol: ProtocolName = "clean"
    models: Path | None = None
    device: str = "cpu"
    batch_size: int | None = None
    store: Path | None = None
    variants: Mapping[str, str] = field(default_factory=dict)
    judges: Mapping[str, JudgeSettings] = field(default_factory=dict)
    pull_request: int | None = None
    head_commit: str | None = None
    submitted: str | None = None
    accounts: frozenset[int] = frozenset()
    """Ids of the GitHub accounts behind the pull request: the Ladder looks at all their teams."""
    records: Path | None = None
    """Where records and per-study scores of non-public datasets go, if not to the store (a preview's copy)."""
    cluster: RayCluster | None = None
    """Where the models run, if not on this machine."""


def board_pairs(
    board: Board, references: References, predictions: Mapping[str, Prediction], protocol: ProtocolName
) -> list[Pair]:
    """Every item of the track as a pair, in the order of the ids; raises `InputError` if no item has a reference."""
    pairs = references.pairs(predictions, board.track, protocol)
    if not pairs:
        item = board.task.item
        raise InputError(
            f"no {item} of {board.dataset.id} has a reference in the {track_title(board.track)} track."
        )
    return pairs


def score_board(
    board: Board,
    pairs: Sequence[Pair],
    settings: ScoreSettings,
    progress: ProgressCallback | None = None,
    part: tuple[int, int] | None = None,
) -> Scored:
    """The scores of one submission's pairs on one board, or on one shard of it (`part` = i, n)."""
    run = board_run(board, settings, progress)
    shard_pairs: Sequence[Pair] = pairs if part is None else shard(pairs, *part)
    keys, store = board_metrics(board, settings), ScoreStore(store_directory(settings.store))
    if settings.cluster is not None:
        settings.cluster.fill(shard_pairs, keys, run, store)
    return score(shard_pairs, keys, run, store)


def board_metrics(board: Board, settings: ScoreSettings) -> tuple[str, ...]:
    """The metrics of the settings that apply to the board, else those of its task.

    Raises `InputError` if none of those named applies.
    """
    wanted = settings.metrics or task_metrics(board.task.id)
    fitting = tuple(k for k in wanted if fits(k, board.task, board.track))
    if not fitting:
        known = ", ".join(k for k in metric_keys() if fits(k, board.task, board.track))
        raise InputError(f"none of {', '.join(wanted)} can score {board.name}. These can: {known}.")
    return fitting


def board_run(board: Board, settings: ScoreSettings, progress: ProgressCallback | None = None) -> Run:
    """How metrics run on a board under these settings, with the store's text cache."""
    from evaluator.models.text_cache import TextCache

    store = store_directory(settings.store)
    return Run(
        protocol=settings.protocol,
        models=settings.models,
        device=settings.device,
        batch_size=settings.batch_size or BATCH_SIZE,
        cache=TextCache(store / "texts"),
        variants=settings.variants,
        judges=_judges_for(board, store, settings),
        progress=progress,
    )


def _judges_for(board: Board, store: Path, settings: ScoreSettings) -> dict[str, JudgeSettings]:
    """The judges with the dataset set, so that restricted texts never reach a hosted model by accident."""
    return {
        key: replace(judge, dataset=board.dataset.id, cache_dir=judge.cache_dir or store / "transcripts")
        for key, judge in settings.judges.items()
    }


def make_record(
    board: Board,
    references: References,
    pairs: Sequence[Pair],
    scored: Scored,
    settings: ScoreSettings,
    *,
    team: str,
    model: str,
    card: RecordCard,
    predictions_sha256: str,
    predictions: Mapping[str, Prediction],
    kind: Literal["submission", "null"] = "submission",
    earlier: Earlier | None = None,
) -> Record:
    """The record of a finished scoring, with means, standard errors and 95 % intervals at full precision.

    `pairs`: the board's texts as scored. `earlier`: earlier submissions, among which to find copies.
    """
    from evaluator.scoring.diagnostics import diagnose
    from evaluator.scoring.task_scoring import Entry, scoring_of

    if kind == "null":
        diagnostics = scoring_of(board.task).describe(references, pairs)
        integrity = Integrity(outcome="pass", badges=())
    else:
        run = board_run(board, settings)
        axes = scoring_of(board.task).axes(board, pairs, scored, run)
        entry = Entry(
            board,
            references,
            scored,
            pairs,
            predictions,
            run,
            name=f"{team}/{model}",
            earlier=earlier or Earlier(),
            strata=axes.get("normal", axes.get("length", ())),
        )
        diagnostics, integrity = diagnose(entry)
    return Record(
        schema=RECORD_SCHEMA,
        task=board.dataset.task,
        kind=kind,
        dataset=board.dataset.id,
        track=board.track,
        team=team,
        model=model,
        card=card,
        protocol=settings.protocol,
        n=len(scored.ids),
        n_clusters=len({references.studies[i].patient for i in scored.ids}),
        metrics=_metric_entries(board, references, scored),
        missing=dict(scored.unavailable),
        stand_in=any(not s.trusted for s in scored.signatures.values()),
        diagnostics=diagnostics,
        integrity=integrity,
        provenance=_origin(scored, settings, predictions_sha256, references.digest),
        submitted=settings.submitted or today(),
    )


def _origin(scored: Scored, settings: ScoreSettings, predictions: str, references: str) -> Provenance:
    """Where the numbers come from; `predictions`, `references`: digests."""
    return provenance(
        list(scored.scores),
        settings.models,
        settings.device,
        predictions_sha256=predictions,
        references_sha256=references,
        pull_request=settings.pull_request,
        head_commit=settings.head_commit,
    )


def _metric_entries(board: Board, references: References, scored: Scored) -> dict[str, MetricEntry]:
    """Per metric its mean, uncertainty, counts and signature."""
    from evaluator.scoring.intervals import intervals

    patients = [references.studies[i].patient for i in scored.ids]
    spans = intervals(board, references.digest, patients, scored.scores)
    return {
        key: MetricEntry(
            mean=value_of(key, scores),
            se=spans[key]["se"],
            low=spans[key]["low"],
            high=spans[key]["high"],
            n=len(scored.ids),
            n_failed=int(scores.failed.sum()),
            signature=str(scored.signatures[key]),
        )
        for key, scores in scored.scores.items()
    }


def keep_record(
    board: Board,
    references: References,
    pairs: Sequence[Pair],
    scored: Scored,
    settings: ScoreSettings,
    record: Record,
    leaderboard: Path,
    submission: Submission | None = None,
) -> Path:
    """The path of the record written, with its per-study scores, after the Ladder's decision.

    With a submission, its texts on a public board are written too, for the case browser.
    """
    from evaluator.scoring.diagnostics import recheck
    from evaluator.scoring.task_scoring import scoring_of

    frame = studies_frame(scored, references.studies)
    axes = scoring_of(board.task).axes(board, pairs, scored, board_run(board, settings))
    for axis, labels in axes.items():
        frame[SUBGROUP_PREFIX + axis] = labels
    store = settings.records or store_directory(settings.store)
    if record.kind == "submission":
        before = earlier_record(leaderboard, store, board, record.team, record.model)
        record = recheck(record, before, board)
    record, frame = take_step(
        board, store, record, frame, _people(board, settings, record.provenance.predictions_sha256 or "")
    )
    with unbroken():
        path = write_record(leaderboard, store, board, record, frame)
        if submission is not None:
            keep_cases(board, references, pairs, settings, submission, leaderboard)
    return path


def _people(board: Board, settings: ScoreSettings, digest: str) -> People:
    """The accounts behind the predictions on a board of the Ladder: the run's and the ledger's."""
    if not board.dataset.exposure.ladder:
        return NOBODY
    known = accounts_by_digest(store_directory(settings.store), board.dataset)
    return People(known, settings.accounts, digest)


def score_submission(
    submission: Submission,
    dataset: Dataset,
    references: References,
    leaderboard: Path,
    settings: ScoreSettings,
    progress: ProgressCallback | None = None,
    earlier: Mapping[str, Mapping[str, Prediction]] | None = None,
) -> list[Path]:
    """The paths of the records written: one per track that the submission entered.

    A killed run resumes where it stopped when the same command is run again.
    """
    predictions = submission.files[dataset.id]
    paths = []
    for track in predictions.tracks:
        board = Board(dataset, track)
        pairs = board_pairs(board, references, predictions.items, settings.protocol)
        scored = score_board(board, pairs, settings, progress)
        before = earlier_on(
            board, submission, earlier, leaderboard, store_directory(settings.store), settings.records
        )
        record = submission_record(board, references, pairs, scored, settings, submission, before)
        paths.append(keep_record(board, references, pairs, scored, settings, record, leaderboard, submission))
    keep_file(store_directory(settings.store), submission, dataset, settings.submitted or today())
    return paths


def keep_cases(
    board: Board,
    references: References,
    pairs: Sequence[Pair],
    settings: ScoreSettings,
    submission: Submission,
    leaderboard: Path,
) -> None:
    """Nothing; writes the texts of a public board for the case browser, and none for another board."""
    write_cases(
        leaderboard,
        board,
        references,
        pairs,
        settings.protocol,
        team=submission.team,
        model=submission.model,
    )


def submission_record(
    board: Board,
    references: References,
    pairs: Sequence[Pair],
    scored: Scored,
    settings: ScoreSettings,
    submission: Submission,
    earlier: Earlier | None = None,
) -> Record:
    """The record of a submission's finished scoring on one board."""
    predictions = submission.files[board.dataset.id]
    return make_record(
        board,
        references,
        pairs,
        scored,
        settings,
        team=submission.team,
        model=submission.model,
        card=RecordCard.model_validate(view(submission.card)),
        predictions_sha256=predictions.sha256,
        predictions=predictions.items,
        earlier=earlier,
    )
