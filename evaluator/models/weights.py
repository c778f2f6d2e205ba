"""Where the weights of each model are stored, and what exactly they are.

A models directory has one folder per key of `weights.toml`:

    distilroberta-base/  config, weights, vocab.json, merges.txt
    radeval-modernbert/  RadEvalModernBERT as on the hub
    chexbert/            chexbert.pth, and bert-base-uncased's config.json and vocab.txt
    radgraph/            model.tar.gz as published (or its contents) and encoder/ (PubMedBERT's
                         config.json and vocab.txt)
    radgraph-xl/         model.tar.gz as published and encoder/ (CXR-BERT's config.json and vocab.txt)
    ratescore-ner/       RaTE-NER-Deberta as on the hub
    biolord/             BioLORD-2023-C as on the hub
    green/               GREEN-RadLlama2-7b as on the hub (only the tokenizer is read here)

A folder with a file named `STAND-IN` is a small rehearsal model: everything computed with it says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from evaluator.core.files import cache_folder, git_blob_id, sha256_bytes, sha256_file
from evaluator.core.problems import MetricUnavailable, first_line
from evaluator.core.workspace import models_override
from evaluator.models.lock import ModelsLock, Pin, pins, read_lock
from evaluator.models.manifest import ModelSpec, model_specs

STAND_IN_MARK: Final = "STAND-IN"
WEIGHT_NAMES: Final = ("model.safetensors", "pytorch_model.bin")
"""File names of a transformers model's tensors, the preferred one first."""


def models_directory(override: Path | None) -> Path:
    """The directory in force: `override`, else `REXRANK_MODELS`, else the user's cache folder.

    Raises `MetricUnavailable` if none of these is known.
    """
    if folder := models_override(override):
        return folder
    try:
        return cache_folder() / "models"
    except RuntimeError as error:
        raise MetricUnavailable(
            "this user has no home folder to look for weights in. Give a folder with --models, or set REXRANK_MODELS."
        ) from error


def model_directory(key: str, override: Path | None) -> Path:
    """The folder of one model. Raises `MetricUnavailable` naming the command that fetches it."""
    root = models_directory(override)
    folder = root / key
    if not folder.is_dir():
        raise MetricUnavailable(
            f"the weights of {key} are not in {root}. "
            f"Fetch them with: rexrank models fetch {key} --models {root}"
        )
    return folder


def damaged(path: Path, key: str, why: Exception | str) -> MetricUnavailable:
    """The error for a file or folder of a model that cannot be used: name, reason and fix in a sentence."""
    reason = why if isinstance(why, str) else f"{type(why).__name__}: {first_line(why)}"
    return MetricUnavailable(
        f"{path} cannot be used ({reason}). Delete it and fetch it again with: rexrank models fetch {key}"
    )


def weights_digest(key: str, override: Path | None) -> str:
    """SHA-256 over the names and SHA-256 digests of the model folder's files, sorted by name."""
    return folder_digest(model_directory(key, override), key)


def folder_digest(folder: Path, key: str) -> str:
    """SHA-256 over the names and SHA-256 digests of a folder's files, sorted by name, hidden ones excluded.

    Raises `MetricUnavailable` for a file that cannot be read; `key` names the model in its message.
    """
    path, lines = folder, []
    try:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                name = path.relative_to(folder).as_posix()
                lines.append(f"{file_sha256(path)}  {name}")
    except (OSError, RuntimeError) as error:
        raise damaged(path, key, error) from error
    return sha256_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, recomputed only if it changed. Raises `OSError` if it cannot be read."""
    return _digest(sha256_file, path, *_stamp(path))


def _stamp(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


@lru_cache(maxsize=512)
def _digest(digest: Callable[[Path], str], path: Path, size: int, mtime_ns: int) -> str:  # noqa: ARG001 - the memo's key
    return digest(path)


@dataclass(frozen=True, slots=True)
class WeightsLabel:
    """What a signature calls weights, and whether they are the published ones.

    `<key>@<revision, 12 characters>` if every loaded file has its pinned digest, `<key>@stand-in:<digest>`
    for a rehearsal model, else `<key>@unverified:<digest>`.
    """

    key: str
    state: Literal["verified", "stand-in", "unverified", "unknown"]
    value: str

    def __str__(self) -> str:
        plain = self.state in {"verified", "unknown"}
        return f"{self.key}@{self.value}" if plain else f"{self.key}@{self.state}:{self.value}"

    @property
    def trusted(self) -> bool:
        """Whether every file is the published one."""
        return self.state == "verified"

    @classmethod
    def parse(cls, text: str) -> WeightsLabel | None:
        """The label parsed from its text form, or `None` for a text that names no weights."""
        key, at, value = text.partition("@")
        if not at or ":" in key or not key:
            return None
        state, colon, digest = value.partition(":")
        if not colon and state not in {"stand-in", "unverified"}:
            return cls(key, "verified", value)
        if colon and state in {"stand-in", "unverified"}:
            return cls(key, "stand-in" if state == "stand-in" else "unverified", digest)
        # An unknown state is not to be trusted.
        return cls(key, "unknown", value)


def weights_label(key: str, override: Path | None) -> WeightsLabel:
    """What a signature calls the weights of a model. Raises `MetricUnavailable` if they are missing.

    Verified weights are named by their commit, or by the digest of their first file if the manifest says so
    or if they were confirmed by hand and have no commit.
    """
    folder = model_directory(key, override)
    digest = weights_digest(key, override)[:12]
    if (folder / STAND_IN_MARK).is_file():
        return WeightsLabel(key, "stand-in", digest)
    spec = model_specs().get(key)
    if spec and (name := verified_name(spec, folder, read_lock())):
        return WeightsLabel(key, "verified", name[:12])
    return WeightsLabel(key, "unverified", digest)


def verified_name(spec: ModelSpec, folder: Path, lock: ModelsLock) -> str | None:
    """The commit or digest that names verified weights; `None` if any file is not the pinned one."""
    matches = [
        matching_pin(folder / name, pins(spec.key, name, source, lock)) for name, source in spec.files.items()
    ]
    if not matches or any(m is None for m in matches):
        return None
    first, pin = folder / next(iter(spec.files)), matches[0]
    if spec.named_by == "revision" and pin and pin.revision:
        return pin.revision
    return file_sha256(first)


def matching_pin(path: Path, accepted: Sequence[Pin]) -> Pin | None:
    """The pin that a file matches, or `None`; a file that cannot be read matches none."""
    try:
        return next((p for p in accepted if path.is_file() and _fits(path, p)), None)
    except OSError:
        return None


def _fits(path: Path, pin: Pin) -> bool:
    if pin.sha256:
        return file_sha256(path) == pin.sha256
    return _digest(git_blob_id, path, *_stamp(path)) == pin.blob


def file_state(path: Path, accepted: Sequence[Pin]) -> str:
    """`absent`, `unreadable`, `verified`, `wrong` (no pin matches) or `unverified` (there is no pin)."""
    try:
        if not path.is_file():
            return "absent"
        file_sha256(path)
    except OSError:
        return "unreadable"
    if not accepted:
        return "unverified"
    return "verified" if matching_pin(path, accepted) else "wrong"
