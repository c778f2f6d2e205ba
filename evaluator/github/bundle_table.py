"""What a table that leaves the runner may contain: the leaderboard's own models, with every text and list bounded.

Whatever the runner always writes is required.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeVar

from pydantic import Field, model_validator

from evaluator.core.typed import NAMED, Day, Given, form, given
from evaluator.leaderboard import rank_types, row, subgroup_types
from evaluator.leaderboard import table as tables
from evaluator.leaderboard.row import MetricKey, ModelId, NullTest, RecordPath, Slug
from evaluator.scoring.record import Diagnostics, IntegrityOutcome, Plain, SignalTest, Signed

MAX_ROWS: Final = 5_000
_V = TypeVar("_V")
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Size = Annotated[int, Field(ge=1, le=10_000_000)]
Share = Annotated[float, Field(ge=0, le=1)]
ShareOrNone = Annotated[Share | None, Given]
Commit = Annotated[str, form("[0-9a-f]{40}", "a full commit id")]
Long = Annotated[str, form(r"[^\x00-\x1f\x7f]*", "text without control characters", longest=4_000)]
Name = Annotated[str, form(r"[^\x00-\x1f\x7f]*", "text without control characters", longest=200)]
GroupName = Annotated[str, form(r"[^\x00-\x1f]+", "text on one line", longest=40)]
GroupKey = Annotated[str, form(r"[^\x00-\x1f]{1,40}", "text on one line")]
Key = Annotated[str, form("[a-z0-9_]{1,40}", "lower-case letters, digits and underscores, at most 40")]
ByMetric = Annotated[Mapping[MetricKey, _V], Field(max_length=60, json_schema_extra=NAMED)]
ByModel = Annotated[Mapping[ModelId, _V], Field(max_length=MAX_ROWS, json_schema_extra=NAMED)]
Texts = Annotated[Mapping[Key, Plain], Field(max_length=10, json_schema_extra=NAMED)]
Rows = Annotated[tuple[_V, ...], Field(strict=False, max_length=MAX_ROWS)]
Columns = Annotated[tuple[_V, ...], Field(strict=False, max_length=60)]


class BundleSignal(SignalTest):
    """How much better the reports fit their own study."""

    p: Share = Field(title="p", description="Of the permutation test.")


class BundleDiagnostics(Diagnostics):
    """What the reports look like; shares are at most 1."""

    distinct_fraction: ShareOrNone = given("Distinct", "Distinct reports among all.")
    top1_share: ShareOrNone = given("Most common", "Share of the most common report.")
    exact_match: ShareOrNone = given("Exact matches", "Reports equal to their reference.")
    non_ascii: ShareOrNone = given("Beyond ASCII", "Reports with look-alike characters.")
    copied_spans: ShareOrNone = given("Copied spans", "Reports with a passage of their reference alone.")
    signal: (
        Annotated[Mapping[MetricKey, BundleSignal], Field(max_length=4, json_schema_extra=NAMED)] | None
    ) = Field(None, title="Image signal", description="By metric, whether reports fit their own study.")


class BundleDisplay(row.Display):
    """What readers see of a metric."""

    note: Plain


class BundleGain(row.Gain):
    """How far a mean is beyond that of the best baseline."""

    null: ModelId


class BundleCell(row.MetricCell):
    """One metric of a row."""

    n: Size
    n_failed: Count
    display: BundleDisplay
    gain_over_null: BundleGain | None


class BundleBadge(row.Badge):
    """A badge next to a row."""

    code: Annotated[str, form("C[0-9]{1,2}", "the code of a check, as C5")]
    text: Plain
    outcome: IntegrityOutcome
    ids: Annotated[tuple[Annotated[str, Field(max_length=80)], ...], Field(strict=False, max_length=20)]


class BundleInputs(row.Inputs):
    """What a model reads of a study."""

    views: Annotated[Plain | None, Given] = given("Views", "Which views.")
    context: Annotated[Plain | None, Given] = given("Context", "What of the report's head.")


class BundleRow(row.Row):
    """A model or a baseline on one board."""

    name: Name
    institution: Plain | None
    year: Count | None
    cluster: Count | None
    missing: Columns[MetricKey]
    why_unranked: Plain | None
    inputs: BundleInputs
    training_data: Annotated[tuple[Plain, ...], Field(strict=False, max_length=40)]
    trained_on_dataset: bool
    open_weights: bool
    uses_external_llm: bool | None
    parameters: Plain | None
    links: Texts
    metrics: ByMetric[BundleCell]
    record: Annotated[RecordPath, Field(max_length=160)]
    badges: Columns[BundleBadge]
    against_nulls: Annotated[tuple[NullTest, ...], Field(strict=False, max_length=20)] = ()
    diagnostics: BundleDiagnostics
    submitted: Day | None
    pull_request: Count | None
    commit: Commit | None


class BundleRankedRow(BundleRow, row.RankedRow):
    """A row with a rank."""


class BundleWithdrawnRow(BundleRow, row.WithdrawnRow):
    """A row without numbers."""

    metrics: Annotated[Mapping[MetricKey, BundleCell], Field(max_length=0, json_schema_extra=NAMED)]


class BundleColumn(tables.Column):
    """A metric of a board."""

    title: Plain
    display_title: Plain
    family: Plain
    skill: Annotated[tables.SkillColumn | None, Given] = given(
        "Skill", "The scale that readers see, if it is not the mean."
    )
    equivalence: float | None
    signature: Annotated[Long, Signed]


class BundleOrder(rank_types.RuleOrder):
    """What another ranking rule makes of the board."""

    order: Rows[ModelId]
    ties: Rows[Rows[ModelId]]


class BundleSensitivity(rank_types.Sensitivity):
    """The order under other ranking rules."""

    metrics: Columns[MetricKey] = ()
    rules: Annotated[Mapping[Key, BundleOrder], Field(max_length=20, json_schema_extra=NAMED)] = Field(
        default={}
    )


class BundleShares(rank_types.Shares):
    """How often a model takes each place."""

    first: Share


class BundleStability(rank_types.Stability):
    """How stable the order is."""

    tau: Annotated[tuple[float, ...], Field(strict=False, max_length=3)] = ()
    models: ByModel[BundleShares] = Field(default={})


class BundleGap(subgroup_types.Gap):
    """Mean of one group minus that of another."""

    a: GroupName
    b: GroupName


class BundleModelGroups(subgroup_types.ModelGroups):
    """One model on one axis."""

    groups: Annotated[
        Mapping[GroupKey, subgroup_types.Interval], Field(max_length=40, json_schema_extra=NAMED)
    ]
    worst: GroupName | None
    p: Share | None
    q: Share | None
    gaps: Annotated[tuple[BundleGap, ...], Field(strict=False, max_length=800)]


class BundleGroup(subgroup_types.Group):
    """A group of studies."""

    name: GroupName
    studies: Count
    patients: Count


class BundleRankSteps(subgroup_types.RankSteps):
    """The rank ranges in a group, as steps from row to row."""

    low: Rows[int]
    high: Rows[int]


class BundleAxis(subgroup_types.Axis):
    """One way to part the studies."""

    axis: Key
    groups: Annotated[tuple[BundleGroup, ...], Field(strict=False, max_length=40)]
    models: ByModel[BundleModelGroups]
    rank_steps: Annotated[Mapping[GroupKey, BundleRankSteps], Field(max_length=40, json_schema_extra=NAMED)]


class BundleSubgroups(subgroup_types.Subgroups):
    """The ranking metric by subgroup."""

    metric: MetricKey
    standardised_by: Annotated[tuple[Key, ...], Field(strict=False, max_length=10)]
    null: ModelId | None
    axes: Annotated[tuple[BundleAxis, ...], Field(strict=False, max_length=20)]


class BundleRanks(rank_types.Ranks):
    """The ranks of the rows, in their order."""

    low: Rows[Size]
    high: Rows[Size]
    worse_than: Rows[Count]


class BundleTable(tables.Table):
    """A board, a dataset and a track."""

    dataset: Slug
    title: Plain
    n: Count
    n_clusters: Count
    primary: MetricKey
    rule: Annotated[str, form("[a-z0-9_/-]{1,60}", "the name and version of a rule")]
    step: Annotated[float, Field(gt=0)] | None
    access: Literal["public", "restricted", "withheld"]
    metrics: Columns[BundleColumn]
    rows: Rows[BundleRankedRow]
    ranks: BundleRanks
    incomplete: Rows[BundleRow]
    withdrawn: Rows[BundleWithdrawnRow]
    nulls: Annotated[tuple[BundleRow, ...], Field(strict=False, max_length=20)]
    notes: Annotated[tuple[Plain, ...], Field(strict=False, max_length=200)]
    sensitivity: BundleSensitivity
    stability: BundleStability
    subgroups: BundleSubgroups | None

    @model_validator(mode="after")
    def _without_pairs(self) -> BundleTable:
        if "pairs" in self.model_fields_set:
            raise ValueError("a table's file has no pairs")
        return self
