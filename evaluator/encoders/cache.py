"""A content-addressed cache of what an encoder made of one text.

The key is (namespace, text): a namespace names everything else that can change the result (model
digest, operation, dtype, device kind, library versions). Values are numpy arrays or JSON values,
never pickles, so that a writable cache folder cannot run code.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


class TextCache:
    """Results by (namespace, text) in one folder, safe under concurrent writers.

    Each entry is one file written to a temporary name and renamed; a damaged entry counts as
    absent. `prune` keeps the folder under a size, least recently used first.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, namespace: str, text: str) -> Path:
        """The file of one entry."""
        space = hashlib.sha256(namespace.encode()).hexdigest()[:16]
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return self.root / space / digest[:2] / digest[2:]

    def get_many(self, namespace: str, texts: Sequence[str]) -> list[Any | None]:
        """Per text, the stored value or `None`."""
        return [self._read(self.path(namespace, text)) for text in texts]

    def put_many(self, namespace: str, texts: Sequence[str], values: Sequence[Any]) -> None:
        """Store one value (numpy array or JSON value) per text."""
        for text, value in zip(texts, values, strict=True):
            self._write(self.path(namespace, text), value)

    def info(self) -> dict[str, int]:
        """Number of entries and their bytes."""
        sizes = [p.stat().st_size for p in self._entries()]
        return {"entries": len(sizes), "bytes": sum(sizes)}

    def prune(self, max_bytes: int) -> dict[str, int]:
        """Delete the least recently used entries until at most `max_bytes` remain."""
        entries = sorted(((p.stat().st_mtime, p.stat().st_size, p) for p in self._entries()), reverse=True)
        kept = removed = total = 0
        for _, size, path in entries:
            if total + size <= max_bytes:
                total += size
                kept += 1
            else:
                path.unlink(missing_ok=True)
                removed += 1
        return {"kept": kept, "removed": removed, "bytes": total}

    def _entries(self) -> list[Path]:
        return [p for p in self.root.glob("*/*/*") if p.is_file() and not p.name.startswith(".")]

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

    def _write(self, path: Path, value: Any) -> None:
        if isinstance(value, np.ndarray):
            buffer = io.BytesIO()
            np.save(buffer, value, allow_pickle=False)
            data = b"N" + buffer.getvalue()
        else:
            data = b"J" + json.dumps(value, allow_nan=False).encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as out:
                out.write(data)
            Path(out.name).replace(path)
        except OSError:
            return  # a cache that cannot be written only costs time
