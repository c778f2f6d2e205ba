"""Baselines and sanity probes of a dataset, scored by the same pipeline as any submission.

Records of kind "null" by the team `baseline`, and `leaderboard/sanity/<board>.json`: each metric's value for
a reference against itself, for an empty report and for another patient's reference. Ranking reads the sanity
file and stops if a metric is outside its band.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from evaluator.core.files import dump_json, load_json, write_text
from evaluator.core.problems import RexrankError
from evaluator.core.typed import Typed, first_violation, view
from evaluator.datasets.references import References
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.tasks.task import get_task
from evaluator.metrics.signature import Signature
from evaluator.scoring.bands import check_bands
from evaluator.scoring.corpus import step_of, value_of
from evaluator.scoring.record import RecordCard, Signed
from evaluator.scoring.records import NULL_TEAM, Board
from evaluator.scoring.run import ScoreSettings, board_pairs, keep_record, make_record, score_board
from evaluator.scoring.task_scoring import scoring_of
from evaluator.statistics.rounding import coarse, six_decimals
from evaluator.statistics.ties import lowest

if TYPE_CHECKING:
    from evaluator.core.types import Pair, ProgressCallback
    from evaluator.datasets.tasks.task import Item
    from evaluator.scoring.engine import Scored

TEAM: Final = NULL_TEAM
SANITY_SCHEMA: Final = "rexrank/sanity/v1"
PROBES: Final = ("itself", "empty", "shuffled")
WIDEST: Final = 0.5
"""With a coarser step than this, a metric's published value on a withheld dataset says nothing about its sanity."""


class Probes(Typed):
    """A metric's values for references against themselves, empty reports and another patient's references."""

    signature: Annotated[str, Signed]
    itself: float
    empty: float
    shuffled: float


class Sanity(Typed):
    """A board's sanity file: `n_probed` of `n` studies were probed."""

    schema_: Literal["rexrank/sanity/v1"] = Field(alias="schema")
    references_sha256: str
    n: int
    n_probed: int
    metrics: Mapping[str, Probes]


def score_baselines(
    references: References,
    leaderboard: Path,
    settings: ScoreSettings,
    training: Sequence[Any] = (),
    progress: ProgressCallback | None = None,
) -> list[Path]:
    """Paths of the records and sanity files written, for every track that has references.

    `training`: what baselines learn from, see `training_data`.
    """
    dataset = references.dataset
    task = get_task(dataset.task)
    seed = _seed(references)
    rows = scoring_of(task).nulls(references, training, seed)
    paths = []
    for track in dataset.tracks:
        board = Board(dataset, track)
        if not any(r.in_track(track) for r in references.studies.values()):
            continue
        scored: dict[str, Scored] = {}
        for model, predictions in rows.items():
            pairs = board_pairs(board, references, predictions, settings.protocol)
            scored[model] = score_board(board, pairs, settings, progress)
            digest = hashlib.sha256(f"null|{model}|{seed}".encode()).hexdigest()
            record = make_record(
                board,
                references,
                pairs,
                scored[model],
                settings,
                team=TEAM,
                model=model,
                card=RecordCard(name=task.baselines[model]),
                predictions_sha256=digest,
                predictions=predictions,
                kind="null",
            )
            paths.append(keep_record(board, references, pairs, scored[model], settings, record, leaderboard))
        paths.append(_probe(board, references, leaderboard, settings, progress))
    return paths


def baseline_pairs(
    board: Board, references: References, settings: ScoreSettings, training: Sequence[Any] = ()
) -> list[list[Pair]]:
    """Everything that `score_baselines` scores on a board: the pairs of each baseline and of each probe."""
    if not any(r.in_track(board.track) for r in references.studies.values()):
        return []
    rows = scoring_of(board.task).nulls(references, training, _seed(references))
    nulls = [board_pairs(board, references, predictions, settings.protocol) for predictions in rows.values()]
    return [*nulls, *_probe_pairs(board, references, settings).values()]


def _seed(references: References) -> str:
    return f"{references.dataset.id}|{references.digest}"


def _probe_pairs(board: Board, references: References, settings: ScoreSettings) -> dict[str, list[Pair]]:
    """The pairs of each probe; all but the shuffled ones come from a sample."""
    sample = _sample(board, references)
    few = References(references.dataset, sample, references.digest)
    probes = scoring_of(board.task).probes(references, _seed(references))
    return {
        probe: board_pairs(
            board, references if probe == "shuffled" else few, probes[probe], settings.protocol
        )
        for probe in PROBES
    }


