"""One report of a study, and reports as the text of a prediction file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StudyReport:
    """One predicted report; a section that the model does not write is `None`."""

    findings: str | None = None
    impression: str | None = None

    @property
    def fields(self) -> dict[str, str]:
        """The sections by the names of their fields in a file."""
        sections = {"findings": self.findings, "impression": self.impression}
        return {name: text for name, text in sections.items() if text is not None}

    @property
    def text(self) -> str:
        """The whole text, findings first."""
        return " ".join(self.fields.values()).strip()

    @property
    def empty(self) -> bool:
        """Whether the report says nothing at all."""
        return not self.text


def dump_predictions(reports: Mapping[str, StudyReport]) -> str:
    """A submission file's text: keys sorted, one study per line."""
    lines = []
    for study in sorted(reports):
        body = json.dumps(reports[study].fields, ensure_ascii=False)
        lines.append(f"{json.dumps(study, ensure_ascii=False)}: {body}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
