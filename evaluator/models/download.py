"""Fetching and verifying weights: pinned revisions, digests, whole files or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluator.core.files import atomic_writer, sha256_file
from evaluator.core.problems import InputError, RexrankError
from evaluator.models.weights import (
    STAND_IN_MARK,
    ModelSpec,
    Source,
    file_state,
    model_specs,
    models_directory,
)

Download = Callable[[Source, str, Path], Path]
"""Called with (source, file name, folder); returns the path of the downloaded file."""


@dataclass(frozen=True, slots=True)
class ModelState:
    """A model as it lies in a directory: state per file, and one word for the whole.

    `state`: `verified`, `unverified`, `wrong`, `unreadable`, `incomplete`, `absent` or `stand-in`.
    """

    spec: ModelSpec
    state: str
    files: dict[str, str]


def states(override: Path | None) -> list[ModelState]:
    """Every model of the manifest as it lies in the models directory."""
    root = models_directory(override)
    return [state_of(spec, root / spec.key) for spec in model_specs().values()]


def state_of(spec: ModelSpec, folder: Path) -> ModelState:
    """One model's state. Every file is read, so that large weights take a moment."""
    files = {name: file_state(folder / name, source) for name, source in spec.files.items()}
    found = set(files.values())
    if (folder / STAND_IN_MARK).is_file():
        whole = "stand-in"
    elif found == {"absent"}:
        whole = "absent"
    elif bad := found & {"wrong", "unreadable"}:
        whole = max(bad)
    elif "absent" in found:
        whole = "incomplete"
    else:
        whole = "unverified" if "unverified" in found else "verified"
    return ModelState(spec, whole, files)


def fetch(key: str, override: Path | None, download: Download | None = None) -> Path:
    """The model's folder, after downloading what is not there yet at its pinned revision.

    A file with another digest than the recorded one is deleted and never used. Raises
    `RexrankError` that says how to get a gated model, or what the manifest lacks.
    """
    specs = model_specs()
    if key not in specs:
        raise InputError(f"there is no model {key!r}; choose from: {', '.join(specs)}.")
    spec, folder = specs[key], models_directory(override) / key
    for name, source in spec.files.items():
        if file_state(folder / name, source) in {"verified", "unverified"}:
            continue
        if not source.hub:
            raise InputError(f"{key} cannot be downloaded. {spec.gated}")
        if not source.revision:
            raise RexrankError(
                f"weights.toml records no revision of {source.hub} for {name}; a moving download is never trusted. "
                f"Put the file into {folder} by hand, or record a revision first."
            )
        _fetch_file(source, name, folder, download or hub_download)
    return folder


def _fetch_file(source: Source, name: str, folder: Path, download: Download) -> None:
    scratch = folder / ".download"
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        path = download(source, Path(name).name, scratch)
        digest = sha256_file(path)
        if source.sha256 and digest != source.sha256:
            raise RexrankError(
                f"{source.hub}@{source.revision[:12]}/{name} has the digest {digest}, not the recorded "
                f"{source.sha256}. It was deleted; do not use it, and tell the maintainers."
            )
        with path.open("rb") as source_file, atomic_writer(folder / name) as out:
            shutil.copyfileobj(source_file, out, 1 << 20)
    except OSError as error:
        raise RexrankError(
            f"cannot fetch {name} of {source.hub}: {error}. Check the network and the disk."
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def hub_download(source: Source, name: str, folder: Path) -> Path:
    """A file of the model hub at a full revision, downloaded into `folder`."""
    try:
        from huggingface_hub import hf_hub_download
    except ModuleNotFoundError as error:
        raise RexrankError("fetching needs huggingface_hub. Install: pip install -e '.[score]'") from error
    try:
        return Path(hf_hub_download(source.hub, name, revision=source.revision, local_dir=folder))
    except Exception as error:
        where = os.environ.get("HF_ENDPOINT", "the model hub")
        raise RexrankError(
            f"cannot fetch {name} of {source.hub} from {where}: {type(error).__name__}. Check the network; for an "
            "offline runner copy the models directory from another machine."
        ) from error


def open_models() -> Sequence[str]:
    """Keys of the models that can be downloaded without asking anybody."""
    return [k for k, s in model_specs().items() if not s.gated and all(f.revision for f in s.files.values())]
