"""The scores of one submission on one board, as typed values: the contents of a record's file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from evaluator.core.typed import NAMED, Day, Given, Typed, absent, form, given, no_default, view
from evaluator.datasets.challenge import TaskName
from evaluator.datasets.registry import TrackName
from evaluator.metrics.signature import Signature

RECORD_SCHEMA: Final = "rexrank/record/v1"

Slug = Annotated[
    str, form("[a-z0-9][a-z0-9.-]{0,39}", "lower-case letters, digits, dots and hyphens, at most 40")
]
Size = Annotated[int, Field(ge=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]


def _signature(text: str) -> str:
    try:
        Signature.parse(text)
    except ValueError as error:
        raise PydanticCustomError("signature", "a signature: {why}", {"why": str(error)}) from error
    return text


Signed = AfterValidator(_signature)
"""Marks a text that is the text form of a signature."""
Plain = Annotated[str, form(r"[^\x00-\x1f\x7f]*", "text without control characters", longest=400)]
"""A sentence."""
Share = Annotated[Annotated[float, Field(ge=0)] | None, Given]
"""A share; for very few withheld studies it is coarsened beyond 1 and never leaves the runner."""
_TextOnly = Annotated[str | None, Given]
_TextMap = Mapping[str, str] | None


class RecordAuthor(BaseModel):
    """Who made a model, as its card says."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    name: str = Field(title="Name", description="The name to cite.", max_length=200)
    orcid: _TextOnly = given("ORCID iD", "As on the model card.")
    affiliation: _TextOnly = given("Affiliation", "Where the author works.")


class RecordImport(BaseModel):
    """Where imported predictions come from, as the card says."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", regex_engine="python-re")

    date: Day = Field(title="Date", description="Date on which the predictions were first published.")
    source: str = Field(title="Source", description="Where they were first published.", max_length=200)


class RecordInference(BaseModel):
    """How the organisers can run a model, as its card says."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    image: str = Field(title="Image", description="Container image by its digest.", max_length=400)


