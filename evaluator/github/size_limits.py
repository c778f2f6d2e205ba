"""Files that the publisher would refuse for their size after a merge, reported before it: name, size, and what to do.

The limits are defined where they are enforced: in the bundle's check, and again in the job with the token
(`.github/push.py`). Here, main's files are counted as they would be after the merge.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from evaluator.github.bundle import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES
from evaluator.github.bundle_table import MAX_ROWS
from evaluator.leaderboard.row import Slug
from evaluator.scoring.records import record_path
from evaluator.submissions.submission import Submission

MAX_REPOSITORY_BYTES: Final = 5_000_000_000
"""Recommended limit of the repository's size as GitHub counts it, packed and with its history."""
PAIR_BYTES: Final = 200
"""Bytes of a pair of models in the file of pairwise differences, with the thirteen metrics of reports."""
CLEAR: Final = "Remove the folders of models that are withdrawn or superseded from `submissions/` first"
TWO: Final = "or keep submissions in a repository of their own (site/maintainers/two-repositories.md)"


class Sizes(NamedTuple):
    """How many files a folder holds, their bytes, and those of the largest."""

    files: int
    total: int
    largest: int


def sizes(folder: Path) -> Sizes:
    """The sizes of the files below a folder; zeros if there is none."""
    lengths = [p.stat().st_size for p in folder.rglob("*") if p.is_file()]
    return Sizes(len(lengths), sum(lengths), max(lengths, default=0))


def exceeded(leaderboard: Path, repository: int, submission: Submission) -> list[str]:
    """A sentence for each limit that main would exceed once the submission is merged; empty if it fits.

    `repository`: the repository's size according to GitHub, in bytes.
    """
    boards = [
        (dataset, track)
        for dataset, predictions in submission.files.items()
        for track in predictions.tracks
        if not record_path(leaderboard, dataset, track, submission.team, submission.model).exists()
    ]
    now = sizes(leaderboard)
    lines = [line for board in boards for line in _of_board(leaderboard, *board)]
    # A model adds a record and, on a public dataset, per-study scores and texts.
    added = [sizes_of_one(leaderboard, *board) for board in boards]
    files, total = now.files + sum(a.files for a in added), now.total + sum(a.total for a in added)
    if files > MAX_FILES:
        lines.append(
            f"`leaderboard/` would contain {files:,} files, but the limit is {MAX_FILES:,}. {CLEAR}."
        )
    if total > MAX_BYTES:
        lines.append(
            f"`leaderboard/` would take {total / 1e6:,.0f} MB, but the limit is {MAX_BYTES / 1e6:,.0f} MB. {CLEAR}."
        )
    if repository > MAX_REPOSITORY_BYTES:
        lines.append(
            f"The repository takes {repository / 1e9:.1f} GB on GitHub, but should stay below "
            f"{MAX_REPOSITORY_BYTES / 1e9:.0f} GB. {CLEAR}, {TWO}."
        )
    return lines


def _of_board(leaderboard: Path, dataset: str, track: Slug) -> Iterator[str]:
    """The limits that a board would exceed with one more model."""
    models = sum(1 for _ in (leaderboard / "records" / dataset / track).glob("*.json"))
    if models + 1 > MAX_ROWS:
        yield (
            f"`leaderboard/tables/{dataset}.{track}.json` would have {models + 1:,} rows, but the limit is {MAX_ROWS:,}. {CLEAR}."
        )
    path = leaderboard / "tables" / f"{dataset}.{track}.json"
    table = path.stat().st_size * (models + 1) / max(models, 1) if path.is_file() else 0
    pairs = PAIR_BYTES * models * (models + 1) / 2
    for name, size in ((f"leaderboard/tables/{path.name}", table), (f"pairwise/{path.stem}.parquet", pairs)):
        if size > MAX_FILE_BYTES:
            yield (
                f"`{name}` would take about {size / 1e6:,.0f} MB, but the limit per file is "
                f"{MAX_FILE_BYTES / 1e6:,.0f} MB. {CLEAR}."
            )


def sizes_of_one(leaderboard: Path, dataset: str, track: Slug) -> Sizes:
    """A model's average on a board: files, their bytes, and those of the largest.

    A record's files without any model.
    """
    sets = [sizes(leaderboard / kind / dataset / track) for kind in ("records", "studies", "cases")]
    counts = [(s.total / s.files, s.largest) for s in sets if s.files]
    return Sizes(
        len(counts) or 1, round(sum(mean for mean, _ in counts)), max((x for _, x in counts), default=0)
    )
