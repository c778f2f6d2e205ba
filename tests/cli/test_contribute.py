"""`rexrank submit` before anything is sent: questions at a terminal, options, the hub's card, an existing folder."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from requests.exceptions import ConnectionError as RequestsConnectionError

from evaluator.cli import main
from evaluator.cli.contribute import github_token
from evaluator.core.problems import RexrankError
from evaluator.datasets.sandbox.generate import submission_files
from evaluator.submissions.card_draft import CardDraft

SEND = ("submit", "preds.json", "--dataset", "sandbox", "--team", "acme", "--model", "m1")
ANSWERS = ["", "A university", "octocat", "26", "2026", "It looks.", "Ada 0000-1", "Zoë Łoś; 李 明", "", "http://x", "", "", "MIT", "", "frontal", "none", "", "none", "maybe", "n", "y"]  # fmt: skip


class Terminal(io.StringIO):
    """A user's standard input."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("GH_TOKEN", "GITHUB_TOKEN", "REXRANK_REPOSITORY", "REXRANK_REFERENCES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("evaluator.cli.contribute.shutil.which", lambda _name: None)
    (files,) = [t for p, t in submission_files().items() if p.endswith("near-copy/sandbox.json")]
    Path("preds.json").write_text(files)

    def call(*args, typed=None):
        monkeypatch.setattr(
            sys, "stdin", io.StringIO() if typed is None else Terminal("\n".join(typed) + "\n")
        )
        monkeypatch.setattr(sys, "argv", ["rexrank", *args])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return call


def test_a_person_is_asked_until_the_card_is_right(run):
    status, output, errors = run(*SEND, typed=ANSWERS)
    assert (status, "A token is required" in errors) == (1, True), output + errors
    assert "wanted a year of four digits" in output
    assert "wanted y or n" in output
    assert "wanted NAME (AFFILIATION) ORCID" in output
    assert "https" in output.split("http://x")[-1] or "wanted" in output
    card = Path("submissions/acme/m1/model.yaml").read_text()
    assert "name: m1\n" in card
    assert "training_data: []" in card
    assert "- name: Zoë Łoś\n- name: 李 明\n" in card
    # The second run asks nothing more and resumes from here.
    assert run(*SEND, typed=[])[0] == 1
    assert "already exists and is kept" in run(*SEND)[1]
    assert run("validate", "submissions/acme/m1")[0] == 0


def test_an_interrupted_dialogue_sends_nothing(run):
    status, _, errors = run(*SEND, typed=["m1", "A university"])
    assert (status, "nothing was sent" in errors) == (1, True)
    assert not Path("submissions/acme/m1/model.yaml").exists()


def test_a_dry_run_names_the_real_folder_instead_of_its_copy(run):
    status, output, _ = run(*SEND, "--dry-run", typed=ANSWERS)
    assert status == 0
    assert "would write submissions/acme/m1/sandbox.json: 60" in output
    assert not Path("submissions").exists()


def test_without_a_terminal_every_missing_option_is_named_at_once(run):
    status, _, errors = run("submit", "preds.json")
    assert status == 1
    assert all(f"{option} is missing" in errors for option in ("--dataset", "--team", "--model"))
    status, _, errors = run(*SEND, "--year", "2026")
    assert status == 1
    for option in ("--institution", "--contact", "--license", "--views", "--training-data", "--external-llm"):
        assert option in errors
    assert "--year " not in errors


def test_options_that_make_an_invalid_card_are_named_together(run):
    options = (
        "--contact",
        "a b",
        "--year",
        "1999",
        "--institution",
        "x",
        "--description",
        "x",
        "--license",
        "x",
    )
    more = (
        "--views",
        "front",
        "--context",
        "none",
        "--training-data",
        "none",
        "--external-llm",
        "--deterministic",
    )
    status, _, errors = run(*SEND, *options, *more)
    assert status == 1
    assert all(place in errors for place in ("/contact/0", "/year", "/inputs/views"))


def test_the_hub_s_card_is_the_start(run, monkeypatch):
    start = CardDraft(
        name="hub-name", institution="acme", license="mit", weights="https://huggingface.co/acme/m1"
    )
    monkeypatch.setattr("evaluator.submissions.hub_card.hub_draft", lambda _name: start)
    _, _, errors = run(*SEND, "--hub-model", "acme/m1")
    assert "--year" in errors
    assert "--license" not in errors

    def fail(_name):
        raise RexrankError("the card of acme/m1 cannot be read.")

    monkeypatch.setattr("evaluator.submissions.hub_card.hub_draft", fail)
    _, _, errors = run(*SEND, "--hub-model", "acme/m1")
    assert "cannot be read" in errors
    assert "--license" in errors


def test_a_folder_is_sent_unchanged_and_a_dry_run_writes_nothing(run):
    for path, text in submission_files().items():
        Path("submissions", path).parent.mkdir(parents=True, exist_ok=True)
        Path("submissions", path).write_text(text)
    before = sorted(p.stat().st_mtime_ns for p in Path().rglob("*"))
    status, output, _ = run(
        "submit", "submissions/rexrank-sandbox/near-copy", "--dry-run", "--format", "json"
    )
    value = json.loads(output)
    assert (status, value["result"]["sent"]) == (0, False)
    folder = Path("submissions/rexrank-sandbox/near-copy")
    assert set(value["result"]["files"]) == {p.as_posix() for p in folder.iterdir()}
    assert sorted(p.stat().st_mtime_ns for p in Path().rglob("*")) == before


def test_the_token_comes_from_the_environment_or_from_gh(monkeypatch, tmp_path):
    for name in ("GH_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    gh = tmp_path / "gh"
    gh.write_text("#!/bin/sh\n[ \"$1 $2\" = 'auth token' ] && echo from-gh\n")
    gh.chmod(0o755)
    monkeypatch.setattr("evaluator.cli.contribute.shutil.which", lambda _name: str(gh))
    assert github_token() == "from-gh"
    gh.write_text("#!/bin/sh\nexit 4\n")
    assert github_token() == ""
    monkeypatch.setenv("GITHUB_TOKEN", "g")
    monkeypatch.setenv("GH_TOKEN", "h")
    assert github_token() == "h"


CARD = ["--institution", "A", "--contact", "octocat", "--year", "2026", "--description", "It.", "--license", "MIT", "--views", "frontal", "--context", "none", "--training-data", "none", "--no-external-llm", "--deterministic"]  # fmt: skip


@pytest.mark.parametrize("token", ["g\u00efft", "two\nlines", "two words"])
def test_an_invalid_token_is_reported_without_showing_it(run, monkeypatch, token):
    monkeypatch.setenv("GH_TOKEN", token)
    status, output, errors = run(*SEND, *CARD, "--yes")
    assert (status, "GH_TOKEN contains" in errors) == (1, True)
    assert token not in output + errors


def test_a_dry_run_needs_no_github(run, monkeypatch):
    monkeypatch.setenv("GH_TOKEN", "abc")
    monkeypatch.setattr("evaluator.github.contribution.login_of", unreachable)
    status, output, errors = run(*SEND, *CARD, "--dry-run")
    assert (status, "cannot be reached" in errors, "Nothing was sent" in output) == (0, True, True)
    assert run(*SEND, *CARD, "--yes")[0] == 2


def unreachable(_repo):
    raise RequestsConnectionError
