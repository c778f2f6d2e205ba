"""`rexrank validate --references`: copies are detected, and ids compared, before anything becomes public."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from evaluator.cli.submit import run_validate
from evaluator.core.problems import RexrankError
from evaluator.datasets.report import StudyReport, dump_predictions
from evaluator.datasets.sandbox.generate import submission_files

CARD = submission_files()["rexrank-sandbox/template/model.yaml"]


@pytest.fixture
def references(tmp_path):
    """Synthetic references of forty studies of a private dataset; no two share a text."""
    data = json.loads(resources.files("evaluator.datasets.sandbox").joinpath("sandbox.json").read_bytes())
    distinct = {v["section_findings"]: v for v in data.values() if len(v["section_findings"].split()) >= 15}
    studies = {f"5{n:07}": v for n, v in enumerate([*distinct.values()][:40])}
    folder = tmp_path / "references"
    folder.mkdir()
    (folder / "mimic-cxr.json").write_text(json.dumps(studies), "utf-8")
    return studies


@pytest.fixture
def submission(tmp_path):
    def write(reports, dataset="mimic-cxr"):
        folder = tmp_path / "submissions" / "acme" / "m1"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.yaml").write_text(CARD, "utf-8")
        (folder / f"{dataset}.json").write_text(dump_predictions(reports), "utf-8")
        return folder

    return write


def copied(references):
    """Every study's own reference."""
    return {i: StudyReport(v["section_findings"], v["section_impression"]) for i, v in references.items()}


def said(capsys, folder, directory, form="text"):
    code = run_validate([folder], form, directory)
    return code, capsys.readouterr().out


def test_copies_are_warned_of_in_the_same_words_as_in_scoring(capsys, tmp_path, references, submission):
    folder = submission(copied(references))
    code, text = said(capsys, folder, tmp_path / "references")
    assert code == 0
    assert "RX306 warning" in text
    assert "C11: " in text
    assert "(refused: no rank)" in text
    code, text = said(capsys, folder, tmp_path / "references", "json")
    problems = json.loads(text)["problems"]
    assert {p["code"] for p in problems} >= {"RX306"}
    assert all(p["file"] == "submissions/acme/m1/mimic-cxr.json" for p in problems)
    for form in ("github", "markdown"):
        assert "RX306" in said(capsys, folder, tmp_path / "references", form)[1]


def test_nothing_is_compared_without_references(capsys, monkeypatch, tmp_path, references, submission):
    monkeypatch.delenv("REXRANK_REFERENCES", raising=False)
    folder = submission(copied(references))
    assert "RX306" not in said(capsys, folder, None)[1]
    monkeypatch.setenv("REXRANK_REFERENCES", str(tmp_path / "references"))
    assert "RX306" in said(capsys, folder, None)[1]


def test_reports_of_other_patients_are_not_copies(capsys, tmp_path, references, submission):
    folder = submission({i: StudyReport("The lungs are clear.", "Normal.") for i in references})
    code, text = said(capsys, folder, tmp_path / "references")
    assert code == 0
    assert "RX306" not in text


def test_a_folder_without_the_references_is_an_error(tmp_path, references, submission):
    folder = submission(copied(references))
    (tmp_path / "empty").mkdir()
    with pytest.raises(RexrankError, match=r"no references in .*empty: looked for mimic-cxr\.json"):
        run_validate([folder], "text", tmp_path / "empty")


def test_ids_are_compared_with_the_reference_file_itself(capsys, tmp_path, references, submission):
    """No manifest needs to be published: anyone with the data can compare the ids at once."""
    ids = sorted(references)
    reports = {i: StudyReport("x") for i in [*ids[:-1], "69999999"]}
    code, text = said(capsys, submission(reports), tmp_path / "references", "json")
    by_code = {p["code"]: p["found"] for p in json.loads(text)["problems"]}
    assert code == 1
    assert {"RX302", "RX303"} <= set(by_code)


def test_a_folder_of_manifests_is_enough_for_the_ids(capsys, tmp_path, references, submission):
    from evaluator.core.files import dump_json
    from evaluator.core.typed import view
    from evaluator.datasets.references import load_references, manifest
    from evaluator.datasets.registry import get_dataset

    folder = tmp_path / "manifests"
    folder.mkdir()
    loaded_references = load_references(get_dataset("mimic-cxr"), tmp_path / "references")
    (folder / "mimic-cxr.manifest.json").write_text(dump_json(view(manifest(loaded_references))))
    code, text = said(capsys, submission(copied(references)), folder)
    assert code == 0
    assert "RX306" not in text
