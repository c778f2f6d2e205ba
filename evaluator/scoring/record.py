"""What one submission scored on one board, as typed values: the content of a record's file."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from evaluator.core.typed import Typed, form

RECORD_SCHEMA: Final = "rexrank/record/v1"

Slug = Annotated[
    str, form("[a-z0-9][a-z0-9.-]{0,39}", "lower-case letters, digits, dots and hyphens, at most 40")
]
Size = Annotated[int, Field(ge=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]


Date = Annotated[str, form(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a date, YYYY-MM-DD")]
"""A day."""
_TEXT: Final = {"type": "string"}
_TEXT_OR_NOT: Final = {"type": ["string", "null"]}
_TEXTS: Final = {"type": ["object", "null"], "additionalProperties": _TEXT}
_YES_NO: Final = {"type": ["boolean", "null"]}
_CARD: Final[tuple[tuple[str, str, str, dict[str, Any]], ...]] = (
    ("name", "Name", "The model's name.", _TEXT),
    ("institution", "Institution", "Who made it.", _TEXT_OR_NOT),
    ("contact", "Contact", "Accounts that may change it.", {"type": "array", "items": _TEXT}),
    ("year", "Year", "When it was made.", {"type": ["integer", "null"]}),
    ("description", "Description", "What it is.", _TEXT),
    ("license", "Licence", "Under what terms it is used.", _TEXT),
    ("links", "Links", "Where its paper, code and weights are.", _TEXTS),
    ("parameters", "Parameters", "Its size.", _TEXT_OR_NOT),
    ("inputs", "Inputs", "What it reads of a study.", _TEXTS),
    ("training_data", "Training data", "What it learned from.", {"type": ["array", "null"], "items": _TEXT}),
    ("uses_external_llm", "External model", "Whether it calls another model.", _YES_NO),
    ("deterministic", "Deterministic", "Whether it writes the same twice.", _YES_NO),
    ("status", "Status", "Whether it stands.", {"enum": ["active", "superseded", "withdrawn"]}),
    ("superseded_by", "Superseded by", "The model that took its place.", _TEXT_OR_NOT),
    ("reason", "Reason", "Why it was withdrawn.", _TEXT_OR_NOT),
)
CARD_FIELDS: Final[dict[str, Any]] = {
    key: {"title": title, "description": about, **form_} for key, title, about, form_ in _CARD
}
"""The fields of a card that pages read; cards of earlier versions may hold others."""


class MetricEntry(Typed):
    """One metric of a record: mean, uncertainty, counts and what it was computed with."""

    mean: Number = Field(title="Mean", description="Mean over studies; six decimals where it is published.")
    se: Number | None = Field(
        title="Standard error", description="Bootstrap standard error; null when too few patients."
    )
    low: Number | None = Field(title="Lower end", description="Lower end of the 95 % interval.")
    high: Number | None = Field(title="Upper end", description="Upper end of the 95 % interval.")
    n: Size = Field(title="Studies", description="Studies in the mean.")
    n_failed: Annotated[int, Field(ge=0)] = Field(
        title="Failed", description="Studies that could not be scored and count as the worst value."
    )
    signature: str = Field(title="Signature", description="Everything that can move the number.")


class IntegrityFlag(Typed):
    """One finding of an integrity check: counts and ids, never text of a report."""

    code: str = Field(title="Code", description="Code of the check, C2 to C23.")
    outcome: Literal["pass", "badge", "quarantine", "reject"] = Field(
        title="Outcome", description="What follows from it."
    )
    text: str = Field(title="Text", description="A sentence of counts.")
    ids: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(), title="Ids", description="The first studies concerned; none unless the set is public."
    )


class Integrity(Typed):
    """What the integrity checks found of a submission."""

    outcome: Literal["pass", "badge", "quarantine", "reject"] = Field(
        default="pass", title="Outcome", description="The gravest outcome of a flag."
    )
    badges: Annotated[tuple[IntegrityFlag, ...], Field(strict=False)] = Field(
        default=(), title="Flags", description="Every finding."
    )
    thresholds: str | None = Field(
        default=None, title="Thresholds", description="Version of the limits that were applied."
    )


class Provenance(Typed):
    """Where a record's numbers come from; null or absent where it is unknown."""

    evaluator_version: str | None = Field(default=None, description="Version of the evaluator.")
    evaluator_commit: str | None = Field(default=None, description="Commit of its checkout.")
    python: str | None = Field(default=None, description="Version of Python.")
    platform: str | None = Field(default=None, description="Operating system and processor.")
    packages: dict[str, str] = Field(
        default={}, description="Versions of the packages that can move a number."
    )
    weights: dict[str, str] = Field(default={}, description="Digest of each model's folder.")
    device: str | None = Field(default=None, description="The processor or accelerator.")
    dtype: str | None = Field(default=None, description="Type of the weights in memory.")
    predictions_sha256: str = Field(min_length=1, description="Digest of the predictions' file.")
    references_sha256: str = Field(min_length=1, description="Digest of the references.")
    shown_predictions_sha256: str | None = Field(
        default=None, description="Digest of the predictions whose numbers the Ladder shows."
    )
    pull_request: Size | None = Field(default=None, description="Number of the pull request.")
    head_commit: str | None = Field(default=None, description="Its head when it was scored.")


