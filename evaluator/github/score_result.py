"""The only thing that leaves the runner when a pull request is scored: aggregates, and our own wording.

`score-result-v1` is generated from it; readers of a result accept nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from evaluator.core.problems import RexrankError
from evaluator.core.typed import NAMED, Given, Typed, form, given, no_default, view
from evaluator.datasets.registry import TrackName
from evaluator.leaderboard.row import Display, ModelId
from evaluator.scoring.quota import Standing, Tally
from evaluator.scoring.record import LetterName, Share

RESULT_SCHEMA: Final = "rexrank/score-result/v1"
MAX_MOVED: Final = 20
MAX_WORDS: Final = 1_000

_SLUG: Final = "[a-z0-9][a-z0-9.-]{0,39}"
Short = Annotated[str, Field(max_length=40)]
Title = Annotated[str, Field(max_length=40)]
Key = Annotated[str, form("[a-z0-9_]{1,40}", "lower-case letters, digits and underscores, at most 40")]
Rank = Annotated[int, Field(ge=1)]


class ShownMetric(Typed):
    """A metric of a row as readers see it."""

    value: float | None
    low: float | None
    high: float | None
    note: Annotated[str, Field(max_length=80)]
    mean: float | None = Field(None, json_schema_extra=no_default)
    reciprocal: float | None = Field(None, json_schema_extra=no_default)
    n_failed: int

    @property
    def display(self) -> Display:
        """The metric in the form of a table's cell."""
        return Display.model_validate({k: v for k, v in view(self).items() if k != "n_failed"})


class ShownMark(Typed):
    """An integrity badge next to a row, without ids."""

    code: Annotated[str, form("C[0-9]{1,2}", "the code of a check, as C5")]
    outcome: Literal["pass", "badge", "quarantine", "reject"]
    text: Annotated[str, Field(max_length=200)]


class ShownRow(Typed):
    """A row of the board as the table shows it."""

    id: ModelId
    kind: Literal["submission", "null"]
    rank_low: int | None
    rank_high: int | None
    badges: Annotated[tuple[ShownMark, ...], Field(strict=False, max_length=40)]
    missing: Annotated[tuple[Short, ...], Field(strict=False, max_length=20)]
    metrics: Annotated[Mapping[Key, ShownMetric], Field(max_length=20, json_schema_extra=NAMED)]


class ShownColumn(Typed):
    """A metric of the board; `better` refers to the displayed value."""

    key: Key
    title: Title
    better: Literal["higher", "lower"]


class Lead(Typed):
    """The model's lead over another ranked one, or a baseline, on the primary metric; negative if behind."""

    id: ModelId
    difference: float
    low: float | None
    high: float | None
    p: Annotated[float, Field(ge=0, le=1)]
    outcome: Annotated[Literal["clears", "not_shown", "below"] | None, Given] = given(
        "Outcome", "Of a baseline: how the model stands to it."
    )
    matters: Annotated[bool | None, Given] = given(
        "Matters", "Whether the means are as far apart as matters."
    )


class RowBefore(Typed):
    """The model's row on main."""

    rank_low: int | None
    rank_high: int | None
    value: float | None


class RankChange(Typed):
    """Another model whose rank range changes."""

    id: ModelId
    before: Annotated[tuple[Rank, Rank], Field(strict=False)]
    after: Annotated[tuple[Rank, Rank], Field(strict=False)]


class ShownOutliers(Typed):
    """Studies whose judge score is far from its expectation."""

    above: Tally
    below: Tally


class ShownDiagnostics(Typed):
    """Diagnostics of the reports as a whole; the rest is on the model's page."""

    n_empty: Annotated[Tally | None, Given] = given("Empty", "Reports without a word.")
    distinct_fraction: Annotated[float | None, Given] = given("Distinct", "Distinct reports among all.")
    top1_share: Annotated[float | None, Given] = given("Most common", "Share of the most common report.")
    length_ratio: float | None = None
    exact_match: Annotated[float | None, Given] = given("Exact matches", "Equal to their reference.")
    copied_spans: Annotated[float | None, Given] = given("Copied", "With a passage of their reference alone.")
    letter_shares: (
        Annotated[Mapping[LetterName, Share], Field(max_length=4, json_schema_extra=NAMED)] | None
    ) = None
    judge_outliers: (
        Annotated[
            Mapping[
                Annotated[str, form("[a-z][a-z0-9_]{0,39}", "a metric's key")],
                ShownOutliers,
            ],
            Field(max_length=20, json_schema_extra=NAMED),
        ]
        | None
    ) = None


class BoardResult(Typed):
    """What a participant sees of one board: numbers as the table shows them.

    `row`: the model's own; `others`: the best, its neighbours and the baselines; `why`: why it has no rank.
    """

    dataset: Title
    track: TrackName
    title: Annotated[str, Field(max_length=80)]
    n: int
    n_clusters: int
    step: float | None
    primary: Short
    models: int
    metrics: Annotated[tuple[ShownColumn, ...], Field(strict=False, max_length=20)]
    row: ShownRow | None
    why: Annotated[str, Field(max_length=400)] | None
    others: Annotated[tuple[ShownRow, ...], Field(strict=False, max_length=12)]
    differences: Annotated[tuple[Lead, ...], Field(strict=False, max_length=12)]
    before: RowBefore | None
    n_moved: Tally
    moved: Annotated[tuple[RankChange, ...], Field(strict=False, max_length=MAX_MOVED)]
    diagnostics: ShownDiagnostics

    @property
    def ranked_by(self) -> ShownColumn:
        """The column of the ranking metric; its key instead of a title if the board lacks it."""
        other = ShownColumn.model_construct(key=self.primary, title=self.primary, better="higher")
        return next((m for m in self.metrics if m.key == self.primary), other)


class ScoreResult(Typed):
    """The result of scoring a pull request, or why there is none."""

    schema_: Literal["rexrank/score-result/v1"] = Field(alias="schema")
    pull_request: Annotated[int, Field(ge=1, le=9_999_999)]
    sha: Annotated[str, form("[0-9a-f]{40}", "a full commit id")]
    submission: Annotated[str, form(f"({_SLUG}/{_SLUG})?", "team/model, or nothing")]
    error: Annotated[str, Field(max_length=MAX_WORDS)] | None
    not_scored: Annotated[tuple[Title, ...], Field(strict=False, max_length=20)]
    quota: Annotated[tuple[Standing, ...], Field(strict=False, max_length=20)] = Field(
        description="What the ledger says of the team on each withheld dataset."
    )
    boards: Annotated[tuple[BoardResult, ...], Field(strict=False, max_length=20)]

    def view(self) -> Any:
        """The result as JSON."""
        return view(self)


def check_result(value: Any) -> ScoreResult:
    """The result in a JSON value; raises `RexrankError` without quoting it."""
    try:
        return ScoreResult.model_validate(value)
    except ValidationError:
        raise RexrankError("the result does not match its schema and is not shown.") from None


def failure(
    number: int, sha: str, words: str, *, submission: str = "", quota: tuple[Standing, ...] = ()
) -> ScoreResult:
    """The result of a failed scoring run, with our own wording."""
    return ScoreResult(
        schema=RESULT_SCHEMA,
        pull_request=number,
        sha=sha,
        submission=submission,
        error=words[:MAX_WORDS],
        not_scored=(),
        quota=quota,
        boards=(),
    )
