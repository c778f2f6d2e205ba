"""One report of a study, and reports as the text of a prediction file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StudyReport:
    """One predicted report: `impression` is `None` when the model writes findings only."""

    findings: str
    impression: str | None = None

    @property
    def sections(self) -> dict[str, str]:
        """The texts by the names of their fields in a file."""
        impression = {} if self.impression is None else {"impression": self.impression}
        return {"findings": self.findings, **impression}

    @property
    def empty(self) -> bool:
        """Whether the report says nothing at all."""
        return not self.findings.strip() and not (self.impression or "").strip()


def dump_predictions(reports: Mapping[str, StudyReport]) -> str:
    """A submission file's text: keys sorted, one study a line."""
    lines = []
    for study in sorted(reports):
        body = json.dumps(reports[study].sections, ensure_ascii=False)
        lines.append(f"{json.dumps(study, ensure_ascii=False)}: {body}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
