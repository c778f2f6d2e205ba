"""A list of entries in a folder that several machines share, without locks and without overwriting.

Entry n is the file named n. It is written in full under a temporary name and then linked to its number, which
the file system allows one process and refuses every other. So an entry exists in full or not at all, two
writers never get the same number, and the second writer has to read the first one's entry before it tries the
next number.

`flock` is not used: network disks implement it poorly or not at all. They may also show a file late, or
repeat a request whose reply was lost. Neither does harm: a number that only looks free is refused by the
link, and a refused link whose entry is already ours had succeeded the first time.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evaluator.core.files import TEMPORARY
from evaluator.core.problems import RexrankError
from evaluator.core.stopping import unbroken

NAME: Final = re.compile(r"([0-9]{8})\.json")
TRIES: Final = 60
"""How often a disk that shows files late is asked, with a longer pause each time: 30 seconds in all."""


@dataclass(frozen=True, slots=True)
class Journal:
    """The entries below `folder`, numbered from 1; `pause` sleeps for a number of seconds."""

    folder: Path
    pause: Callable[[float], None] = time.sleep

    def read(self) -> list[bytes]:
        """Every entry, oldest first; raises `RexrankError` where one is missing or cannot be read."""
        for number in range(TRIES):
            entries, missing = self._seen()
            if missing is None:
                return entries
            self.pause(number / TRIES)
        raise RexrankError(f"{missing} is missing although later entries exist. Restore it from a backup.")

    def append(self, make: Callable[[Sequence[bytes]], bytes | None]) -> bool:
        """Whether an entry was added: what `make` gives for all entries before it, `None` for none.

        `make` is called again when another writer's entry came first, and may raise. Its result must differ
        from every other entry: include a random id. Raises `RexrankError` where nothing can be written.
        """
        for number in range(TRIES):
            entries = self.read()
            data = make(entries)
            if data is None:
                return False
            if self._add(len(entries) + 1, data):
                return True
            self.pause(number / TRIES)
        raise RexrankError(f"{self.folder} does not show what other machines write there. Check its disk.")

    def path(self, number: int) -> Path:
        """The path of an entry."""
        return self.folder / f"{number:08d}.json"

    def _seen(self) -> tuple[list[bytes], Path | None]:
        """The entries up to the first gap, and the path of the missing entry if later ones exist."""
        try:
            names = [p.name for p in self.folder.iterdir()]
        except FileNotFoundError:
            names = []
        except OSError as error:
            raise RexrankError(f"cannot read {self.folder}: {error.strerror or error}.") from error
        last = max((int(m[1]) for m in map(NAME.fullmatch, names) if m), default=0)
        entries: list[bytes] = []
        while True:
            path = self.path(len(entries) + 1)
            try:
                # Also by name beyond the listing, which a network disk may cache for a while.
                entries.append(path.read_bytes())
            except FileNotFoundError:
                return entries, path if len(entries) < last else None
            except OSError as error:
                raise RexrankError(f"cannot read {path}: {error.strerror or error}.") from error

    def _add(self, number: int, data: bytes) -> bool:
        """Whether the entry of this number is ours now."""
        path = self.path(number)
        temporary = self.folder / f".{path.name}.{secrets.token_hex(8)}{TEMPORARY}"
        try:
            with unbroken():
                self.folder.mkdir(parents=True, exist_ok=True)
                with temporary.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                with suppress(FileExistsError):
                    os.link(temporary, path)
                _sync(self.folder)
        except OSError as error:
            # The link may have succeeded although its reply was lost.
            if not _holds(path, data):
                raise RexrankError(f"cannot write {path}: {error.strerror or error}.") from error
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        return _holds(path, data)


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except OSError:
        return False


def _sync(folder: Path) -> None:
    """Waits until the folder's entries are on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
