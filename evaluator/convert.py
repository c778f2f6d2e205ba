"""A submission file's text from its reports."""

from __future__ import annotations

import json
from collections.abc import Mapping

from evaluator.submission import StudyReport


def dump_predictions(reports: Mapping[str, StudyReport]) -> str:
    """A submission file's text: keys sorted, one study a line."""
    lines = []
    for study in sorted(reports):
        report = reports[study]
        body = {"findings": report.findings}
        if report.impression is not None:
            body["impression"] = report.impression
        lines.append(f"{json.dumps(study, ensure_ascii=False)}: {json.dumps(body, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
