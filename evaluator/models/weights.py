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
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from evaluator.core.files import cache_folder, sha256_bytes, sha256_file
from evaluator.core.host_files import Openable, read_host_file
from evaluator.core.problems import MetricUnavailable, first_line
from evaluator.core.typed import Line, Typed, TypedTable, Wrong, disagreement, form

STAND_IN_MARK: Final = "STAND-IN"
WEIGHT_NAMES: Final = ("model.safetensors", "pytorch_model.bin")
"""File names of a transformers model's tensors, the preferred one first."""
ModelKey = Annotated[
    str, form("[a-z0-9][a-z0-9-]{0,39}", "lower-case letters, digits and hyphens, at most 40")
]
FileName = Annotated[
    str, form(r"[\w-][\w.-]*(?:/[\w-][\w.-]*){0,3}", "a relative path without a part that starts with a dot")
]
_TEXT_OR_NOTHING: Final = r"(?:\S(?:.*\S)?)?"


class Source(Typed):
    """Where one file of a model comes from; empty texts are not recorded yet."""

    hub: Annotated[
        str,
        form(r"(?:[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)?", "owner/name on the hub, or nothing", longest=200),
    ] = Field(description="Repository on the hub; empty for what cannot be downloaded.")
    revision: Annotated[str, form("(?:[0-9a-f]{40})?", "a commit of 40 hexadecimal digits, or nothing")] = (
        Field(description="Commit of the repository.")
    )
    sha256: Annotated[str, form("(?:[0-9a-f]{64})?", "64 lower-case hexadecimal digits, or nothing")] = Field(
        description="Digest of the file."
    )


class ModelSpec(Typed):
    """One model of `weights.toml`."""

    key: SkipJsonSchema[str]
    """The model's name in the file, and of its folder."""
    title: Line = Field(description="The model as readers know it.")
    licence: Line = Field(description="The licence of the weights.")
    gated: Annotated[str, form(_TEXT_OR_NOTHING, "a sentence, or nothing")] = Field(
        description="How to get what cannot be downloaded; empty where all can."
    )
    size_mb: Annotated[int, Field(ge=1, le=1_000_000)] = Field(description="Size of all files, in megabytes.")
    metrics: Annotated[tuple[Line, ...], Field(strict=False, min_length=1)] = Field(
        description="Keys of the metrics that need it."
    )
    files: Annotated[dict[FileName, Source], Field(min_length=1)] = Field(
        description="Where each file comes from, by its name in the model's folder."
    )

    @property
    def revision(self) -> str:
        """The revision of the first file, or the digest that stands for one."""
        first = next(iter(self.files.values()))
        return first.revision or first.sha256


class WeightsFile(TypedTable[ModelKey, ModelSpec]):
    """The published weights each metric is defined on, by the name of the model's folder."""

    @model_validator(mode="before")
    @classmethod
    def _with_keys(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: {**v, "key": k} if isinstance(v, dict) and "key" not in v else v for k, v in value.items()}

    @model_validator(mode="after")
    def _keys_fit(self) -> Self:
        wrongs: list[Wrong] = [
            ((key, "key"), f"unknown field 'key' ({spec.key!r})", "the table's name alone", "remove it")
            for key, spec in self.root.items()
            if spec.key != key
        ]
        if wrongs:
            raise disagreement(wrongs)
        return self


@cache
def model_specs() -> dict[str, ModelSpec]:
    """Every model of the manifest, by key. Raises `InvalidFile` with every problem of the manifest."""
    return read_weights(resources.files("evaluator.models").joinpath("weights.toml"))


def read_weights(path: Openable) -> dict[str, ModelSpec]:
    """The models of a manifest, by key. Raises `InvalidFile` with every problem of it."""
    return read_host_file(path, WeightsFile, name="evaluator/models/weights.toml").root


def models_directory(override: Path | None) -> Path:
    """The directory in force: `override`, else `REXRANK_MODELS`, else the user's cache folder.

    Raises `MetricUnavailable` where there is none of them.
    """
    if override is not None:
        return override
    if configured := os.environ.get("REXRANK_MODELS"):
        return Path(configured)
    try:
        return cache_folder() / "models"
    except RuntimeError as error:
        raise MetricUnavailable(
            "this user has no home folder to look for weights in. Give one with --models, or set REXRANK_MODELS."
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
    """What to raise for a file or folder of a model that cannot be used: name, reason and cure in a sentence."""
    reason = why if isinstance(why, str) else f"{type(why).__name__}: {first_line(why)}"
    return MetricUnavailable(
        f"{path} cannot be used ({reason}). Delete it and fetch it again with: rexrank models fetch {key}"
    )


def weights_digest(key: str, override: Path | None) -> str:
    """SHA-256 over the names and SHA-256 digests of the model folder's files, sorted by name."""
    return folder_digest(model_directory(key, override), key)


def folder_digest(folder: Path, key: str) -> str:
    """SHA-256 over the names and SHA-256 digests of a folder's files, sorted by name, hidden ones left out.

    Raises `MetricUnavailable` for a file that cannot be read; `key` names the model in its message.
    """
    path, lines = folder, []
    try:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                name = path.relative_to(folder).as_posix()
                lines.append(f"{_file_digest(path, path.stat().st_size, path.stat().st_mtime_ns)}  {name}")
    except (OSError, RuntimeError) as error:
        raise damaged(path, key, error) from error
    return sha256_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))


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
    if (folder / STAND_IN_MARK).is_file():
        return WeightsLabel(key, "stand-in", digest)
    spec = model_specs().get(key)
    if spec and verified(spec, folder):
        return WeightsLabel(key, "verified", spec.revision[:12])
    return WeightsLabel(key, "unverified", digest)


def verified(spec: ModelSpec, folder: Path) -> bool:
    """Whether every file of the manifest has a recorded digest and is there with that digest."""
    return all(file_state(folder / name, source) == "verified" for name, source in spec.files.items())


def file_state(path: Path, source: Source) -> str:
    """`absent`, `unreadable`, `verified`, `wrong` (another digest than recorded) or `unverified` (none recorded)."""
    try:
        if not path.is_file():
            return "absent"
        stat = path.stat()
        digest = _file_digest(path, stat.st_size, stat.st_mtime_ns)
    except OSError:
        return "unreadable"
    if not source.sha256:
        return "unverified"
    return "verified" if digest == source.sha256 else "wrong"
