"""Files as data: a tree of entries that checks may read, from a folder or from git blobs.

Checks see only this, so that the same code runs on a participant's machine and on the blobs of a pull
request, which is never checked out.
"""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from evaluator.core.problems import InputError

EntryKind = Literal["file", "symlink", "directory", "submodule", "other"]
MAX_ENTRIES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a tree: POSIX path, kind, size in bytes, and a function that reads at most a number of bytes."""

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
    """Entries by path, in the order of the paths.

    Folders that appear only in paths (git lists only files) are entries too, so that nothing can hide in one.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        by_path = {e.path: e for e in entries}
        for path in list(by_path):
            parent = path.rpartition("/")[0]
            while parent and parent not in by_path:
                by_path[parent] = Entry(parent, "directory", 0, _no_bytes)
                parent = parent.rpartition("/")[0]
        self._entries = dict(sorted(by_path.items()))
        self._children: dict[str, list[Entry]] = {}
        for entry in self._entries.values():
            self._children.setdefault(entry.parent, []).append(entry)

    def __getitem__(self, path: str) -> Entry:
        return self._entries[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def children(self, folder: str) -> list[Entry]:
        """The entries directly in `folder`."""
        return list(self._children.get(folder, ()))

    def below(self, folder: str) -> list[Entry]:
        """Every entry below `folder`, at any depth."""
        below: list[Entry] = []
        pending = self.children(folder)
        while pending:
            entry = pending.pop()
            below.append(entry)
            pending += self._children.get(entry.path, ())
        return sorted(below, key=lambda e: e.path)  # tie: none, paths differ


def _no_bytes(_: int) -> bytes:
    return b""


def read_directory(root: Path, shown: str) -> Tree:
    """The tree below `root`, its paths starting with `shown`; links are listed, never followed.

    Raises `InputError` if the folder cannot be read or has absurdly many entries.
    """
    entries: list[Entry] = []
    pending = [(root, shown)]
    try:
        while pending:
            folder, prefix = pending.pop()
            with os.scandir(folder) as listing:
                items = list(itertools.islice(listing, MAX_ENTRIES + 1))
            for item in items:
                path = f"{prefix}/{item.name}" if prefix else item.name
                entries.append(_entry(Path(item.path), path))
                if entries[-1].kind == "directory":
                    pending.append((Path(item.path), path))
                if len(entries) > MAX_ENTRIES:
                    raise InputError(
                        f"{shown} contains more than {MAX_ENTRIES} names; give a submission folder."
                    )
    except OSError as error:
        raise InputError(f"cannot read {error.filename}: {error.strerror}.") from error
    return Tree(entries)


def _entry(path: Path, shown: str) -> Entry:
    status = path.lstat()
    kinds: dict[int, EntryKind] = {stat.S_IFREG: "file", stat.S_IFLNK: "symlink", stat.S_IFDIR: "directory"}
    kind = kinds.get(stat.S_IFMT(status.st_mode), "other")

    def read(limit: int) -> bytes:
        try:
            with path.open("rb") as source:
                return source.read(limit)
        except OSError as error:
            raise InputError(
                f"cannot read {path}: {error.strerror or error}. Make it readable, then run the same command again."
            ) from error

    return Entry(shown, kind, status.st_size, read)
