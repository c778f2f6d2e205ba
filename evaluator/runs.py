"""One scored submission: from predictions and references to a record and per-study scores."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evaluator.datasets.references import References
from evaluator.datasets.registry import Dataset
from evaluator.metrics.base import Pair, ProgressCallback, Run
from evaluator.metrics.registry import board_metric_keys
from evaluator.problems import RexrankError
from evaluator.protocol import ProtocolName, make_pairs
from evaluator.provenance import provenance, today
from evaluator.records import RECORD_SCHEMA, Board, studies_frame, write_record
from evaluator.scoring import Scored, default_batch_size, score, shard
from evaluator.store import ScoreStore

if TYPE_CHECKING:
    from evaluator.judges.settings import JudgeSettings
    from evaluator.submission import StudyReport, Submission

DEFAULT_METRICS: Final = board_metric_keys()


@dataclass(frozen=True)
class ScoreSettings:
    """How to score: everything the command line can say.

    `store` is the runner's private folder for finished scores, per-study scores of private sets and
    the text cache; `None` means the user's cache folder.
    """

    metrics: tuple[str, ...] = DEFAULT_METRICS
    protocol: ProtocolName = "clean"
    models: Path | None = None
    device: str = "cpu"
    batch_size: int | None = None
    store: Path | None = None
    variants: Mapping[str, str] = field(default_factory=dict)
    judge: JudgeSettings | None = None
    pull_request: int | None = None
    head_commit: str | None = None
    submitted: str | None = None


def store_directory(override: Path | None) -> Path:
    """`override`, else `REXRANK_STORE`, else a folder in the user's cache."""
    if override is not None:
        return override
    if configured := os.environ.get("REXRANK_STORE"):
        return Path(configured)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "rexrank" / "store"


def board_pairs(
    board: Board, references: References, reports: Mapping[str, StudyReport], protocol: ProtocolName
) -> list[Pair]:
    """Every study of the track as a pair, in the order of the ids; raises `RexrankError` for none."""
    pairs = [Pair(*row) for row in make_pairs(references.studies, reports, board.track, protocol)]
    if not pairs:
        raise RexrankError(f"no study of {board.dataset.id} has a reference in the {board.track} track.")
    return pairs


def score_board(
    board: Board,
    references: References,
    reports: Mapping[str, StudyReport],
    settings: ScoreSettings,
    progress: ProgressCallback | None = None,
    part: tuple[int, int] | None = None,
) -> Scored:
    """The scores of one submission's reports on one board, or on one shard of it (`part` = i, n)."""
    from evaluator.encoders.cache import TextCache

    store = store_directory(settings.store)
    pairs = board_pairs(board, references, reports, settings.protocol)
    run = Run(
        protocol=settings.protocol,
        models=settings.models,
        device=settings.device,
        batch_size=settings.batch_size or default_batch_size(settings.device),
        cache=TextCache(store / "texts"),
        variants=settings.variants,
        judge=_judge_for(board, store, settings),
        progress=progress,
    )
    chosen: Sequence[Pair] = pairs if part is None else shard(pairs, *part)
    return score(chosen, settings.metrics, run, ScoreStore(store))


def _judge_for(board: Board, store: Path, settings: ScoreSettings) -> JudgeSettings | None:
    """The judge told what it judges, so that restricted texts go to no hosted model by accident."""
    if settings.judge is None:
        return None
    transcripts = settings.judge.cache_dir or store / "transcripts"
    return replace(settings.judge, dataset=board.dataset.id, cache_dir=transcripts)


def make_record(
    board: Board,
    references: References,
    scored: Scored,
    settings: ScoreSettings,
    *,
    team: str,
    model: str,
    card: Mapping[str, Any],
    predictions_sha256: str,
    reports: Mapping[str, StudyReport],
    kind: str = "submission",
) -> dict[str, Any]:
    """The record of a finished scoring, in the format of `record-v1.schema.json`."""
    from evaluator.diagnostics import diagnose
    from evaluator.encoders.store import is_stand_in
    from evaluator.uncertainty import intervals

    patients = [references.studies[i].patient for i in scored.ids]
    spans = intervals(board, references.digest, patients, {k: s.values for k, s in scored.scores.items()})
    metrics = {
        key: {
            "mean": float(np.mean(scores.values)),
            **spans[key],
            "n": len(scored.ids),
            "n_failed": int(scores.failed.sum()),
            "signature": scored.signatures[key],
        }
        for key, scores in scored.scores.items()
    }
    diagnostics, integrity = diagnose(board, references, scored, reports, settings.protocol)
    return {
        "schema": RECORD_SCHEMA,
        "kind": kind,
        "dataset": board.dataset.id,
        "track": board.track,
        "team": team,
        "model": model,
        "card": dict(card),
        "protocol": settings.protocol,
        "n": len(scored.ids),
        "n_clusters": len(set(patients)),
        "metrics": metrics,
        "missing": dict(scored.unavailable),
        "stand_in": any(is_stand_in(s) for s in scored.signatures.values()),
        "diagnostics": diagnostics,
        "integrity": integrity,
        "provenance": {
            **provenance(list(scored.scores), settings.models, settings.device),
            "predictions_sha256": predictions_sha256,
            "references_sha256": references.digest,
            "pull_request": settings.pull_request,
            "head_commit": settings.head_commit,
        },
        "submitted": settings.submitted or today(),
    }


def score_submission(
    submission: Submission,
    dataset: Dataset,
    references: References,
    leaderboard: Path,
    settings: ScoreSettings,
    progress: ProgressCallback | None = None,
) -> list[Path]:
    """The paths of the records written: one a track that the submission entered.

    A run that was killed goes on where it stopped when the same command is given again.
    """
    predictions = submission.files[dataset.id]
    paths = []
    for track in predictions.tracks:
        board = Board(dataset, track)
        scored = score_board(board, references, predictions.reports, settings, progress)
        record = make_record(
            board,
            references,
            scored,
            settings,
            team=submission.team,
            model=submission.model,
            card=submission.card,
            predictions_sha256=predictions.sha256,
            reports=predictions.reports,
        )
        frame = studies_frame(scored, references.studies)
        paths.append(write_record(leaderboard, store_directory(settings.store), board, record, frame))
    return paths
