"""A list of entries in a folder that several machines share: nothing is locked, and nothing is written over.

Entry n is the file of number n. It is written whole under a name of its own and then linked to its number, which the
file system does for one process and refuses to every other. So an entry is there whole or not at all, two writers
never have the same number, and whoever came second has to look at the first one's entry before it tries the next.

A lock of the kind `flock` is not asked: network disks keep it badly or not at all. They may show a file late, and
may do a request again whose answer was lost. Neither harms: a number that looks free and is not is refused by the
link, and a refused link whose entry is already ours was one that had been done.
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
"""How often a disk is asked that shows a file late, with a longer pause each time: 30 seconds in all."""


@dataclass(frozen=True, slots=True)
class Journal:
    """The entries below `folder`, numbered from 1; `pause` waits so many seconds."""

    folder: Path
    pause: Callable[[float], None] = time.sleep

    def read(self) -> list[bytes]:
        """Every entry, oldest first; raises `RexrankError` where one is missing or cannot be read."""
        for number in range(TRIES):
            entries, missing = self._seen()
            if missing is None:
                return entries
            self.pause(number / TRIES)
        raise RexrankError(f"{missing} is missing: later entries are there. Restore it from a backup.")

    def append(self, make: Callable[[Sequence[bytes]], bytes | None]) -> bool:
        """Whether an entry was added: what `make` gives for all entries before it, `None` for none.

        `make` is asked again when somebody else's entry came between, and may raise. What it gives must not be the
        bytes of another entry: let it hold a random id. Raises `RexrankError` where nothing can be written.
        """
        for number in range(TRIES):
            entries = self.read()
            data = make(entries)
            if data is None:
                return False
            if self._add(len(entries) + 1, data):
                return True
            self.pause(number / TRIES)
        raise RexrankError(f"{self.folder} does not show what others write there. Look at its disk.")

    def path(self, number: int) -> Path:
        """Where an entry lies."""
        return self.folder / f"{number:08d}.json"

    def _seen(self) -> tuple[list[bytes], Path | None]:
        """The entries up to the first gap, and the path of the one that is missing before a later one."""
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
                # By its name beyond the listing too, which a network disk may keep for a while.
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
            # The answer may be lost of a link that was done.
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
    """Waits until the disk has the folder's names."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
