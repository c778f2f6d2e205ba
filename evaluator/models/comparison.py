"""Two maintainers' weights compared: the local ones written to a file, and the differences of two files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from evaluator.core.problems import InputError, RexrankError
from evaluator.models.lock import LockedFile, ModelsLock, locked_source, pins, read_lock, record_files
from evaluator.models.manifest import ModelSpec, Source, model_specs
from evaluator.models.weights import STAND_IN_MARK, file_sha256, matching_pin, models_directory

Agreement = Literal["same", "different", "only here", "only there"]
SAME: Final[Agreement] = "same"


def recorded(override: Path | None) -> ModelsLock:
    """The contents of the models directory, in the form of a lock; stand-ins are left out.

    A file that matches a pin has a repository and a commit; one of unknown origin has neither. Raises
    `RexrankError` for a file that cannot be read.
    """
    lock, root = read_lock(), models_directory(override)
    models: dict[str, dict[str, LockedFile]] = {}
    for spec in model_specs().values():
        folder = root / spec.key
        if (folder / STAND_IN_MARK).is_file():
            continue
        files = {n: _entry(spec, n, s, folder, lock) for n, s in spec.files.items() if (folder / n).is_file()}
        if files:
            models[spec.key] = files
    return ModelsLock(models)


def _entry(spec: ModelSpec, name: str, source: Source, folder: Path, lock: ModelsLock) -> LockedFile:
    path = folder / name
    try:
        size, sha256 = path.stat().st_size, file_sha256(path)
    except OSError as error:
        raise RexrankError(f"cannot read {path}: {error.strerror or error}.") from error
    pin = matching_pin(path, pins(spec.key, name, source, lock))
    entry = locked_source(spec.key, name, source, lock)
    known = bool(pin and pin.revision and source.hub)
    return LockedFile(
        hub=source.hub if known else "",
        name=(source.name or Path(name).name) if known else Path(name).name,
        revision=pin.revision if known and pin else "",
        size=size,
        sha256=sha256,
        blob=entry.blob if known and entry and entry.sha256 == sha256 else "",
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """One file on both sides."""

    key: str
    name: str
    agreement: Agreement
    here: LockedFile | None
    there: LockedFile | None


def compare(here: ModelsLock, there: ModelsLock) -> list[Difference]:
    """Every file of either side, by model and name. Raises `InputError` if no file is on both sides."""
    rows = []
    for key in sorted(here.root.keys() | there.root.keys()):  # tie: none, keys differ
        ours: Mapping[str, LockedFile] = here.root.get(key, {})
        theirs: Mapping[str, LockedFile] = there.root.get(key, {})
        for name in sorted(ours.keys() | theirs.keys()):  # tie: none, names differ
            a, b = ours.get(name), theirs.get(name)
            rows.append(Difference(key, name, _agreement(a, b), a, b))
    if not any(d.here and d.there for d in rows):
        raise InputError(
            "the two have no file in common, so nothing was compared. Wanted a file written by: rexrank "
            "models record --out FILE"
        )
    return rows


def _agreement(here: LockedFile | None, there: LockedFile | None) -> Agreement:
    if here is None:
        return "only there"
    if there is None:
        return "only here"
    return SAME if (here.sha256, here.size) == (there.sha256, there.size) else "different"


def confirm(differences: list[Difference], lock_file: Path) -> int:
    """How many files were added to the lock: those equal on both sides and not pinned before.

    Raises `InvalidFile` for a lock that cannot be used.
    """
    lock, specs, n_added = read_lock(lock_file), model_specs(), 0
    for d in differences:
        spec = specs.get(d.key)
        source = spec.files.get(d.name) if spec else None
        if d.agreement != SAME or source is None or d.here is None:
            continue
        if any(p.sha256 == d.here.sha256 for p in pins(d.key, d.name, source, lock)):
            continue
        plain = d.here.model_copy(update={"hub": "", "revision": "", "blob": "", "name": Path(d.name).name})
        record_files(lock_file, d.key, {d.name: plain})
        n_added += 1
    return n_added
