"""Files written whole or not at all, and digests of what is read."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from evaluator.core.problems import RexrankError


@contextmanager
def atomic_writer(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that appears under `path` only when the block ends without an error.

    Raises `RexrankError` with a sentence that says what to do when the disk is full or the folder
    cannot be written; nothing half-written is left in either case.
    """
    handle: IO[bytes] | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".tmp", delete=False
        ) as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        temporary = Path(handle.name)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if handle is not None:
            Path(handle.name).unlink(missing_ok=True)
        raise RexrankError(
            f"cannot write {path}: {error.strerror or error}. "
            "Free some disk space or choose another folder, then run the same command again."
        ) from error
    except BaseException:
        if handle is not None:
            Path(handle.name).unlink(missing_ok=True)
        raise


def write_bytes(path: Path, data: bytes) -> bool:
    """Whether `path` changed: writes atomically, and not at all when it already holds `data`."""
    try:
        if path.read_bytes() == data:
            return False
    except OSError:
        pass
    with atomic_writer(path) as out:
        out.write(data)
    return True


def write_text(path: Path, text: str) -> bool:
    """As `write_bytes`, for UTF-8 text."""
    return write_bytes(path, text.encode("utf-8"))


def dump_json(value: Any) -> str:
    """Canonical JSON text: sorted keys, two spaces, full float precision, no NaN, final newline.

    Raises `ValueError` for NaN or infinity: unknown is `None`, never a number.
    """
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of `data`, in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
