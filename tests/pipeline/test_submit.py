"""`rexrank submit` and `rexrank status` against the rehearsal's GitHub, outside a checkout, with a participant's token."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from rehearsal.git import git
from rehearsal.submissions import reports
from rehearsal.world import World

from evaluator.cli import main
from evaluator.datasets.report import dump_predictions

CARD = (
    *("--institution", "A university", "--year", "2026", "--description", "It looks at frontal views."),
    *("--license", "MIT", "--views", "frontal", "--context", "none", "--training-data", "none"),
    *("--no-external-llm", "--deterministic"),
)


@pytest.fixture
def rexrank(rehearsal: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """Calls the command as a participant does; returns status and output."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("GITHUB_SERVER_URL", rehearsal.state.base_url)
    monkeypatch.setenv("GITHUB_API_URL", f"{rehearsal.state.base_url}/api/v3")
    monkeypatch.setenv("REXRANK_REPOSITORY", rehearsal.executor.repository)
    monkeypatch.setenv(
        "GH_TOKEN", rehearsal.token("stranger", contents="write", pull_requests="write", statuses="read")
    )
    monkeypatch.delenv("REXRANK_REFERENCES", raising=False)

    def call(*args: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["rexrank", *args])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out + printed.err

    return call


def test_from_a_file_to_a_pull_request_and_its_comment(rehearsal: World, rexrank) -> None:
    world = rehearsal
    Path("preds.json").write_text(dump_predictions(reports()))
    send = ("submit", "preds.json", "--dataset", "sandbox", "--team", "acme", "--model", "m1", *CARD)
    # Before anything is public: a dry run, and a question that nobody can answer here.
    assert rexrank(*send, "--dry-run")[0] == 0
    assert not Path("submissions").exists()
    status, words = rexrank(*send)
    assert (status, "Add --yes" in words) == (1, True)
    assert (world.state.pulls, world.state.forks) == ({}, set())

    # The reply to the first attempt is lost; the same command resumes.
    world.fault("lost", "POST", "/git/commits")
    status, words = rexrank(*send, "--yes")
    assert (status, "run the same command again" in words) == (2, True), words
    world.fault("lost", "POST", "/pulls$")
    status, words = rexrank(*send, "--yes")
    assert (status, "Opened http" in words) == (0, True), words
    world.settle()
    (p,) = world.state.pulls.values()
    assert (p.author, p.head_repo, p.head_branch) == ("stranger", "stranger/challenge", "rexrank/acme+m1")
    (comment,) = world.bot_comments(p)
    assert "Valid submission" in comment.body
    assert sorted(git(world.state.bare, "diff", "--name-only", "main", p.head_sha).split()) == [
        "submissions/acme/m1/model.yaml",
        "submissions/acme/m1/sandbox.json",
    ]

    status, words = rexrank("status", "acme/m1")
    assert status == 0
    assert "rexrank/score: pending" in words
    assert "Valid submission" in words
    assert "Next: Nothing to do" in words
    value = json.loads(rexrank("status", str(p.number), "--format", "json")[1])
    assert (value["result"]["number"], value["result"]["state"], value["result"]["mark"]) == (
        1,
        "open",
        "pending",
    )

    # Again: nothing new. Changed: one more commit on the same pull request.
    assert "already has exactly these files" in rexrank(*send, "--yes")[1]
    Path("preds.json").write_text(dump_predictions(reports(seed=8)))
    status, words = rexrank(*send, "--yes")
    assert (status, "Updated the open pull request" in words) == (0, True), words
    world.settle()
    assert list(world.state.pulls) == [1]
    assert git(world.state.bare, "rev-list", "--count", f"main..{p.head_sha}") == "2"
    assert p.head_sha in world.bot_comments(p)[0].body
    assert world.state.denials == []

    # Problems are reported before anything leaves; the status says what to do about other submissions.
    Path("preds.json").write_text('{"a": {"findings": "x"}}')
    assert rexrank(*send, "--yes")[0] == 1
    status, words = rexrank("status", "acme/m2")
    assert (status, "no pull request for acme/m2" in words) == (1, True)
    assert rexrank("status", "7")[0] == 1
