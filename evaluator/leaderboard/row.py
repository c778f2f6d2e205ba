"""A row of a board: metric cells, marks, and facts from the model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field, PrivateAttr, field_validator

from evaluator.core.typed import Day, Typed, form, view
from evaluator.scoring.record import Diagnostics
from evaluator.statistics.rounding import six_decimals

_SLUG: Final = "[a-z0-9][a-z0-9.-]{0,39}"
Slug = Annotated[str, form(_SLUG, "lower-case letters, digits, dots and hyphens, at most 40")]
"""The name of a dataset, team or model in paths."""
ModelId = Annotated[str, form(f"{_SLUG}/{_SLUG}", "team/model")]
"""`team/model`."""
MetricKey = Annotated[str, form("[a-z0-9_]{1,40}", "lower-case letters, digits and underscores, at most 40")]
"""A metric's key in files."""
RecordPath = Annotated[
    str,
    form(rf"records/[a-z0-9.-]+/[a-z0-9][a-z0-9-]{{0,39}}/{_SLUG}__{_SLUG}\.json", "the path of a record"),
]
"""The path of a record below the leaderboard."""
Status = Literal["active", "superseded", "withdrawn"]
Texts = Annotated[tuple[str, ...], Field(strict=False)]
"""A list of texts; files have lists where Python has tuples."""


class Entry(Typed):
    """A part of a table, with numbers of at most six decimals; `view` returns it as JSON values."""

    @field_validator("*", mode="after")
    @classmethod
    def _six_decimals(cls, value: object) -> object:
        """Created and parsed values have the same digits, so that a file is the complete value."""
        return six_decimals(value)

    def view(self) -> Any:
        """The JSON value, with only the fields that were given."""
        return view(self)


class Display(Entry):
    """What readers see of a metric: the mean and its interval, its skill, or 1/mean with the pole handled."""

    value: float | None
    low: float | None
    high: float | None
    note: str
    mean: float | None = Field(None, description="If the value is a skill: the mean, lower is better.")
    reciprocal: float | None = Field(
        None, description="If the value is a skill: 1/mean; null at and beyond the pole."
    )


class Gain(Entry):
    """A mean's gain over the best baseline, negative if behind, with a paired 95 % interval."""

    null: str
    gain: float
    low: float | None = None
    high: float | None = None


NullOutcome = Literal["clears", "not_shown", "below"]
"""Whether a model is significantly better than a baseline beyond the margin, significantly worse, or neither."""


class NullTest(Entry):
    """A model against one baseline on the ranking metric; p adjusted for every model and baseline of the board."""

    null: ModelId
    gain: float = Field(description="How far the model is ahead, whatever the metric's direction.")
    low: float | None = Field(description="Lower end of the 95 % interval; null with too few patients.")
    high: float | None
    p: float = Field(ge=0, le=1)
    outcome: NullOutcome


class MetricCell(Entry):
    """One metric of a row: its numbers as they may be shown, and what readers see of them."""

    mean: float
    se: float | None = Field(description="Bootstrap standard error; null with too few patients.")
    low: float | None = Field(description="Lower end of the 95 % interval.")
    high: float | None = Field(description="Upper end of the 95 % interval.")
    n: int = Field(ge=1, description="Studies in the mean.")
    n_failed: int = Field(ge=0, description="Studies that could not be scored and get the worst value.")
    display: Display
    gain_over_null: Gain | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends of the interval; `None` if one is unknown."""
        return None if self.low is None or self.high is None else (self.low, self.high)


class Badge(Entry):
    """A mark that an integrity check left on a row."""

    code: str
    text: str
    outcome: str = Field("badge", description="badge, quarantine or reject.")
    ids: Texts = Field((), description="Study ids, if they may be shown.")


class Inputs(Entry):
    """What a model reads from a study, according to its card."""

    views: str | None = None
    context: str | None = None


class Row(Entry):
    """A model or a baseline on one board."""

    id: ModelId
    team: Slug
    model: Slug
    name: str = Field(max_length=200)
    institution: str | None = None
    year: int | None = None
    kind: Literal["submission", "null"]
    status: Status
    tied_with_best: bool
    cluster: int | None = Field(None, description="Group of models that no test separates.")
    missing: Texts = Field((), description="Metrics that were not computed for this model.")
    why_unranked: str | None = None
    inputs: Inputs = Inputs()
    training_data: Texts = ()
    trained_on_dataset: bool = False
    open_weights: bool = False
    uses_external_llm: bool | None = None
    parameters: str | None = None
    links: Mapping[str, str] = Field({}, description="https URLs by kind.")
    metrics: Mapping[str, MetricCell]
    record: RecordPath
    badges: Annotated[tuple[Badge, ...], Field(strict=False)]
    against_nulls: Annotated[
        tuple[NullTest, ...],
        Field(strict=False, description="For a ranked model: how it compares with each baseline."),
    ] = ()
    diagnostics: Diagnostics = Field(description="As in the record.")
    submitted: Day | None = Field(None, description="Day of the submission.")
    pull_request: int | None = None
    commit: str | None = None

    @property
    def rank_low(self) -> int | None:
        """The best rank that the tests allow; `None` without a rank."""
        return None

    @property
    def rank_high(self) -> int | None:
        """The worst rank that the tests allow; `None` without a rank."""
        return None

    @property
    def against_baselines(self) -> NullOutcome | None:
        """The worst of the outcomes against the baselines; `None` without any."""
        outcomes = {t.outcome for t in self.against_nulls}
        worst: tuple[NullOutcome, ...] = ("below", "not_shown", "clears")
        return next((o for o in worst if o in outcomes), None)


class RowRanks(NamedTuple):
    """The best and the worst rank that the tests allow a model, and how many models they show to be better.

    Only a lead by more than the equivalence margin counts.
    """

    low: int
    high: int
    worse_than: int


class RankedRow(Row):
    """A row with a rank, which a file has in the table's `ranks`."""

    _ranks: RowRanks = PrivateAttr()

    def take(self, ranks: RowRanks) -> None:
        """Gives the row its ranks, when its table is made."""
        self._ranks = ranks

    @property
    def ranks(self) -> RowRanks:
        """Its ranks, which `take` gave it."""
        return self._ranks

    @property
    def rank_low(self) -> int:
        """The best rank that the tests allow."""
        return self._ranks.low

    @property
    def rank_high(self) -> int:
        """The worst rank that the tests allow."""
        return self._ranks.high

    @property
    def worse_than(self) -> int:
        """How many models the tests show to be better by more than the equivalence margin."""
        return self._ranks.worse_than


class WithdrawnRow(Row):
    """A row without numbers."""

    metrics: Annotated[Mapping[str, MetricCell], Field(max_length=0)]
