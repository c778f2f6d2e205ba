"""Main's submissions file by file: from a checkout's folder, or from its commit's objects if the checkout is sparse.

Predictions are most of a repository's bytes. A hosted job checks out only the cards; the blobs it compares
are fetched in one request and read one at a time.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from evaluator.core.problems import RexrankError
from evaluator.datasets.registry import Dataset
from evaluator.github.git_objects import SHA, git, git_status
from evaluator.submissions.reading import PredictionFiles
from evaluator.submissions.rules.files import MAX_PREDICTIONS_BYTES

FETCH_TIMEOUT: Final = 900.0
BATCH: Final = 2_000
"""Blobs requested from git at once: their names are arguments."""
_PREDICTIONS: Final = r"submissions/([^/]+)/([^/]+)/{}\.json"


@dataclass(frozen=True)
class MainFiles:
    """The files below `submissions/` of a checkout of main; without git, those in the folder."""

    root: Path
    oids: Mapping[str, str] = field(default_factory=dict)
    """Git's ids of the files of the checkout's commit, by path."""

    @property
    def is_sparse(self) -> bool:
        """Whether the checkout omits files of its commit."""
        return any(not (self.root / path).is_file() for path in self.oids)

    def fetch(self, paths: Collection[str]) -> None:
        """Fetches files that the checkout omits, all in one request; raises `RexrankError` if git fails."""
        wanted = sorted({self.oids[p] for p in paths if p in self.oids and not (self.root / p).is_file()})
        for start in range(0, len(wanted), BATCH):
            _fetch(self.root / ".git", wanted[start : start + BATCH])

    def has(self, path: str) -> bool:
        """Whether main has a file."""
        return path in self.oids or (self.root / path).is_file()

    def read(self, path: str) -> bytes | None:
        """A file's bytes; `None` for one that main does not have, or that is larger than predictions may be."""
        place = self.root / path
        if place.is_file() or path not in self.oids:
            if not place.is_file() or place.stat().st_size > MAX_PREDICTIONS_BYTES:
                return None
            return place.read_bytes()
        data = git(self.root / ".git", "cat-file", "blob", self.oids[path])
        return data if len(data) <= MAX_PREDICTIONS_BYTES else None

    def others(self, dataset: Dataset, own: str) -> PredictionFiles:
        """Predictions of every submission on a dataset except `own`, by `team/model`; fetched now, read on demand."""
        form = re.compile(_PREDICTIONS.format(re.escape(dataset.id)))
        places = {f"{m[1]}/{m[2]}": path for path in self.oids if (m := form.fullmatch(path))}
        for path in sorted((self.root / "submissions").glob(f"*/*/{dataset.id}.json")):
            places.setdefault(f"{path.parts[-3]}/{path.parts[-2]}", path.relative_to(self.root).as_posix())
        places.pop(own, None)
        self.fetch([*places.values()])
        return PredictionFiles(dataset, {n: partial(self._predictions, p) for n, p in sorted(places.items())})

    def _predictions(self, path: str) -> bytes:
        return self.read(path) or b""

    def changed_since(self, tree: str) -> frozenset[str] | None:
        """The paths that differ from an earlier tree of `submissions/`; `None` if that tree is not available."""
        git_dir = self.root / ".git"
        if not SHA.fullmatch(tree) or not git_dir.exists():
            return None
        now = git(git_dir, "rev-parse", "HEAD:submissions").decode().strip()
        if tree == now:
            return frozenset()
        try:
            _fetch(git_dir, [tree])
        except RexrankError:
            return None
        options = ("-r", "--name-only", "--no-renames", "-z")
        status, out = git_status(git_dir, "diff-tree", *options, tree, now)
        names = out.decode("utf-8", "backslashreplace").split("\0")
        return None if status else frozenset(f"submissions/{name}" for name in names if name)


def main_files(root: Path) -> MainFiles:
    """The submissions of a checkout of main or, outside a checkout, the files in the folder."""
    git_dir = root / ".git"
    if not git_dir.exists():
        return MainFiles(root)
    lines = git(git_dir, "ls-tree", "-r", "-z", "HEAD", "submissions/").decode("utf-8", "backslashreplace")
    entries = (line.partition("\t") for line in lines.split("\0") if line)
    return MainFiles(root, {path: meta.split()[2] for meta, _, path in entries if meta.startswith("100")})


def _fetch(git_dir: Path, oids: Collection[str]) -> None:
    """Fetches objects of main by name, as git itself does for a missing one, but all in one request."""
    options = ("-q", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--filter=blob:none")
    command = ("fetch", *options, "--recurse-submodules=no", "origin", *oids)
    status, _ = git_status(git_dir, *command, bounded=False, timeout=FETCH_TIMEOUT)
    if status:
        raise RexrankError(f"git fetch failed with status {status}. Run the job again.")
