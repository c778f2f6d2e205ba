"""`rexrank export`."""

from __future__ import annotations

from pathlib import Path

from evaluator.cli.output import result
from evaluator.core.files import write_bytes
from evaluator.core.problems import InputError
from evaluator.leaderboard.snapshot import snapshot
from evaluator.scoring.provenance import commit_date


def run_boards(leaderboard: Path, out: Path) -> int:
    """0 after writing the files of a release; raises `InputError` where there is nothing to release.

    The date is that of the commit, so that the same commit gives the same bytes whenever it is released.
    """
    root = leaderboard.resolve().parent
    date = commit_date(root)
    if date is None:
        raise InputError(f"{root} is no checkout: the date of a release is that of its commit.")
    files = snapshot(root, leaderboard, date)
    for name, data in files.items():
        write_bytes(out / name, data)
    result({"files": [*sorted(files)]})
    for name in sorted(files):
        print(f"wrote {out / name}")
    return 0
