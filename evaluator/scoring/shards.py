"""Parts of a submission scored on several machines, and merged into one record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from evaluator.core.files import dump_json, load_json, write_text
from evaluator.core.problems import InputError, RexrankError, first_line
from evaluator.core.typed import Typed, view
from evaluator.core.types import Scores
from evaluator.core.workspace import store_directory
from evaluator.datasets.protocol import ProtocolName
from evaluator.datasets.references import References
from evaluator.datasets.registry import Dataset
from evaluator.metrics.registry import get_metric
from evaluator.metrics.signature import Signature
from evaluator.models.runtime import check_device
from evaluator.scoring.earlier import earlier_on, keep_file
from evaluator.scoring.engine import Scored, merge
from evaluator.scoring.provenance import today
from evaluator.scoring.records import Board, collect
from evaluator.scoring.run import (
    ScoreSettings,
    board_pairs,
    keep_record,
    submission_record,
)

if TYPE_CHECKING:
    from evaluator.datasets.tasks.task import Prediction
    from evaluator.submissions.submission import Submission


class Shard(Typed):
    """The scores of part `index` of `count` of a submission's studies, in the order of `ids`."""

    index: int
    count: int
    protocol: ProtocolName
    device: str
    ids: Annotated[tuple[str, ...], Field(strict=False)]
    metrics: Annotated[tuple[str, ...], Field(strict=False)]
    """The metrics of `scores` in the requested order, which is the order of columns."""
    signatures: Mapping[str, str]
    unavailable: Mapping[str, str]
    scores: Mapping[str, list[float]]
    failed: Mapping[str, list[bool]]
    counts: Mapping[str, list[list[int]]] = {}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """The shard, if every metric has a signature, and a value and a failure flag for every study."""
        n = len(self.ids)
        if not set(self.metrics) == self.scores.keys() == self.failed.keys() == self.signatures.keys():
            raise ValueError("its fields have different metrics")
        lengths = {len(values) for values in self.scores.values()} | {len(f) for f in self.failed.values()}
        if lengths - {n}:
            raise ValueError("a metric does not have one value per study")
        for text in self.signatures.values():
            Signature.parse(text)
        return self

    @property
    def scored(self) -> Scored:
        """The scores in the engine's form."""
        counts = self.counts
        scores = {
            key: Scores(
                np.array(self.scores[key], dtype=np.float64),
                np.array(self.failed[key], dtype=np.bool_),
                counts=np.array(counts[key], dtype=np.int64).reshape(len(self.ids), -1)
                if key in counts
                else None,
            )
            for key in self.metrics
        }
        signatures = {k: Signature.parse(self.signatures[k]) for k in self.metrics}
        return Scored(self.ids, scores, signatures, self.unavailable)


def shard_folder(store: Path, board: Board, submission: Submission) -> Path:
    """The folder of one submission's shards, named by the predictions' digest and so never stale."""
    digest = submission.files[board.dataset.id].sha256
    return (
        store / "shards" / board.dataset.id / board.track / f"{submission.team}__{submission.model}" / digest
    )


def write_shard(
    settings: ScoreSettings, board: Board, submission: Submission, scored: Scored, part: tuple[int, int]
) -> Path:
    """The path of the shard's file written."""
    shard = Shard(
        index=part[0],
        count=part[1],
        protocol=settings.protocol,
        device=settings.device,
        ids=scored.ids,
        metrics=tuple(scored.scores),
        signatures={k: str(s) for k, s in scored.signatures.items()},
        unavailable=dict(scored.unavailable),
        scores={k: s.values.tolist() for k, s in scored.scores.items()},
        failed={k: s.failed.tolist() for k, s in scored.scores.items()},
        counts={k: s.counts.tolist() for k, s in scored.scores.items() if s.counts is not None},
    )
    path = shard_folder(store_directory(settings.store), board, submission) / f"{part[0]}-of-{part[1]}.json"
    write_text(path, dump_json(view(shard)))
    return path


def merge_shards(
    submission: Submission,
    dataset: Dataset,
    references: References,
    leaderboard: Path,
    settings: ScoreSettings,
    earlier: Mapping[str, Mapping[str, Prediction]] | None = None,
) -> list[Path]:
    """The records written, bit for bit equal to an unsharded run on one device.

    CheXbert's readings, which the subgroups and the integrity rules need, come from the store's text cache,
    or from the weights of the settings. Raises `InputError` that names the shards still missing.
    """
    predictions = submission.files[dataset.id]
    store = store_directory(settings.store)
    paths = []
    for track in predictions.tracks:
        board = Board(dataset, track)
        shards = _read_shards(shard_folder(store, board, submission))
        scored = merge([s.scored for s in shards])
        own_settings = replace(settings, protocol=shards[0].protocol, device=shards[0].device)
        if any(get_metric(key).weights for key in scored.scores):
            check_device(own_settings.device)
        pairs = board_pairs(board, references, predictions.items, own_settings.protocol)
        if list(scored.ids) != [p.id for p in pairs]:
            raise InputError(
                f"the shards of {board.name} have {len(scored.ids)} studies, not the {len(pairs)} of the track. "
                "Score every shard again against the same references."
            )
        before = earlier_on(board, submission, earlier, leaderboard, store, own_settings.records)
        record = submission_record(board, references, pairs, scored, own_settings, submission, before)
        paths.append(
            keep_record(board, references, pairs, scored, own_settings, record, leaderboard, submission)
        )
    keep_file(store, submission, dataset, settings.submitted or today())
    return paths


def _read_shards(folder: Path) -> list[Shard]:
    shards = collect([partial(_read_shard, p) for p in sorted(folder.glob("*-of-*.json"))])
    counts = {s.count for s in shards}
    if len(counts) != 1:
        raise InputError(
            f"found shards of {len(counts)} different divisions in {folder}; wanted shards of one. "
            "Score the shards first (rexrank score … --shard i/n), all with the same n."
        )
    count = counts.pop()
    missing = sorted(set(range(1, count + 1)) - {s.index for s in shards})
    if missing:
        raise InputError(
            f"shards still missing: {', '.join(f'{i}/{count}' for i in missing)}. Score them first."
        )
    return sorted(shards, key=lambda s: s.index)  # tie: none, indices differ


def _read_shard(path: Path) -> Shard:
    index, _, count = path.stem.partition("-of-")
    try:
        shard = Shard.model_validate(load_json(path))
        if (f"{shard.index}", f"{shard.count}") != (index, count):
            raise ValueError("it belongs to another part")  # noqa: TRY301
    except (OSError, ValueError) as error:
        raise RexrankError(
            f"cannot read the shard {path}: {first_line(error)}. Score it again with: rexrank score … --shard {index}/{count}"
        ) from error
    return shard
