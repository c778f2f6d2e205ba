"""What counts as submitted before, and the files that the store keeps of a team."""

from __future__ import annotations

import json

import pytest
from support import records
from support.submissions import model_card

from evaluator.datasets.registry import get_dataset
from evaluator.datasets.report import StudyReport
from evaluator.scoring.earlier import MAX_OWN_FILES, came_before, keep_file, own_files
from evaluator.scoring.records import record_path
from evaluator.submissions.reading import submitted_predictions
from evaluator.submissions.submission import Predictions, Submission

DATASET = get_dataset("iu-xray")


def submission(digest="a" * 64, model="model", text="Clear."):
    files = {
        DATASET.id: Predictions(
            DATASET.id, {"s1": StudyReport(text), "s2": StudyReport("", "Normal.")}, digest
        )
    }
    return Submission("me", model, model_card(), files)


def record(leaderboard, name, submitted, number=None, digest="b" * 64):
    team, _, model = name.partition("/")
    path = record_path(leaderboard, DATASET.id, "findings", team, model)
    path.parent.mkdir(parents=True, exist_ok=True)
    origin = {"predictions_sha256": digest, "pull_request": number}
    place = {"dataset": DATASET.id, "team": team, "model": model}
    value = records.record(**place, submitted=submitted, provenance={**origin, "references_sha256": "d"})
    path.write_text(json.dumps(value.view()), "utf-8")


@pytest.mark.parametrize(
    ("mine", "theirs", "first"),
    [
        (None, ("2026-02-01", 9), True),
        (None, None, True),
        (("2026-02-01", 5), ("2026-01-31", 9), True),
        (("2026-02-01", 5), ("2026-02-02", 1), False),
        (("2026-02-01", 5), ("2026-02-01", 4), True),
        (("2026-02-01", 5), ("2026-02-01", 6), False),
        (("2026-02-01", None), ("2026-02-01", 6), False),
        (("2026-02-01", 5), None, False),
    ],
)
def test_who_came_first(mine, theirs, first, tmp_path):
    if mine:
        record(tmp_path, "me/model", *mine, digest="a" * 64)
    if theirs:
        record(tmp_path, "you/model", *theirs)
    assert came_before(submission(), DATASET, ["me/model", "you/model"], tmp_path) == (
        ["you/model"] if first else []
    )


def test_other_bytes_of_the_same_model_come_after_everything(tmp_path):
    record(tmp_path, "me/model", "2026-01-01", 1)
    record(tmp_path, "you/model", "2026-02-01", 2)
    assert came_before(submission(), DATASET, ["you/model"], tmp_path) == ["you/model"]


def test_files_are_kept_once_and_the_oldest_go(tmp_path):
    keep_file(tmp_path, submission(), DATASET, "2026-01-01")
    keep_file(tmp_path, submission(), DATASET, "2026-05-01")
    assert own_files(tmp_path, DATASET, "me", "a" * 64) == []
    (file,) = own_files(tmp_path, DATASET, "me", "c" * 64)
    assert (file.name, file.submitted) == ("me/model", "2026-01-01")
    assert file.predictions == submission().files[DATASET.id].items
    for i in range(MAX_OWN_FILES):
        keep_file(tmp_path, submission(f"{i:064}", "other", str(i)), DATASET, f"2026-02-{i + 1:02}")
    files = own_files(tmp_path, DATASET, "me", "")
    assert len(files) == MAX_OWN_FILES
    assert {f.name for f in files} == {"me/other"}
    assert own_files(tmp_path, DATASET, "you", "") == []


def test_other_submissions_are_read_on_demand(tmp_path):
    for name, text in (("me/model", "{}"), ("you/one", '{"s1": {"findings": "Clear."}}'), ("you/two", "{")):
        path = tmp_path / name / f"{DATASET.id}.json"
        path.parent.mkdir(parents=True)
        path.write_text(text, "utf-8")
    files = submitted_predictions(tmp_path, DATASET, "me/model")
    assert sorted(files) == ["you/one", "you/two"]
    assert files["you/one"] == {"s1": StudyReport("Clear.")}
    assert files["you/two"] == {}  # damaged: nothing to compare with
    assert list(files.only(["you/two", "nobody/at-all"])) == ["you/two"]
