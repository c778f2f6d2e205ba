"""What counts as proof that a reviewer approved a pull request, and every record that does not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from support.approvals import REPOSITORY, Approvals, review, run

SCRIPT = Path(__file__).parents[2] / "runner" / "released.py"
SHA = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40
UNRELEASED = {
    "nobody requested": ([], {}, "nobody requested"),
    "another commit": ([run(12, OTHER)], {12: [review()]}, "nobody requested"),
    "another pull request": ([run(13, SHA)], {13: [review()]}, "nobody requested"),
    "it waits": ([run(12, SHA, status="waiting")], {12: [review()]}, "nobody requested"),
    "it failed": ([run(12, SHA, status="completed", conclusion="failure")], {12: [review()]}, "nobody requested"),
    "it was cancelled": (
        [run(12, SHA, status="completed", conclusion="cancelled")], {12: [review()]}, "nobody requested",
    ),
    "a fork's run": ([run(12, SHA, head_repository={"full_name": "evil/challenge"})], {12: [review()]}, "nobody requested"),
    "a pull request's run": ([run(12, SHA, event="pull_request")], {12: [review()]}, "nobody requested"),
    "another branch": ([run(12, SHA, head_branch="evil")], {12: [review()]}, "nobody requested"),
    "another workflow": ([run(12, SHA, path=".github/workflows/evil.yml")], {12: [review()]}, "nobody requested"),
    "nobody approved": ([run(12, SHA)], {}, "nobody approved"),
    "another environment": ([run(12, SHA)], {12: [review(environment="scoring-auto")]}, "nobody approved"),
    "rejected": ([run(12, SHA)], {12: [review("rejected")]}, "nobody approved"),
    "approved and rejected": ([run(12, SHA)], {12: [review(), review("rejected")]}, "nobody approved"),
    "pending": ([run(12, SHA)], {12: [review("pending")]}, "nobody approved"),
    "approved elsewhere": ([run(12, SHA), run(13, SHA)], {13: [review()]}, "nobody approved"),
    "runs that are none": ([None, 3, {"id": "12"}], {}, "nobody requested"),
    "odd runs": ([run(12, SHA, repository=7)], {}, "unexpected form"),
    "odd reviews": ([run(12, SHA)], {12: [7]}, "unexpected form"),
}  # fmt: skip

SILENT = {
    "forbidden": (403, b"{}", "rate limit"),
    "gone": (404, b"{}", "status 404"),
    "sent elsewhere": (302, b"http://127.0.0.1:9/", "status 302"),
    "no JSON": (200, b"<html>", "not JSON"),
    "unexpected form": (200, b"[]", "unexpected form"),
    "no list": (200, b'{"workflow_runs": 1}', "unexpected form"),
}


@pytest.fixture
def api():
    with Approvals() as approvals:
        yield approvals


@pytest.fixture
def ask(api, monkeypatch, capsys):
    """The exit status of the script and its message."""
    spec = importlib.util.spec_from_file_location("released", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.PAUSE = 0
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), api.url, REPOSITORY, "12", SHA])

    def call():
        try:
            module.main()
        except SystemExit as end:
            return end.code, capsys.readouterr().err
        return 0, capsys.readouterr().err

    return call


@pytest.mark.parametrize(
    "runs",
    [
        [run(12, SHA)],
        [run(12, SHA, path=".github/workflows/score.yml@refs/heads/main")],
        [run(12, SHA, status="completed", conclusion="success")],
        [run(40, SHA), run(11, SHA, display_title=f"score PR #12 @ {SHA}"), run(12, SHA)],
    ],
    ids=["in progress", "with its branch", "succeeded", "among others"],
)
def test_an_approved_run_releases_its_pull_request(api, ask, runs):
    api.runs, api.reviews = runs, {12: [review(environment="other"), review()]}
    assert ask() == (0, "")


@pytest.mark.parametrize("name", UNRELEASED)
def test_no_other_record_does(api, ask, name):
    api.runs, api.reviews, words = UNRELEASED[name]
    status, text = ask()
    assert status in {1, 2}
    assert words in text
    assert "evil" not in text


@pytest.mark.parametrize("name", SILENT)
def test_an_unclear_answer_from_github_approves_nothing(api, ask, name):
    status, body, words = SILENT[name]
    api.answer = (status, body)
    code, text = ask()
    assert (code, words in text) == (2, True), text


def test_a_server_that_is_busy_is_asked_again(api, ask, monkeypatch):
    api.runs, api.reviews = [run(12, SHA)], {12: [review()]}
    api.answer = (502, b"")
    reply = api.reply

    def better(path):
        answer = reply(path)
        api.answer = None
        return answer

    monkeypatch.setattr(api, "reply", better)
    assert ask() == (0, "")
    assert len(api.asked) == 3


def test_an_answer_without_an_end_is_not_read(api, ask):
    api.answer = (200, b" " * 8_000_001)
    status, words = ask()
    assert (status, "too long" in words) == (2, True)


def test_a_proxy_of_the_environment_is_not_used(api, ask, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    api.runs, api.reviews = [run(12, SHA)], {12: [review()]}
    assert ask() == (0, "")
