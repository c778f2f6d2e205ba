"""The folders that a command works on, named in one place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evaluator.core.files import cache_folder
from evaluator.core.problems import RexrankError

LEADERBOARD: Final = Path("leaderboard")
SUBMISSIONS: Final = Path("submissions")


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where a job reads and writes: main's two folders, and what the machine keeps for itself.

    `references`, `models`: `None` where the machine has none.
    """

    store: Path
    references: Path | None = None
    models: Path | None = None
    leaderboard: Path = LEADERBOARD
    submissions: Path = SUBMISSIONS


def read_workspace() -> Workspace:
    """The workspace in the current directory, with the machine's folders from its environment.

    Raises `RexrankError` as `store_directory` does.
    """
    return Workspace(store_directory(None), references_directory(None), models_override(None))


def references_directory(override: Path | None) -> Path | None:
    """`override`, else `REXRANK_REFERENCES`, else `None`."""
    return override or _configured("REXRANK_REFERENCES")


def models_override(override: Path | None) -> Path | None:
    """`override`, else `REXRANK_MODELS`, else `None`."""
    return override or _configured("REXRANK_MODELS")


def _configured(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(value) if value else None


def store_directory(override: Path | None) -> Path:
    """`override`, else `REXRANK_STORE`, else a folder in the user's cache.

    Raises `RexrankError` if none of these is known.
    """
    if folder := override or _configured("REXRANK_STORE"):
        return folder
    try:
        return cache_folder() / "store"
    except RuntimeError as error:
        raise RexrankError(
            "this user has no home folder to store scores in. Give a folder with --store, or set REXRANK_STORE."
        ) from error
