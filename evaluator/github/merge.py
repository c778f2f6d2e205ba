"""What merging a pull request would do to main: the merged tree, computed without reading a single file.

Where a pull request left main says nothing if its history contains merges: what counts is the difference
between main and the merged tree. Only trees are used, so it costs no more than fetching them: anything that
would need a file's text (changed on both sides, a renamed folder) is refused with an explanation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from evaluator.github.git_objects import Change, differences, git, git_status, require_small

BASE: Final = "refs/rex/base"
HEAD: Final = "refs/rex/head"
MERGED: Final = "refs/rex/merged"
EMPTY: Final = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""The empty tree, which git knows without storing it."""
OFFLINE: Final = {"GIT_ALLOW_PROTOCOL": ""}
"""Git's environment in which nothing is fetched, even if objects are missing."""
CURE: Final = "Update the branch: start from a fresh copy of main, add your files, and push"


def merge_bases(git_dir: Path) -> list[str]:
    """The best common ancestors of main and the head.

    More than one after criss-cross merges, none without a common history.
    """
    _, out = git_status(git_dir, "merge-base", "--all", BASE, HEAD)
    return out.decode("ascii").split()


def authored(git_dir: Path, *paths: str) -> list[Change]:
    """The head's changes relative to any point where it left main, each path once; raises `LimitExceeded`.

    Without a common history, everything in it counts.
    """
    require_small(git_dir, HEAD, *paths)
    bases = merge_bases(git_dir) or [EMPTY]
    changes = {c.path: c for base in bases for c in differences(git_dir, base, HEAD, *paths)}
    return list(changes.values())


def merge(git_dir: Path, *folders: str) -> str | None:
    """Why the head cannot be merged as a change of these folders, in plain text.

    `None` if `MERGED` is the merged tree.
    """
    bases = merge_bases(git_dir)
    if len(bases) != 1:
        crossed = "its history and main's are intertwined by several merges, so the effect of merging it cannot be determined"
        return f"{crossed if bases else 'it has no commit in common with main'}. {CURE}"
    # Rename detection needs the files; offline, a file changed on both sides fails too.
    command = ("-c", "merge.renames=false", "merge-tree", "--write-tree", "-z", BASE, HEAD)
    status, out = git_status(git_dir, *command, environment=OFFLINE)
    if status:
        return (
            f"it conflicts with main, which has changed the same files since the branch was created. {CURE}"
        )
    git(git_dir, "update-ref", MERGED, out.split(b"\0", 1)[0].decode("ascii"))
    own = {c.path: (c.mode, c.oid) for c in differences(git_dir, bases[0], HEAD)}
    mixed = [c for c in differences(git_dir, BASE, MERGED) if own.get(c.path) != (c.mode, c.oid)]
    teams = sorted({folder.rpartition("/")[0] for folder in folders})
    deletions = [c for c in differences(git_dir, bases[0], BASE, *teams) if c.status == "D"]
    if mixed or deletions:
        return f"main has moved or changed the same files since the branch was created. {CURE}"
    return None