class LadderStep(Typed):
    """Whether a run on a withheld set is shown, and what it was held against."""

    improved: bool = Field(title="Improved", description="Whether the run's numbers are shown.")
    best: str | None = Field(title="Best", description="The team's best before this run, team/model.")


class Record(Typed):
    """What one submission scored on one board (dataset and track). Written by the machine."""

    schema_: Literal["rexrank/record/v1"] = Field(
        alias="schema", title="Format", description="Name and version of this format."
    )
    task: Literal["report-generation"] = Field(
        default="report-generation", title="Task", description="What the model does with a study."
    )
    kind: Literal["submission", "null"] = Field(
        title="Kind", description="A participant's submission, or a baseline that looks at no image."
    )
    dataset: str = Field(title="Dataset", description="Dataset id.")
    track: Literal["findings", "report"] = Field(
        title="Track", description="Findings only, or findings and impression."
    )
    team: Slug = Field(title="Team", description="Team slug.")
    model: Slug = Field(title="Model", description="Model slug.")
    card: dict[str, Any] = Field(
        title="Model card",
        description="The model card as it was when the submission was scored.",
        json_schema_extra={"properties": CARD_FIELDS},
    )
    protocol: Literal["clean", "compat"] = Field(title="Protocol", description="Text protocol.")
    n: Size = Field(
        title="Studies", description="Studies with a reference in this track; all of them are scored."
    )
    n_clusters: Size = Field(
        title="Patients", description="Patients those studies come from; intervals resample patients."
    )
    metrics: dict[str, MetricEntry] = Field(
        title="Metrics", description="Per metric key: mean, uncertainty and what it was computed with."
    )
    missing: dict[str, str] = Field(
        title="Missing metrics", description="Per metric that could not run: why."
    )
    stand_in: bool = Field(
        title="Untrusted",
        description="Whether any signature names stand-in or unverified weights or a judge that nothing pins; such a "
        "record never enters a real dataset's table.",
    )
    diagnostics: dict[str, Any] = Field(
        title="Diagnostics", description="Distinct reports, length ratio, exact matches and the like."
    )
    integrity: Integrity = Field(
        title="Integrity checks",
        description="Outcome and flags of the integrity checks: counts and ids, never text.",
    )
    provenance: Provenance = Field(
        title="Origin of the numbers", description="Digests, versions, device, pull request."
    )
    ladder: LadderStep | None = Field(
        default=None,
        title="Ladder",
        description="Withheld sets: whether this run beats the team's best by more than one standard error.",
    )
    submitted: Date | None = Field(title="Submitted", description="Date, YYYY-MM-DD.")

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON values, with the fields that it was given."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)
