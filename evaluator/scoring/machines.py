"""What each machine of a shared store scores with: each leaves a note there, and differences are reported.

Numbers with the same signature are taken as comparable, whichever machine computed them. A signature names
weights and judges, but neither the kind of GPU nor the salt of a board's draws: machines that differ in those
would be mixed on a board.
"""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from evaluator.core.files import dump_json, write_derived
from evaluator.core.problems import MetricUnavailable, RexrankError
from evaluator.core.typed import Typed, view
from evaluator.models.judges.settings import JudgeSettings
from evaluator.scoring.provenance import device_name, package_versions, today

FOLDER: Final = "machines"
MAX_NOTE_BYTES: Final = 100_000


class MachineNote(Typed):
    """What a machine scores with. It stays in the store: the digest of a salt is confidential."""

    schema_: Literal["rexrank/machine/v1"] = Field("rexrank/machine/v1", alias="schema")
    name: str
    noted: str
    device: str
    salt: str
    weights: Mapping[str, str]
    judges: Mapping[str, str]
    packages: Mapping[str, str]


def describe(device: str, models: Path | None, judges: Mapping[str, JudgeSettings], salt: str) -> MachineNote:
    """This machine's note: its GPU, and digests of its salt and of its weights."""
    from evaluator.models.manifest import model_specs
    from evaluator.models.weights import weights_digest

    weights = {}
    for key in model_specs():
        with suppress(MetricUnavailable):
            weights[key] = weights_digest(key, models)[:12]
    try:
        processor = device_name(device)
    except (ImportError, OSError, RuntimeError):
        processor = device
    return MachineNote(
        schema="rexrank/machine/v1",
        name=re.sub(r"[^A-Za-z0-9.-]", "-", platform.node())[:60] or "machine",
        noted=today(),
        device=processor,
        salt=hashlib.sha256(f"rexrank machine {salt}".encode()).hexdigest()[:16],
        weights=weights,
        judges={key: f"{j.model}@{j.revision or 'unpinned'}, {j.decoding}" for key, j in judges.items()},
        packages=package_versions(),
    )


def leave_note(store: Path, note: MachineNote) -> None:
    """Nothing; leaves a machine's note in the store. Failing to write it is not a reason to stop."""
    if store.is_dir():
        with suppress(RexrankError, OSError):
            write_derived(store, f"{FOLDER}/{note.name}.json", dump_json(view(note)))


def other_machines(store: Path, own: MachineNote) -> Iterator[MachineNote]:
    """The notes of the other machines of a store, by name; a damaged one is left out and rewritten by its machine."""
    for path in sorted((store / FOLDER).glob("*.json")):
        with suppress(OSError, ValidationError):
            if path.is_file() and path.stat().st_size <= MAX_NOTE_BYTES:
                note = MachineNote.model_validate_json(path.read_bytes())
                if note.name != own.name:
                    yield note


def unlike(own: MachineNote, other: MachineNote) -> list[str]:
    """How another machine differs from this one, in words; empty if they are alike."""
    whose = f"{other.name} (noted {other.noted})"
    lines = []
    if other.device != own.device:
        lines.append(f"{whose}: {other.device}, here {own.device}")
    if other.salt != own.salt:
        lines.append(f"{whose}: another salt")
    for what, theirs, ours in (
        ("weights of", other.weights, own.weights),
        ("judge of", other.judges, own.judges),
        ("version of", other.packages, own.packages),
    ):
        pairs = {k: (theirs.get(k, "missing"), ours.get(k, "missing")) for k in sorted({*theirs, *ours})}
        lines += [f"{whose}: {what} {k} {a[:90]}, here {b[:90]}" for k, (a, b) in pairs.items() if a != b]
    return lines
