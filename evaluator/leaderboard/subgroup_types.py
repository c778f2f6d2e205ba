"""A table's subgroups: per axis its groups, and per model means, ranks and gaps."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Annotated

from pydantic import Field

from evaluator.leaderboard.row import Entry, Texts


class Interval(Entry):
    """A value with its 95 % interval; null if the group is too small for one."""

    value: float | None
    low: float | None
    high: float | None


class Gap(Entry):
    """Mean of group a minus mean of group b."""

    a: str
    b: str
    raw: Interval
    standardised: Interval | None = Field(description="Both groups weighted to the same mix of studies.")
    covered: float | None = Field(description="Share of studies covered by the weighting.")
    beyond_null: Interval | None = Field(description="The raw gap minus that of the best baseline.")


class ModelGroups(Entry):
    """One model on one axis."""

    groups: Mapping[str, Interval]
    worst: str | None
    p: float | None
    q: float | None
    gaps: Annotated[tuple[Gap, ...], Field(strict=False)]


class Group(Entry):
    """A group of studies; counts are rounded unless the dataset is public."""

    name: str
    studies: int
    patients: int


class RankSteps(Entry):
    """The rank ranges in a group, in the order of the table's rows: each end minus that of the row before.

    The first row's are its ends; the sum up to a row is the row's end. One more model moves half of all ranks, but
    few of these steps.
    """

    low: Annotated[tuple[int, ...], Field(strict=False)] = Field(description="Steps of the best rank.")
    high: Annotated[tuple[int, ...], Field(strict=False)] = Field(description="Steps of the worst rank.")

    def ranges(self) -> list[tuple[int, int]]:
        """The range of ranks of each row: the best and the worst."""
        return [*zip(accumulate(self.low), accumulate(self.high), strict=False)]


class Axis(Entry):
    """One way to divide the studies, and every ranked model on it."""

    axis: str
    groups: Annotated[tuple[Group, ...], Field(strict=False)]
    models: Mapping[str, ModelGroups]
    rank_steps: Mapping[str, RankSteps] = Field(description="By group of at least 30 patients.")


class Subgroups(Entry):
    """The ranking metric by subgroup."""

    metric: str
    standardised_by: Texts
    null: str | None
    axes: Annotated[tuple[Axis, ...], Field(strict=False)]
