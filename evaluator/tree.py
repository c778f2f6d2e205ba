"""Files as data: a tree of entries that checks may read, from a folder or from git blobs.

Checks see only this, so that the same code runs on a participant's machine and on the blobs of a
pull request that is never checked out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from evaluator.problems import RexrankError

EntryKind = Literal["file", "symlink", "directory", "submodule", "other"]
MAX_ENTRIES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of a tree: posix path, kind, size in bytes, and how to read at most so many bytes."""

    path: str
    kind: EntryKind
    size: int
    read: Callable[[int], bytes]

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> str:
        """The path without its last part."""
        return self.path.rpartition("/")[0]


class Tree(Mapping[str, Entry]):
    """Entries by path, in the order of the paths."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = {e.path: e for e in sorted(entries, key=lambda e: e.path)}

    def __getitem__(self, path: str) -> Entry:
        return self._entries[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def children(self, folder: str) -> list[Entry]:
        """The entries directly in `folder`."""
        return [e for e in self._entries.values() if e.parent == folder]

    def below(self, folder: str) -> list[Entry]:
        """Every entry below `folder`."""
        start = f"{folder}/" if folder else ""
        return [e for p, e in self._entries.items() if p.startswith(start)]


def read_directory(root: Path, shown: str) -> Tree:
    """The tree below `root`, its paths starting with `shown`; links are listed, never followed.

    Raises `RexrankError` when the folder cannot be read or holds absurdly many names.
    """
    entries: list[Entry] = []
    pending = [(root, shown)]
    try:
        while pending:
            folder, prefix = pending.pop()
            for item in os.scandir(folder):
                path = f"{prefix}/{item.name}" if prefix else item.name
                entries.append(_entry(Path(item.path), path))
                if entries[-1].kind == "directory":
                    pending.append((Path(item.path), path))
                if len(entries) > MAX_ENTRIES:
                    raise RexrankError(
                        f"{shown} holds more than {MAX_ENTRIES} names; give a submission folder."
                    )
    except OSError as error:
        raise RexrankError(f"cannot read {error.filename}: {error.strerror}.") from error
    return Tree(entries)


def _entry(path: Path, shown: str) -> Entry:
    status = path.lstat()
    kinds: dict[int, EntryKind] = {stat.S_IFREG: "file", stat.S_IFLNK: "symlink", stat.S_IFDIR: "directory"}
    kind = kinds.get(stat.S_IFMT(status.st_mode), "other")

    def read(limit: int) -> bytes:
        with path.open("rb") as source:
            return source.read(limit)

    return Entry(shown, kind, status.st_size, read)
