"""A valid submission: which tracks it enters, how many reports are empty."""

from __future__ import annotations

import dataclasses

import pytest

from evaluator.datasets.report import StudyReport
from evaluator.submissions.submission import Predictions


@pytest.mark.parametrize(
    ("reports", "tracks", "n_empty"),
    [
        ({"a": StudyReport("x")}, ("findings",), 0),
        ({"a": StudyReport("x", "y")}, ("findings", "report"), 0),
        ({"a": StudyReport("", ""), "b": StudyReport(" \n", "y")}, ("findings", "report"), 1),
        ({"a": StudyReport(None, "x")}, (), 0),
        ({"a": StudyReport("x"), "b": StudyReport("x", "y")}, ("findings",), 0),
        ({}, (), 0),
        ({"a": StudyReport(""), "b": StudyReport("\t")}, ("findings",), 2),
    ],
)
def test_tracks_and_empty_reports(reports, tracks, n_empty):
    predictions = Predictions("sandbox", reports, "0" * 64)
    assert (predictions.tracks, predictions.n_empty) == (tracks, n_empty)


def test_a_report_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        StudyReport("x").findings = "y"
