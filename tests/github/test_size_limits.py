"""What a merge would make too large is named beforehand, with the file and what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.boards import ROOT

from evaluator.github import size_limits
from evaluator.github.pull_request import Intake
from evaluator.github.size_limits import exceeded
from evaluator.github.validation_comment import RepositoryFacts, validation_comment
from evaluator.submissions.reading import validate_paths
from evaluator.submissions.validate import Report

FOLDER = ROOT / "submissions/rexrank-sandbox/near-copy"


@pytest.fixture(scope="module")
def report() -> Report:
    return validate_paths([FOLDER], None)


@pytest.fixture
def main(tmp_path):
    """Main with two models on one board of the sandbox."""
    for model in ("first", "second"):
        for kind, suffix, size in (
            ("records", "json", 400),
            ("studies", "parquet", 900),
            ("cases", "json", 700),
        ):
            path = tmp_path / f"leaderboard/{kind}/sandbox/findings/team__{model}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b" " * size)
    table = tmp_path / "leaderboard/tables/sandbox.findings.json"
    table.parent.mkdir()
    table.write_bytes(b" " * 6_000)
    return tmp_path


LIMITS = {
    "models of a board": (
        "MAX_ROWS",
        2,
        "`leaderboard/tables/sandbox.findings.json` would have 3 rows, but the limit is 2",
    ),
    "bytes of a table": (
        "MAX_FILE_BYTES",
        8_999,
        "`leaderboard/tables/sandbox.findings.json` would take about",
    ),
    "bytes of the pairs": (
        "PAIR_BYTES",
        100_000_000,
        "`pairwise/sandbox.findings.parquet` would take about 300 MB",
    ),
    "files": ("MAX_FILES", 11, "`leaderboard/` would contain 12 files"),
    "bytes of the leaderboard": ("MAX_BYTES", 11_999, "`leaderboard/` would take"),
    "bytes of the repository": ("MAX_REPOSITORY_BYTES", 15_000, "The repository takes 0.0 GB on GitHub"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_named_with_file_and_fix(main, report, monkeypatch, name):
    constant, value, words = LIMITS[name]
    monkeypatch.setattr(size_limits, constant, value)
    submission = report.found[0].submission
    (line,) = exceeded(main / "leaderboard", 15_001, submission)
    assert line.startswith(words)
    assert "Remove the folders of models" in line
    comment = validation_comment(
        Intake(7, "a" * 40, "submission", "", report), RepositoryFacts(limits=[line])
    )
    assert "Do not merge yet" in comment
    assert line in comment


def test_nothing_is_reported_below_the_limits(main, report):
    submission = report.found[0].submission
    assert exceeded(main / "leaderboard", 15_001, submission) == []
    assert exceeded(main / "nothing", 0, submission) == []
    assert "Not to be merged" not in validation_comment(
        Intake(7, "a" * 40, "submission", "", report), RepositoryFacts()
    )


def test_an_existing_model_adds_nothing(main, report, monkeypatch):
    monkeypatch.setattr(size_limits, "MAX_ROWS", 2)
    submission = replace(report.found[0].submission, team="team", model="first")
    lines = exceeded(main / "leaderboard", 15_001, submission)
    assert not [line for line in lines if "findings" in line]