class RecordCard(BaseModel):
    """The fields of a card that pages read; cards of earlier versions may contain others."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", allow_inf_nan=False)

    name: Annotated[Annotated[str, Field(max_length=200)] | None, Given] = given("Name", "The model's name.")
    institution: str | None = absent("Institution", "Who made it.")
    contact: Annotated[Annotated[tuple[str, ...], Field(strict=False)] | None, Given] = given(
        "Contact", "Accounts that may change it."
    )
    year: int | None = absent("Year", "Date of the submission.")
    description: _TextOnly = given("Description", "A description of the model.")
    authors: Annotated[tuple[RecordAuthor, ...], Field(strict=False)] | None = absent(
        "Authors", "The authors to cite."
    )
    license: _TextOnly = given("Licence", "The terms of use.")
    links: _TextMap = absent("Links", "Links to its paper, code and weights.")
    parameters: str | None = absent("Parameters", "Its size.")
    inputs: Mapping[Literal["views", "context"], str] | None = absent("Inputs", "What it reads from a study.")
    training_data: Annotated[tuple[str, ...], Field(strict=False)] | None = absent(
        "Training data", "What it learned from."
    )
    uses_external_llm: bool | None = absent("External model", "Whether it calls another model.")
    deterministic: bool | None = absent("Deterministic", "Whether it gives the same output twice.")
    status: Literal["active", "superseded", "withdrawn"] = Field(
        default="active",
        title="Status",
        description="Whether the submission is active or withdrawn.",
        json_schema_extra=no_default,
    )
    inference: RecordInference | None = absent("Inference", "How the organisers can run it.")
    imported: RecordImport | None = absent("Imported", "The source of predictions made elsewhere.")
    superseded_by: str | None = absent("Superseded by", "The model that took its place.")
    reason: str | None = absent("Reason", "Why it was withdrawn.")


class SignalTest(Typed):
    """How much better the reports fit their own study than others of its kind, in one metric."""

    gain: float = Field(
        title="Gain", description="Mean against the own references minus that against permuted ones."
    )
    p: Annotated[float, Field(ge=0)] = Field(title="p", description="Of the permutation test.")


class OutlierCounts(Typed):
    """Studies whose judge score is far from its expectation."""

    above: Annotated[int, Field(ge=0, le=10_000_000)] = Field(title="Above", description="Far better.")
    below: Annotated[int, Field(ge=0, le=10_000_000)] = Field(title="Below", description="Far worse.")


LetterName = Annotated[str, form("[A-D]", "a letter, A to D")]
MetricName = Annotated[str, form("[a-z0-9_]{1,40}", "lower-case letters, digits and underscores, at most 40")]


class Diagnostics(Typed):
    """Statistics of the reports relative to the references; absent where they may not be shown."""

    n_empty: Annotated[Annotated[int, Field(ge=0, le=10_000_000)] | None, Given] = given(
        "Empty", "Reports without a word."
    )
    distinct_fraction: Share = given("Distinct", "Distinct reports among all.")
    top1_share: Share = given("Most common", "Share of the most common report.")
    length_ratio: float | None = absent("Length ratio", "Median number of words divided by the references'.")
    exact_match: Share = given("Exact matches", "Reports equal to their reference.")
    repetition_mean: float | None = absent("Repetition", "Repeated trigrams, mean over reports.")
    repetition_max: float | None = absent("Most repetition", "Repeated trigrams in the worst report.")
    non_ascii: Share = given("Beyond ASCII", "Reports with look-alike characters.")
    copied_spans: Share = given("Copied spans", "Reports with a passage found only in their own reference.")
    unique_matches: float | None = absent(
        "Unique matches", "Reports like their reference, among distinct references."
    )
    own_reference: float | None = absent(
        "Own reference", "Reports that identify their own reference among all."
    )
    signal: (
        Annotated[Mapping[MetricName, SignalTest], Field(max_length=4, json_schema_extra=NAMED)] | None
    ) = absent("Image signal", "By metric, whether reports fit their own study.")
    judge_outliers: (
        Annotated[Mapping[MetricName, OutlierCounts], Field(max_length=20, json_schema_extra=NAMED)] | None
    ) = absent("Judge outliers", "By judged metric, studies with an unexpected score.")

    letter_shares: (
        Annotated[Mapping[LetterName, Share], Field(max_length=4, json_schema_extra=NAMED)] | None
    ) = absent("Letters", "Multiple choice: the share of each letter among the answers given.")
    position_accuracy: (
        Annotated[Mapping[LetterName, Share], Field(max_length=4, json_schema_extra=NAMED)] | None
    ) = absent("Accuracy by position", "Multiple choice: the share of correct answers by the correct letter.")
    shared_wrong: float | None = absent(
        "Shared wrong answers",
        "Multiple choice: the highest agreement beyond chance (kappa) with what another model answered wrongly.",
    )


class MetricEntry(Typed):
    """One metric of a record: mean, uncertainty, counts and how it was computed."""

    mean: Number = Field(title="Mean", description="Mean over studies; six decimals when published.")
    se: Number | None = Field(
        title="Standard error", description="Bootstrap standard error; null with too few patients."
    )
    low: Number | None = Field(title="Lower end", description="Lower end of the 95 % interval.")
    high: Number | None = Field(title="Upper end", description="Upper end of the 95 % interval.")
    n: Size = Field(title="Studies", description="Studies in the mean.")
    n_failed: Annotated[int, Field(ge=0)] = Field(
        title="Failed", description="Studies that could not be scored and get the worst value."
    )
    signature: Annotated[str, Signed] = Field(
        title="Signature", description="Everything that can move the number."
    )


IntegrityOutcome = Literal["pass", "badge", "quarantine", "reject"]


class IntegrityFlag(Typed):
    """One finding of an integrity check: counts and ids, never text of a report."""

    code: Annotated[str, form("C[0-9]{1,2}", "the code of a check, as C5")] = Field(
        title="Code", description="Code of the check, C2 to C26."
    )
    outcome: IntegrityOutcome = Field(title="Outcome", description="The consequence.")
    text: Plain = Field(title="Text", description="A sentence with counts.")
    ids: Annotated[tuple[Annotated[str, Field(max_length=80)], ...], Field(strict=False, max_length=20)] = (
        Field(title="Ids", description="The first studies concerned; none unless the dataset is public.")
    )


class Integrity(Typed):
    """The results of a submission's integrity checks."""

    outcome: IntegrityOutcome = Field(title="Outcome", description="The most severe outcome among the flags.")
    badges: Annotated[tuple[IntegrityFlag, ...], Field(strict=False, max_length=60)] = Field(
        title="Flags", description="Every finding."
    )
    thresholds: Annotated[
        Annotated[str, form("[0-9.]{1,10}", "digits and dots, at most 10")] | None, Given
    ] = given("Thresholds", "Version of the limits that were applied.")


