"""Prediction files of report generation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from evaluator.core.problems import Problems
from evaluator.datasets.references import References
from evaluator.datasets.registry import Dataset
from evaluator.datasets.report import StudyReport
from evaluator.submissions.convert.columns import Wanted
from evaluator.submissions.report_file import ReportFile
from evaluator.submissions.rules import lookalikes, structure
from evaluator.submissions.rules import text as rules
from evaluator.submissions.task_predictions import TaskPredictions


class ReportPredictions(TaskPredictions[StudyReport]):
    """A study's report is an object of sections, all of them texts."""

    schema = "predictions-v1"
    title = "Predictions, version 1"
    model = ReportFile
    example = '{"<study id>": {"findings": "…", "impression": "…"}}'

    def shape(
        self, file: str, text: str, value: object, dataset: Dataset, problems: Problems
    ) -> dict[str, StudyReport]:
        """The reports of the right shape, after reporting every other."""
        return structure.check_shape(file, text, value, dataset.id, problems)

    def content(
        self,
        file: str,
        text: str,
        predictions: Mapping[str, StudyReport],
        dataset: Dataset,
        problems: Problems,
    ) -> None:
        """Nothing; reports missing sections, characters, words, and what scoring will flag."""
        structure.check_sections(file, text, predictions, dataset, problems)
        rules.check_reports(file, text, predictions, problems, dataset.id)
        lookalikes.check_lookalikes(file, text, predictions, problems)

    def read(self, value: Mapping[str, JsonValue]) -> dict[str, StudyReport] | None:
        """The reports of a file that is already in the repository; `None` if it is not valid."""
        sound = {i: s for i, s in value.items() if isinstance(s, dict) and structure.well_formed(s)}
        if len(sound) < len(value):
            return None
        return {i: StudyReport(**{name: str(s[name]) for name in s}) for i, s in sound.items()}

    def plain(self, prediction: StudyReport) -> JsonValue:
        """The sections by name."""
        return dict(prediction.fields)

    def convert(
        self,
        path: Path,
        dataset: Dataset,
        known: frozenset[str],
        *,
        wanted: Wanted,
        references: References | None,
        keep: bool,
    ) -> tuple[Mapping[str, StudyReport], tuple[str, ...]]:
        """The reports of a file of predictions in any known form."""
        from evaluator.submissions.convert.conversion import convert

        conversion = convert(path, dataset, known, wanted=wanted, references=references, keep=keep)
        return conversion.reports, conversion.notes


REPORTS: Final = ReportPredictions()
