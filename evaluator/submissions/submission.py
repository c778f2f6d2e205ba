"""A submission that has passed the checks: frozen, typed, nothing left to parse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluator.datasets.registry import TrackName
from evaluator.datasets.report import StudyReport


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
    card: Mapping[str, Any]
    files: Mapping[str, Predictions]