class Provenance(Typed):
    """Where a record's numbers come from; null or absent if unknown."""

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

    @property
    def inputs(self) -> tuple[str, str]:
        """Digests of what was scored: predictions and references."""
        return self.predictions_sha256, self.references_sha256


class LadderStep(Typed):
    """Whether a run on a withheld dataset is shown, and what it was compared with."""

    improved: bool = Field(title="Improved", description="Whether the run's numbers are shown.")
    best: str | None = Field(title="Best", description="The best earlier run of the same people, team/model.")


class Record(Typed):
    """The scores of one submission on one board (dataset and track). Written by the machine."""

    schema_: Literal["rexrank/record/v1"] = Field(
        alias="schema", title="Format", description="Name and version of this format."
    )
    task: TaskName = Field(
        default="report-generation", title="Task", description="The task: what the model does with a study."
    )
    kind: Literal["submission", "null"] = Field(
        title="Kind", description="A participant's submission, or a baseline that sees no images."
    )
    dataset: str = Field(title="Dataset", description="Dataset id.")
    track: TrackName = Field(title="Track", description="The task's track, as `findings` or `answers`.")
    team: Slug = Field(title="Team", description="Team slug.")
    model: Slug = Field(title="Model", description="Model slug.")
    card: RecordCard = Field(
        title="Model card", description="The model card as it was when the submission was scored."
    )
    protocol: Literal["clean", "compat"] = Field(title="Protocol", description="Text protocol.")
    n: Size = Field(
        title="Studies", description="Studies with a reference in this track; all of them are scored."
    )
    n_clusters: Size = Field(
        title="Patients", description="Patients those studies come from; intervals resample patients."
    )
    metrics: Mapping[str, MetricEntry] = Field(
        title="Metrics", description="Per metric key: mean, uncertainty and how it was computed."
    )
    missing: dict[str, str] = Field(
        title="Missing metrics", description="Per metric that could not run: the reason."
    )
    stand_in: bool = Field(
        title="Untrusted",
        description="Whether any signature names stand-in or unverified weights or a judge that nothing pins; such a "
        "record never enters a real dataset's table.",
    )
    diagnostics: Diagnostics = Field(
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
        description="Withheld datasets: whether this run beats the best of the same people by more than one standard error.",
    )
    submitted: Day | None = Field(title="Submitted", description="Day of the submission.")

    @property
    def name(self) -> str:
        """`team/model`."""
        return f"{self.team}/{self.model}"

    @property
    def withheld(self) -> bool:
        """Whether the Ladder withholds this run: it beats the team's best by too little and is not that best."""
        step = self.ladder
        return step is not None and not step.improved and step.best != self.name

    def view(self) -> Any:
        """The record as JSON values, with only the fields that were given."""
        return view(self)
