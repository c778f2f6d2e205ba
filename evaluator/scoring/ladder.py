"""The Ladder on withheld datasets: how a new run changes what is shown (Blum and Hardt 2015).

A run is shown if it beats the best run that its people have shown by more than one standard error, and by
more than that of a typical pair of the board's models. Its people are its team and every team with a scored
file that shares a GitHub account with it. A run that is not shown leaves the model's row unchanged; a model
without a row is listed without numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from evaluator.metrics.registry import get_metric
from evaluator.scoring.record import LadderStep, Record
from evaluator.scoring.records import Board, collect, load_record, read_studies, record_path
from evaluator.statistics.bootstrap import clusters_of
from evaluator.statistics.ladder import ladder_step, typical_error
from evaluator.statistics.ties import lowest

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class People:
    """The GitHub accounts behind scored predictions: `known` by digest, `now` of the current run."""

    known: Mapping[str, frozenset[int]] = field(default_factory=dict)
    now: frozenset[int] = frozenset()
    digest: str = ""

    def of(self, record: Record) -> frozenset[int]:
        """The accounts behind a record's predictions, and behind the predictions whose numbers it shows."""
        origin = record.provenance
        digests = [origin.predictions_sha256, origin.shown_predictions_sha256]
        own = self.now if self.digest and digests[0] == self.digest else frozenset()
        return own.union(*(self.known.get(d, ()) for d in digests if d))


NOBODY: Final = People()


def take_step(
    board: Board, store: Path, record: Record, frame: pd.DataFrame, people: People = NOBODY
) -> tuple[Record, pd.DataFrame]:
    """The record and per-study scores to keep: the new ones, or those shown before.

    `store`: where the records are. Datasets that are not withheld pass unchanged. The same prediction file
    scored again keeps its verdict. Under another signature of the primary metric nothing is comparable, and
    the run is shown.
    """
    if not board.dataset.exposure.ladder or record.kind != "submission":
        return record, frame
    everyone = _records(board, store)
    accounts = people.of(record)
    ours = [r.team == record.team or bool(accounts & people.of(r)) for r in everyone]
    before = [r for r, own in zip(everyone, ours, strict=True) if own]
    own = next((r for r in before if (r.team, r.model) == (record.team, record.model)), None)
    if own is not None and own.provenance.predictions_sha256 == record.provenance.predictions_sha256:
        return _stepped(record, own.ladder or FIRST), frame
    best = _best(before, record, board)
    if best is None:
        return _stepped(record, FIRST), frame
    primary = board.task.primary
    old = read_studies(store, store, board, best)
    new = frame.sort_values("study_id", ignore_index=True)  # tie: none, ids differ
    clusters = clusters_of(new["patient"].tolist())
    strangers = [r for r, own in zip(everyone, ours, strict=True) if not own]
    others = [read_studies(store, store, board, r)[primary] for r in _comparable(strangers, record, board)]
    step = ladder_step(
        np.asarray(old[primary], dtype=np.float64),
        np.asarray(new[primary], dtype=np.float64),
        clusters,
        higher_is_better=get_metric(primary).higher_is_better,
        typical=typical_error(np.column_stack([old[primary], *others]), clusters),
    )
    if step.improved:
        return _stepped(record, LadderStep(improved=True, best=best.name)), frame
    if own is None or not (own.ladder or FIRST).improved:
        return _stepped(record, LadderStep(improved=False, best=best.name)), frame
    digest = {"shown_predictions_sha256": own.provenance.predictions_sha256}
    origin = record.provenance.model_copy(update=digest)
    row = own.model_copy(update={"card": record.card, "integrity": record.integrity, "provenance": origin})
    return row, read_studies(store, store, board, own)


FIRST: Final = LadderStep(improved=True, best=None)
"""The step of a run without a comparable one: it is shown."""


def _stepped(record: Record, step: LadderStep) -> Record:
    return record.model_copy(update={"ladder": step})


def _records(board: Board, store: Path) -> list[Record]:
    """The submissions' earlier records at full precision, in the order of their file names."""
    folder = record_path(store, board.dataset.id, board.track, "x", "x").parent
    records = collect([partial(load_record, p, board) for p in sorted(folder.glob("*.json"))])
    return [r for r in records if r.kind == "submission"]


def _comparable(records: Sequence[Record], record: Record, board: Board) -> list[Record]:
    """Shown runs against the same references under the same primary signature."""
    primary = board.task.primary
    if primary not in record.metrics:
        return []

    def same(other: Record) -> bool:
        entry = other.metrics.get(primary)
        return (
            entry is not None
            and (other.ladder or FIRST).improved
            and entry.signature == record.metrics[primary].signature
            and other.provenance.references_sha256 == record.provenance.references_sha256
        )

    return [r for r in records if same(r)]


def _best(before: Sequence[Record], record: Record, board: Board) -> Record | None:
    """The best comparable run."""
    primary = board.task.primary
    sign = -1 if get_metric(primary).higher_is_better else 1
    by_name = sorted(
        _comparable(before, record, board), key=lambda r: (r.team, r.model)
    )  # tie: none, names differ
    return lowest(by_name, [sign * r.metrics[primary].mean for r in by_name])
