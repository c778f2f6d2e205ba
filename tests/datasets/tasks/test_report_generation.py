"""The impression-only track: only where a dataset's file names it, and there from the file to the site."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.submissions import GOOD_CARD, dump, good_studies

from evaluator.datasets import registry
from evaluator.datasets.references import load_references
from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.rank import rank_all
from evaluator.scoring.baselines import score_baselines
from evaluator.scoring.run import ScoreSettings, score_submission
from evaluator.site.build import pages
from evaluator.submissions.reading import validate_paths

IMPRESSIONS = {i: {"impression": s["impression"]} for i, s in good_studies().items()}
FINDINGS = {i: {"findings": s["findings"]} for i, s in good_studies().items()}


@pytest.fixture
def switched_on(tmp_path, monkeypatch):
    """The sandbox as a dataset whose file names the third track."""
    folder = tmp_path / "datasets"
    shutil.copytree(Path(registry.__file__).parent, folder)
    path = folder / "sandbox.yaml"
    text = path.read_text("utf-8")
    assert "tracks: {findings: 60, report: 60}" in text
    path.write_text(text.replace("report: 60}", "report: 60, impression: 60}", 1))
    monkeypatch.setattr(registry, "_folder", lambda: folder)
    registry._read.cache_clear()
    yield get_dataset("sandbox")
    registry._read.cache_clear()


def submission(root, model, studies):
    folder = root / "submissions/acme" / model
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text(GOOD_CARD)
    (folder / "sandbox.json").write_text(dump(studies))
    return folder


def codes(report):
    return [(p.code, p.found) for p in report.problems if p.severity == "error"]


def test_a_file_of_impressions_is_refused_if_the_dataset_has_no_such_track(tmp_path):
    report = validate_paths([submission(tmp_path, "m", IMPRESSIONS)], None)
    assert codes(report) == [("RX213", "impression alone")]
    (problem,) = (p for p in report.problems if p.code == "RX213")
    assert problem.wanted == (
        "in every study the sections of a track of sandbox: findings (findings track); findings and impression (findings + impression track)"
    )
    assert problem.fix == 'add findings to every study ("" where the model produced none)'


@pytest.mark.parametrize(
    ("studies", "tracks"),
    [
        (IMPRESSIONS, ("impression",)),
        (FINDINGS, ("findings",)),
        (good_studies(), ("findings", "report", "impression")),
    ],
    ids=["impressions", "findings", "both"],
)
def test_a_file_enters_the_tracks_whose_sections_it_has(tmp_path, switched_on, studies, tracks):
    assert list(switched_on.tracks) == ["findings", "report", "impression"]
    report = validate_paths([submission(tmp_path, "m", studies)], None)
    assert codes(report) == []
    assert report.found[0].files[0].tracks == tracks


def test_sections_in_some_studies_only_are_named_there_too(tmp_path, switched_on):
    first, second = sorted(IMPRESSIONS)[:2]
    mixed = IMPRESSIONS | {first: good_studies()[first], second: {}}
    report = validate_paths([submission(tmp_path, "m", mixed)], None)
    assert {c for c, _ in codes(report)} == {"RX206"}


def test_the_track_is_scored_ranked_and_shown(tmp_path, switched_on):
    board, settings = tmp_path / "board", ScoreSettings(metrics=("bleu_2",), store=tmp_path / "store")
    references = load_references(switched_on, None)
    for model, studies in (("alone", IMPRESSIONS), ("whole", good_studies())):
        (entry,) = validate_paths([submission(tmp_path, model, studies)], None).found
        score_submission(entry.submission, switched_on, references, board, settings)
    score_baselines(references, board, settings)
    tables = {t.track: t for t in rank_all(board, tmp_path / "store", rehearsal=True)}
    assert list(tables) == ["findings", "report", "impression"]
    assert {r.model for r in tables["impression"].rows} == {"alone", "whole"}
    assert {r.model for r in tables["report"].rows} == {"whole"}
    means = {r.model: r.metrics["bleu_2"].mean for r in tables["impression"].rows}
    assert means["alone"] == means["whole"], "the same impressions, whatever stands beside them"
    files = pages(board, "https://example.org/")
    assert "impression" in files["leaderboards/sandbox/impression.md"]
    assert json.loads(files["data/sandbox.impression.json"])["track"] == "impression"