def _sample(board: Board, references: References) -> dict[str, Item]:
    """The studies that are probed."""
    inside = sorted(i for i, r in references.studies.items() if r.in_track(board.track))
    by_hash = sorted(inside, key=lambda i: hashlib.sha256(i.encode()).digest())  # tie: none, hashes differ
    return {i: references.studies[i] for i in by_hash[: scoring_of(board.task).probed]}


def _probe(
    board: Board,
    references: References,
    leaderboard: Path,
    settings: ScoreSettings,
    progress: ProgressCallback | None,
) -> Path:
    """The path of the board's sanity file."""
    runs = {
        probe: score_board(board, pairs, settings, progress)
        for probe, pairs in _probe_pairs(board, references, settings).items()
    }
    shuffled = runs["shuffled"]
    metrics = {
        key: Probes(
            signature=str(shuffled.signatures[key]),
            **{probe: _shown(board, runs[probe], key) for probe in PROBES},
        )
        for key in shuffled.scores
        if all(key in s.scores for s in runs.values())
    }
    path = sanity_path(leaderboard, board)
    sanity = Sanity(
        schema=SANITY_SCHEMA,
        references_sha256=references.digest,
        n=sum(r.in_track(board.track) for r in references.studies.values()),
        n_probed=len(_sample(board, references)),
        metrics=metrics,
    )
    write_text(path, dump_json(six_decimals(view(sanity))))
    return path


def _shown(board: Board, scored: Scored, key: str) -> float:
    value = value_of(key, scored.scores[key])
    step = step_of(board.dataset.exposure, key, len(scored.ids))
    return value if step is None else coarse(value, step)


def sanity_path(leaderboard: Path, board: Board) -> Path:
    """The path of a board's sanity file."""
    return leaderboard / "sanity" / f"{board.name}.json"


def read_sanity(leaderboard: Path, board: Board) -> Sanity | None:
    """The sanity file of a board, `None` without one; raises `RexrankError` for a damaged one."""
    path = sanity_path(leaderboard, board)
    if not os.path.lexists(path):
        return None
    try:
        return Sanity.model_validate(load_json(path))
    except (OSError, ValueError) as error:
        reason = first_violation(error, Sanity) if isinstance(error, ValidationError) else error
        again = f"Rebuild it with: rexrank baseline {board.dataset.id}"
        raise RexrankError(f"cannot read {path}: {reason}. {again}") from error


def check_sanity(leaderboard: Path, board: Board, signatures: Mapping[str, str]) -> list[str]:
    """Notes for the board; raises `RexrankError` if a metric of the board is outside its band.

    A metric whose step on a withheld dataset is too coarse to separate anything is skipped. Metrics computed
    with stand-in weights are checked only for the order of the probes: their scale is their own. A metric
    that was probed under another signature counts as not probed.
    """
    command = f"rexrank baseline {board.dataset.id}"
    probed = read_sanity(leaderboard, board)
    if probed is None:
        return [f"the metrics' sanity was not probed here, and there are no baseline rows yet: {command}"]
    fitting = {k: m for k, m in probed.metrics.items() if m.signature == signatures.get(k)}
    coarse_ones = [k for k in fitting if (step_of(board.dataset.exposure, k, probed.n) or 0) > WIDEST]
    means = {p: {k: getattr(m, p) for k, m in fitting.items() if k not in coarse_ones} for p in PROBES}
    loose = {
        k for k, m in fitting.items() if board.dataset.synthetic or not Signature.parse(m.signature).trusted
    }
    check_bands(means, board.name, scoring_of(board.task).bands, order_only=loose)
    missed = sorted(signatures.keys() - fitting.keys())
    if missed:
        return [f"sanity was not probed for {', '.join(missed)} under the signatures used here: {command}"]
    return []


def training_data(dataset_id: str, directory: Path | None) -> Sequence[Any]:
    """What the baselines of a dataset learn from (`<references>/<dataset>.train.json`); empty without the file."""
    path = directory / f"{dataset_id}.train.json" if directory else None
    if path is None or not path.exists():
        return ()
    return scoring_of(get_task(get_dataset(dataset_id).task)).training(path)


def gain_over_null(
    mean: float, nulls: Mapping[str, float], *, higher_is_better: bool
) -> tuple[str, float] | None:
    """(name, gain) of a mean over the best baseline; positive is better, `None` without baselines."""
    sign = 1 if higher_is_better else -1
    names = sorted(nulls)
    name = lowest(names, [-sign * nulls[k] for k in names])
    if name is None:
        return None
    return name, sign * (mean - nulls[name]) + 0.0
