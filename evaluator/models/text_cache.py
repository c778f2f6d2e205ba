"""A content-addressed cache of encoder results, one per text.

The key is (namespace, text): a namespace covers everything else that can change the result (model digest,
operation, dtype, device kind, library versions). Values are numpy arrays or JSON values, never pickles, so
that a writable cache folder cannot run code.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import stat
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

MAX_BYTES: Final = 20_000_000_000
"""Largest size of a cache: enough for the references of the four datasets on both tracks, and some
submissions."""
STALE_AFTER: Final = 3600
"""Seconds after which a temporary file no longer belongs to any writer."""


class TextCache:
    """Results by (namespace, text) in one folder, safe under concurrent writers.

    Each entry is one file written to a temporary name and renamed; a damaged entry counts as absent. The
    folder stays below `max_bytes`: the least recently used entries are removed.
    """

    def __init__(self, root: Path, max_bytes: int = MAX_BYTES) -> None:
        self.root = root
        self.max_bytes = max_bytes
        self._bytes: int | None = None

    def path(self, namespace: str, text: str) -> Path:
        """The file of one entry."""
        space = hashlib.sha256(namespace.encode()).hexdigest()[:16]
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return self.root / space / digest[:2] / digest[2:]

    def get_many(self, namespace: str, texts: Sequence[str]) -> list[Any | None]:
        """Per text, the stored value or `None`."""
        return [self._read(self.path(namespace, text)) for text in texts]

    def put_many(self, namespace: str, texts: Sequence[str], values: Sequence[Any]) -> None:
        """Nothing; stores one value (numpy array or JSON value) per text and keeps the folder below its limit.

        The size is measured at the first call; other processes account for what they add meanwhile.
        """
        if self._bytes is None:
            self._bytes = self.info()["bytes"]
        for text, value in zip(texts, values, strict=True):
            self._bytes += self._write(self.path(namespace, text), value)
        if self._bytes > self.max_bytes:
            self._bytes = self.prune(self.max_bytes * 9 // 10)["bytes"]

    def info(self) -> dict[str, int]:
        """Number of entries and their bytes."""
        sizes = [size for _, size, _ in self._entries()]
        return {"entries": len(sizes), "bytes": sum(sizes)}

    def prune(self, max_bytes: int) -> dict[str, int]:
        """How many entries were `kept` and `removed`, and the `bytes` that remain, at most `max_bytes`: the least recently used go first.

        Files left behind by killed writers are removed too, once they are an hour old.
        """
        for _, _, path in self._files(lambda p: p.name.startswith("."), time.time() - STALE_AFTER):
            path.unlink(missing_ok=True)
        entries = sorted(self._entries(), reverse=True)
        n_kept = n_removed = total = 0
        for _, size, path in entries:
            if total + size <= max_bytes:
                total += size
                n_kept += 1
            else:
                path.unlink(missing_ok=True)
                n_removed += 1
        return {"kept": n_kept, "removed": n_removed, "bytes": total}

    def _entries(self) -> list[tuple[float, int, Path]]:
        return self._files(lambda p: not p.name.startswith("."), math.inf)

    def _files(self, wanted: Callable[[Path], bool], before: float) -> list[tuple[float, int, Path]]:
        """(time of use, bytes, path) of the files last used before a time."""
        files = []
        for path in self.root.glob("*/*/*"):
            try:
                state = path.stat()
            except FileNotFoundError:
                continue  # another process pruned it meanwhile
            if stat.S_ISREG(state.st_mode) and wanted(path) and state.st_mtime < before:
                files.append((state.st_mtime, state.st_size, path))
        return files

    def _read(self, path: Path) -> Any | None:
        try:
            data = path.read_bytes()
            if data[:1] == b"N":
                value: Any = np.load(io.BytesIO(data[1:]), allow_pickle=False)
            elif data[:1] == b"J":
                value = json.loads(data[1:])
            else:
                return None
            os.utime(path)
        except (OSError, ValueError, EOFError):
            return None
        return value

    def _write(self, path: Path, value: Any) -> int:
        """The bytes written, 0 if that failed."""
        if isinstance(value, np.ndarray):
            buffer = io.BytesIO()
            np.save(buffer, value, allow_pickle=False)
            data = b"N" + buffer.getvalue()
        else:
            data = b"J" + json.dumps(value, allow_nan=False).encode()
        temporary: Path | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as out:
                temporary = Path(out.name)
                out.write(data)
            temporary.replace(path)
        except OSError:  # a cache that cannot be written only costs time
            if temporary is not None:
                temporary.unlink(missing_ok=True)
            return 0
        return len(data)
