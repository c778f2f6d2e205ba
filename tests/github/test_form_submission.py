"""What one job of the form's workflow hands to the other, and what the other accepts."""

from __future__ import annotations

import json

import pytest
from github import GithubException

from evaluator.core.problems import RexrankError
from evaluator.datasets.sandbox.generate import submission_files
from evaluator.github import form_submission
from evaluator.github.form_submission import FORM, NO_BRANCH, FormResult, read_form_result, send
from evaluator.github.issue_form import Form
from evaluator.github.ownership import Person
from evaluator.submissions.card_draft import QUESTIONS, CardDraft, answered

GOOD = {"issue": 7, "name": "acme/m1", "files": ["model.yaml", "iu-xray.json"], "answer": ""}


def write(folder, **changes):
    (folder / FORM).write_text(json.dumps(GOOD | changes))
    for name in ("model.yaml", "iu-xray.json"):
        (folder / name).write_text("x")


def test_prepared_files_are_accepted(tmp_path):
    write(tmp_path)
    prepared, files = read_form_result(tmp_path)
    assert (prepared.issue, prepared.name) == (7, "acme/m1")
    assert files == {"model.yaml": b"x", "iu-xray.json": b"x"}


@pytest.mark.parametrize(
    "changes",
    [
        {"issue": "7"},
        {"issue": 0},
        {"name": "../x"},
        {"name": "acme/m1/x"},
        {"name": "con/m1"},
        {"files": ["../../.github/workflows/x.yml"]},
        {"files": ["model.yaml", "other.json"]},
        {"files": ["model.yaml"] * 3},
        {"files": ["chexpert-plus.json"]},
        {"answer": "x" * 70_000},
        {"more": 1},
    ],
    ids=str,
)
def test_anything_else_is_refused(tmp_path, changes):
    write(tmp_path, **changes)
    with pytest.raises(RexrankError):
        read_form_result(tmp_path)


def test_links_and_large_files_are_refused(tmp_path):
    write(tmp_path)
    (tmp_path / "model.yaml").unlink()
    (tmp_path / "model.yaml").symlink_to("/etc/passwd")
    with pytest.raises(RexrankError):
        read_form_result(tmp_path)
    (tmp_path / "model.yaml").unlink()
    (tmp_path / "model.yaml").write_bytes(b"x" * 64_001)
    with pytest.raises(RexrankError):
        read_form_result(tmp_path)


@pytest.mark.parametrize(("status", "told"), [(403, True), (422, True), (502, False)])
def test_a_repository_without_form_branches_says_so(monkeypatch, status, told):
    class Requester:
        def requestJsonAndCheck(self, *_args, **_more):  # noqa: N802 - PyGithub's name
            return {}, {"object": {"sha": "0" * 40}}

    class Repo:
        full_name, requester = "org/challenge", Requester()

    def refuse(*_args, **_more):
        raise GithubException(status, {"message": "Repository rule violations found"})

    monkeypatch.setattr(form_submission.api, "pull_of_branch", lambda *_: None)
    monkeypatch.setattr(form_submission, "make_commit", lambda *_: "1" * 40)
    monkeypatch.setattr(form_submission, "move_branch", refuse)
    prepared = FormResult(issue=7, name="acme/m1", files=("model.yaml",))
    if told:
        assert send(Repo(), prepared, {"model.yaml": b"x"}, "me") == NO_BRANCH
    else:
        with pytest.raises(GithubException):
            send(Repo(), prepared, {"model.yaml": b"x"}, "me")


@pytest.mark.parametrize("dataset", ["sandbox", "sandbox-vqa"])
def test_the_form_takes_what_the_datasets_task_takes(monkeypatch, dataset):
    texts = submission_files()
    monkeypatch.setattr(
        form_submission,
        "fetch_attachment",
        lambda *_: texts[f"rexrank-sandbox/near-copy/{dataset}.json"].encode(),
    )
    monkeypatch.setattr(form_submission.api, "server", lambda: "https://github.com")
    monkeypatch.setattr(form_submission, "_owned", lambda *_: None)
    answers = {"views": "frontal", "context": "none", "training_data": "none", "uses_external_llm": "no"}
    answers |= {"name": "Quiet", "institution": "A university", "contact": "stranger", "year": "2026"}
    answers |= {"description": "It looks.", "license": "MIT", "deterministic": "yes"}
    draft = CardDraft()
    for question in QUESTIONS:
        draft = answered(draft, question, answers.get(question.field, ""))
    form = Form("formers", "quiet", dataset, "https://github.com/x/p.json", draft)
    files = form_submission._files(form, Person("stranger", 1))
    assert sorted(files) == ["model.yaml", f"{dataset}.json"]
