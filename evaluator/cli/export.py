"""`rexrank export`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from evaluator.cli.output import result
from evaluator.cli.score import known_keys
from evaluator.core.files import write_bytes
from evaluator.core.problems import InputError
from evaluator.datasets.challenge import challenge
from evaluator.datasets.references import load_references
from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.snapshot import snapshot
from evaluator.scoring.codabench.bundle import bundle
from evaluator.scoring.provenance import commit_date
from evaluator.scoring.records import Board
from evaluator.scoring.run import ScoreSettings, board_metrics


def run_boards(leaderboard: Path, out: Path) -> int:
    """0 after writing the files of a release; raises `InputError` if there is nothing to release.

    The date is that of the commit, so that the same commit gives the same bytes whenever it is released.
    """
    root = leaderboard.resolve().parent
    date = commit_date(root)
    if date is None:
        raise InputError(f"{root} is not a checkout: the date of a release is that of its commit.")
    files = snapshot(root, leaderboard, date)
    for name, data in files.items():
        write_bytes(out / name, data)
    result({"files": [*sorted(files)]})
    for name in sorted(files):
        print(f"wrote {out / name}")
    return 0


def run_codabench(
    dataset_id: str,
    track: str,
    metrics: tuple[str, ...],
    image: str,
    references: Path | None,
    start: date,
    out: Path,
) -> int:
    """0 after writing the bundle and saying what is left to do; given references are read and checked first.

    Raises `InputError` for a track that the dataset does not have.
    """
    dataset = get_dataset(dataset_id)
    board = Board(dataset, track or next(iter(dataset.tracks)))
    if board.track not in dataset.tracks:
        raise InputError(f"{dataset_id} has no track {track!r}; choose one of: {', '.join(dataset.tracks)}.")
    known_keys(metrics)
    keys = board_metrics(board, ScoreSettings(metrics=metrics))
    data = None
    if references is not None and not dataset.synthetic:
        load_references(dataset, references)
        data = (references / f"{dataset.id}.json").read_bytes()
    content = bundle(board, keys, image=image, start=start, references=data, policy=challenge().quota)
    write_bytes(out, content)
    result({"bundle": str(out), "metrics": [*keys]})
    print(f"wrote {out}: {board.name}, {', '.join(keys)}")
    if data is not None:
        print(f"it contains the references of {dataset.title}: only people who may have them may open it")
    elif not dataset.synthetic:
        print(f"before it is uploaded: put {dataset.id}.json into reference_data.zip")
    return 0
