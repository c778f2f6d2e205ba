"""What the files that leave the runner may contain: the program's own models, with every text and list bounded.

`bundle-v1` is generated from them. Closed: what is not named here does not leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from evaluator.core.typed import NAMED, Given, Sha256, absent, form, given
from evaluator.github.bundle_table import (
    BundleDiagnostics,
    BundleTable,
    ByMetric,
    Commit,
    Count,
    Key,
    Long,
    Size,
)
from evaluator.leaderboard.history import Event
from evaluator.leaderboard.row import MetricKey, ModelId, Slug
from evaluator.scoring import record as records
from evaluator.scoring.baselines import Probes, Sanity
from evaluator.scoring.case_texts import CaseTexts
from evaluator.scoring.record import Plain, Signed

MAX_CARD: Final = 20
"""Fields of a card, those of earlier versions among them."""
_PlainOrNone = Annotated[Plain | None, Given]


class BundleCard(records.RecordCard):
    """A model card as a record has it."""

    model_config = ConfigDict(json_schema_extra={"maxProperties": MAX_CARD})

    @model_validator(mode="after")
    def _few(self) -> BundleCard:
        if len(self.model_fields_set) > MAX_CARD:
            raise ValueError("more fields than a card has")
        return self


class BundleEntry(records.MetricEntry):
    """One metric of a record."""

    n: Size = Field(title="Studies", description="Studies in the mean.")
    n_failed: Count = Field(title="Failed", description="Studies that could not be scored.")
    signature: Annotated[Long, Signed] = Field(
        title="Signature", description="Everything that can move the number."
    )


class BundleProvenance(records.Provenance):
    """Where a record's numbers come from."""

    evaluator_version: _PlainOrNone = given("Version", "Version of the evaluator.")
    evaluator_commit: Commit | None = absent("Commit", "Commit of its checkout.")
    python: _PlainOrNone = given("Python", "Version of Python.")
    platform: _PlainOrNone = given("Platform", "Operating system and processor.")
    packages: Annotated[
        dict[Annotated[str, form("[a-z0-9-]{1,40}", "a package's name")], Plain],
        Field(max_length=40, json_schema_extra=NAMED),
    ] = Field(default={})
    weights: Annotated[
        dict[Annotated[str, form("[a-z0-9._-]{1,60}", "a model's name")], Sha256],
        Field(max_length=40, json_schema_extra=NAMED),
    ] = Field(default={})
    device: _PlainOrNone = given("Device", "The processor or accelerator.")
    dtype: _PlainOrNone = given("Type", "Type of the weights in memory.")
    predictions_sha256: Sha256 = Field(description="Digest of the predictions' file.")
    references_sha256: Sha256 = Field(description="Digest of the references.")
    shown_predictions_sha256: Sha256 | None = absent("Shown", "Digest of the predictions that are shown.")
    pull_request: Size | None = absent("Pull request", "Number of the pull request.")
    head_commit: Commit | None = absent("Head", "Its head when it was scored.")


class BundleLadderStep(records.LadderStep):
    """Whether a run on a withheld dataset is shown."""

    best: ModelId | None = Field(title="Best", description="The best run before, team/model.")


class BundleRecord(records.Record):
    """What one submission scored on one board."""

    dataset: Slug = Field(title="Dataset", description="Dataset id.")
    card: BundleCard = Field(title="Model card", description="The model card.")
    n: Size = Field(title="Studies", description="Studies with a reference in this track.")
    n_clusters: Size = Field(title="Patients", description="Patients those studies come from.")
    metrics: ByMetric[BundleEntry] = Field(title="Metrics", description="By metric key.")
    missing: Annotated[dict[MetricKey, Plain], Field(max_length=60, json_schema_extra=NAMED)] = Field(
        title="Missing metrics", description="Per metric that could not run: why."
    )
    diagnostics: BundleDiagnostics = Field(title="Diagnostics", description="What the reports look like.")
    provenance: BundleProvenance = Field(title="Origin of the numbers", description="Digests and versions.")
    ladder: BundleLadderStep | None = absent("Ladder", "Withheld datasets: whether this run is shown.")


class BundleProbes(Probes):
    """What a metric gives for its probes."""

    signature: Annotated[Long, Signed]


class BundleSanity(Sanity):
    """A board's sanity file."""

    references_sha256: Sha256
    n: Count
    n_probed: Count
    metrics: ByMetric[BundleProbes]


class BundleEvent(Event):
    """A line of the history."""

    name: Plain
    dataset: Slug
    rank: Annotated[tuple[Count, Count], Field(strict=False)] | None
    primary: Key
    shown: float | None
    previous: float | None
    pull_request: Count | None
    scores_sha256: Sha256 | None = absent("Scores", "SHA-256 over the means of all metrics.")


class BundleCases(CaseTexts):
    """Texts of a public dataset, by study."""

    dataset: Slug
    references_sha256: Sha256
    texts: Annotated[Mapping[str, Annotated[str, Field(max_length=20_000)]], Field(max_length=100_000)]


class BundleFile(RootModel[BundleRecord | BundleTable | BundleSanity | BundleEvent | BundleCases]):
    """A file that the scoring runner may hand to the publisher. Closed: what is not named here does not leave. What readers may rely on is said by the schemas of the single formats."""


KINDS: Final[Mapping[str, type[BaseModel]]] = {
    "record": BundleRecord,
    "table": BundleTable,
    "sanity": BundleSanity,
    "event": BundleEvent,
    "cases": BundleCases,
}
"""The model of each kind of file; `event` is a line of the history."""
