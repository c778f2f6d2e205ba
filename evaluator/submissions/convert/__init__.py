"""Predictions in the formats that people use, converted to a submission file; references are never included."""

from __future__ import annotations

from evaluator.submissions.convert.columns import Wanted
from evaluator.submissions.convert.conversion import Converted, convert
from evaluator.submissions.convert.sections import Split, split_report
from evaluator.submissions.convert.table import Refused

__all__ = ["Converted", "Refused", "Split", "Wanted", "convert", "split_report"]
