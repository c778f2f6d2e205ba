"""Where the weights of each model lie, and what exactly they are.

A models directory has one folder per key of `weights.toml`:

    distilroberta-base/  config, weights, vocab.json, merges.txt
    chexbert/            chexbert.pth, and bert-base-uncased's config.json and vocab.txt
    radgraph/            model.tar.gz as published (or its contents) and encoder/ (PubMedBERT's
                         config.json and vocab.txt)
    ratescore-ner/       RaTE-NER-Deberta as on the hub
    biolord/             BioLORD-2023-C as on the hub
    green/               GREEN-RadLlama2-7b as on the hub (only the tokenizer is read here)

A folder that holds a file named `STAND-IN` is a small rehearsal model: whatever it touches says so.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

from evaluator.core.files import sha256_bytes, sha256_file
from evaluator.core.problems import MetricUnavailable

STAND_IN_MARK: Final = "STAND-IN"


@dataclass(frozen=True, slots=True)
class Source:
    """Where one file of a model comes from; empty texts are not recorded yet."""

    hub: str
    revision: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One entry of `weights.toml`; `gated` says how to get what cannot be downloaded, or is empty."""

    key: str
    title: str
    licence: str
    gated: str
    size_mb: int
    metrics: tuple[str, ...]
    files: dict[str, Source]

    @property
    def revision(self) -> str:
        """The revision of the first file, or the digest that stands for one."""
        first = next(iter(self.files.values()))
        return first.revision or first.sha256


@cache
def model_specs() -> dict[str, ModelSpec]:
    """Every model of the manifest, by key."""
    raw = resources.files("evaluator.models").joinpath("weights.toml").read_text("utf-8")
    table: dict[str, dict[str, Any]] = tomllib.loads(raw)
    return {key: _spec(key, entry) for key, entry in table.items()}


def _spec(key: str, entry: dict[str, Any]) -> ModelSpec:
    files = {name: Source(**source) for name, source in entry["files"].items()}
    return ModelSpec(key=key, **{**entry, "metrics": tuple(entry["metrics"]), "files": files})


def models_directory(override: Path | None) -> Path:
    """The directory in force: `override`, else `REXRANK_MODELS`, else the user's cache folder."""
    if override is not None:
        return override
    if configured := os.environ.get("REXRANK_MODELS"):
        return Path(configured)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "rexrank" / "models"


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


def weights_digest(key: str, override: Path | None) -> str:
    """SHA-256 over the names and SHA-256 digests of the model folder's files, sorted by name."""
    return folder_digest(model_directory(key, override))


def folder_digest(folder: Path) -> str:
    """SHA-256 over the names and SHA-256 digests of a folder's files, sorted by name, hidden ones left out."""
    lines = [
        f"{_file_digest(p, p.stat().st_size, p.stat().st_mtime_ns)}  {p.relative_to(folder).as_posix()}"
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.name.startswith(".")
    ]
    return sha256_bytes("\n".join(lines).encode())


@lru_cache(maxsize=256)
def _file_digest(path: Path, size: int, mtime_ns: int) -> str:  # noqa: ARG001 - they key the memo
    return sha256_file(path)


@dataclass(frozen=True, slots=True)
class WeightsLabel:
    """What a signature calls weights, and whether they are the published ones.

    `<key>@<revision, 12 characters>` when every loaded file has its pinned digest,
    `<key>@stand-in:<digest>` for a rehearsal model, else `<key>@unverified:<digest>`.
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
        """The label of its text form, or `None` for a text that names no weights."""
        key, at, value = text.partition("@")
        if not at or ":" in key or not key:
            return None
        state, colon, digest = value.partition(":")
        if not colon and state not in {"stand-in", "unverified"}:
            return cls(key, "verified", value)
        if colon and state in {"stand-in", "unverified"}:
            return cls(key, "stand-in" if state == "stand-in" else "unverified", digest)
        # A state that is not known is none to trust.
        return cls(key, "unknown", value)


def weights_label(key: str, override: Path | None) -> WeightsLabel:
    """What a signature calls the weights of a model. Raises `MetricUnavailable` when they are absent."""
    folder = model_directory(key, override)
    digest = weights_digest(key, override)[:12]
    if (folder / STAND_IN_MARK).exists():
        return WeightsLabel(key, "stand-in", digest)
    spec = model_specs().get(key)
    if spec and verified(spec, folder):
        return WeightsLabel(key, "verified", spec.revision[:12])
    return WeightsLabel(key, "unverified", digest)


def verified(spec: ModelSpec, folder: Path) -> bool:
    """Whether every file of the manifest has a recorded digest and is there with that digest."""
    return all(file_state(folder / name, source) == "verified" for name, source in spec.files.items())


def file_state(path: Path, source: Source) -> str:
    """`absent`, `verified`, `wrong` (another digest than recorded) or `unverified` (none recorded)."""
    if not path.is_file():
        return "absent"
    if not source.sha256:
        return "unverified"
    stat = path.stat()
    return "verified" if _file_digest(path, stat.st_size, stat.st_mtime_ns) == source.sha256 else "wrong"
