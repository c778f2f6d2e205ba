"""`models.lock`: pins, as the model hub gave them, for files that the manifest does not pin.

The file is written by `rexrank models fetch` and committed to the host's repository. It records the commit,
the size and the digests by model and file; a file that matches it counts as verified, like one that matches
the manifest. For a file on no hub (gated archives), two maintainers compare their own copies, and the entry
has no repository.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from evaluator.core.files import dump_json, write_text
from evaluator.core.host_files import read_host_file
from evaluator.core.problems import InputError
from evaluator.core.typed import Sha256, Typed, TypedTable, form
from evaluator.models.manifest import BlobId, FileName, ModelKey, Source

LOCK_NAME: Final = "models.lock"
MAX_BYTES: Final = 1_000_000


class LockedFile(Typed):
    """One file of a model as the hub gave it, or as two maintainers both have it."""

    hub: Annotated[
        str,
        form(r"(?:[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)?", "owner/name on the hub, or nothing", longest=200),
    ] = Field(description="Repository on the hub; empty for a file that was compared by hand.")
    name: FileName = Field(description="The file's name there.")
    revision: Annotated[str, form("(?:[0-9a-f]{40})?", "a commit of 40 hexadecimal digits, or nothing")] = (
        Field(description="Commit of the repository; empty for a file that was compared by hand.")
    )
    size: Annotated[int, Field(ge=0)] = Field(description="Size in bytes.")
    sha256: Sha256 = Field(description="Digest of the file.")
    blob: BlobId = Field(default="", description="Git blob id, where the hub names the file by it.")


class ModelsLock(TypedTable[ModelKey, dict[FileName, LockedFile]]):
    """The files that this repository pins in addition to the manifest, by model and name."""


@dataclass(frozen=True, slots=True)
class Pin:
    """What a file must match: its commit (or nothing), and its SHA-256 or else its git blob id."""

    revision: str
    sha256: str
    blob: str


def lock_path(override: Path | None = None) -> Path:
    """`override`, else `REXRANK_MODELS_LOCK`, else `models.lock` in the current directory."""
    return override or Path(os.environ.get("REXRANK_MODELS_LOCK") or LOCK_NAME)


def read_lock(override: Path | None = None) -> ModelsLock:
    """The lock in force, empty if there is no file. Raises `InvalidFile` with every problem of it."""
    path = lock_path(override)
    if not path.exists():
        return ModelsLock({})
    return read_host_file(path, ModelsLock, limit=MAX_BYTES, form="JSON")


def record_files(path: Path, key: str, files: dict[str, LockedFile]) -> None:
    """Nothing; adds a model's files to a lock file, replacing earlier entries of the same names.

    Raises `InvalidFile` for a lock that cannot be used.
    """
    rows: dict[str, dict[str, Any]] = read_lock(path).model_dump(mode="json")
    rows.setdefault(key, {}).update({name: file.model_dump(mode="json") for name, file in files.items()})
    write_text(path, dump_json(rows))


def pins(key: str, name: str, source: Source, lock: ModelsLock) -> tuple[Pin, ...]:
    """The accepted pins of a model's file: the manifest's and the lock's.

    An entry for another repository or commit than the manifest's is left out: it belongs to an earlier
    manifest. Raises `InputError` if both pin the same file at the same commit and disagree.
    """
    accepted = [Pin(source.revision, source.sha256, source.blob)] if source.pinned else []
    if (entry := lock.root.get(key, {}).get(name)) is None:
        return tuple(accepted)
    if entry.hub:
        if not _same_place(entry, name, source):
            return tuple(accepted)
        if (source.sha256 and source.sha256 != entry.sha256) or (
            source.blob and entry.blob and source.blob != entry.blob
        ):
            raise InputError(
                f"{LOCK_NAME} and weights.toml disagree about {key}/{name} at {entry.revision[:12]}. "
                "One of them was changed: find out which, and remove the other entry."
            )
    return (*accepted, Pin(entry.revision, entry.sha256, entry.blob))


def locked_source(key: str, name: str, source: Source, lock: ModelsLock) -> LockedFile | None:
    """The entry that says where to fetch a file from, or `None`."""
    entry = lock.root.get(key, {}).get(name)
    return entry if entry is not None and entry.hub and _same_place(entry, name, source) else None


def _same_place(entry: LockedFile, name: str, source: Source) -> bool:
    """Whether an entry is for the file that the manifest means; an unspecified commit matches every one."""
    wanted = source.name or Path(name).name
    return (entry.hub, entry.name) == (source.hub, wanted) and source.revision in {"", entry.revision}
