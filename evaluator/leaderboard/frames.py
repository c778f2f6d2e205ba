"""The per-study scores of a board's models and baselines, as little of them as ranking needs."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evaluator.leaderboard.eligibility import Entrants, usable
from evaluator.leaderboard.ranking import check_frames
from evaluator.scoring.corpus import COUNTS_PREFIX
from evaluator.scoring.records import FAILED_PREFIX, SUBGROUP_PREFIX, Board, collect, read_studies

if TYPE_CHECKING:
    import pandas as pd


def board_frames(
    board: Board,
    entrants: Entrants,
    leaderboard: Path,
    store: Path,
    metrics: Collection[str] | None = None,
) -> dict[str, pd.DataFrame]:
    """The per-study scores of every ranked model, by name; with `metrics` on these alone.

    Ids, patients and subgroups are kept of the first file that has them: of a hundred models they
    would take more memory than the scores. Raises `RexrankError` for files that are damaged or of other studies.
    """
    frames: dict[str, pd.DataFrame] = {}
    columns: set[str] = set()

    def read(place: int) -> None:
        record = entrants.ranked[place]
        frame, name = read_studies(leaderboard, store, board, record), record.name
        check_frames(board, dict(islice(frames.items(), 1)) | {name: frame})
        wanted = [c for c in frame.columns if c not in columns and not c.startswith(FAILED_PREFIX)]
        frames[name] = smaller(frame[wanted]) if metrics is None else only(frame[wanted], metrics)
        columns.update(c for c in wanted if c in {"study_id", "patient"} or c.startswith(SUBGROUP_PREFIX))

    collect([partial(read, place) for place in range(len(entrants.ranked))])
    return frames


def smaller(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the counts of corpus metrics in a byte each: there are more of them than of scores, all small."""
    import pandas as pd

    columns = {c: frame[c].array for c in frame.columns}
    for name in (c for c in columns if c.startswith(COUNTS_PREFIX)):
        counts = frame[name].to_numpy()
        if counts.max(initial=0) <= np.iinfo(np.uint8).max:
            # As numpy has them: pandas' own whole numbers have a second byte each, for what is missing.
            columns[name] = counts.astype(np.uint8)
    return pd.DataFrame(columns, copy=False)


def only(frame: pd.DataFrame, metrics: Collection[str]) -> pd.DataFrame:
    """The frame with the studies, patients, subgroups and these metrics alone, in memory of its own."""
    wanted = {"study_id", "patient", *metrics}
    return frame[[c for c in frame.columns if c in wanted or c.startswith(SUBGROUP_PREFIX)]].copy()


def null_frames(board: Board, entrants: Entrants, leaderboard: Path, store: Path) -> dict[str, pd.DataFrame]:
    """The per-study scores of the null rows by name, of the metrics that stand under the board's signatures."""
    frames = collect([partial(read_studies, leaderboard, store, board, r) for r in entrants.nulls])
    return {
        r.name: f.drop(
            columns=[k for k in r.metrics if not usable(r, k, entrants.signatures)], errors="ignore"
        )
        for r, f in zip(entrants.nulls, frames, strict=True)
    }
