"""A submission that has passed the checks: frozen, typed, nothing left to parse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field, RootModel

from evaluator.core.typed import Given, Typed, given
from evaluator.datasets.registry import TrackName
from evaluator.datasets.report import StudyReport
from evaluator.submissions.model_card import ModelCard


class Study(Typed):
    """The predicted report of one study."""

    findings: str = Field(
        title="Findings", description="The findings section; an empty string where the model gave nothing."
    )
    impression: Annotated[str | None, Given] = given(
        "Impression",
        "The impression section: in every study (report track) or in none (findings track).",
    )


class PredictionFile(RootModel[Annotated[dict[str, Study], Field(min_length=1)]]):
    """One dataset's predicted reports by study id. Keys sorted, one study a line, UTF-8. References never travel along."""

    model_config = ConfigDict(frozen=True, strict=True)


@dataclass(frozen=True, slots=True)
class Predictions:
    """One dataset's predictions: reports by study id, and the SHA-256 of the file's bytes."""

    dataset: str
    reports: Mapping[str, StudyReport]
    sha256: str

    @property
    def has_impressions(self) -> bool:
        """Whether every report has an impression (all or none have)."""
        return all(r.impression is not None for r in self.reports.values())

    @property
    def tracks(self) -> tuple[TrackName, ...]:
        """The tracks the file enters: findings, and report when it has impressions."""
        return ("findings", "report") if self.has_impressions else ("findings",)

    @property
    def n_empty(self) -> int:
        """Reports that say nothing."""
        return sum(r.empty for r in self.reports.values())


@dataclass(frozen=True, slots=True)
class Submission:
    """A team's model: its card and its predictions by dataset id."""

    team: str
    model: str
    card: ModelCard
    files: Mapping[str, Predictions]
