"""Who may request which scores, and what the answer says."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from support.challenges import use
from support.comments import inert
from support.submissions import model_card

from evaluator.core.problems import Problems
from evaluator.datasets.report import StudyReport
from evaluator.github import api
from evaluator.github import quota_status as slots
from evaluator.github import score_request as request
from evaluator.github.pull_request import Intake
from evaluator.submissions.submission import Predictions, Submission
from evaluator.submissions.validate import FolderResult, Report

ROOT = Path(__file__).parents[2]
SHA = "0123456789abcdef0123456789abcdef01234567"
URL = "https://github.com/rexrank/challenge/actions/runs/1"


class Repo:
    def __init__(self, role="maintain", **pull):
        self.role, self.started = role, []
        base = {
            "number": 7,
            "state": "open",
            "base": SimpleNamespace(ref="main"),
            "head": SimpleNamespace(sha=SHA),
        }
        self.pull = SimpleNamespace(**(base | pull))

    def get_collaborator_permission(self, login):
        return self.role

    def get_pull(self, number):
        assert number == 7
        return self.pull


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    def start_once(repo, workflow, title, inputs):
        fresh = (workflow, title, inputs) not in repo.started
        repo.started.append((workflow, title, inputs))
        return URL, fresh

    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "rexrank/challenge")
    monkeypatch.setattr(api, "cancel_waiting", lambda *_: 0)
    monkeypatch.setattr(api, "start_once", start_once)
    monkeypatch.setattr(request, "accounts_of", lambda *_: {"somebody": 7})
    monkeypatch.setattr(slots, "notes_on", lambda *_: slots.QuotaNotes({"rexgradient": None}))


def intake(kind="submission", objection=None, status="active"):
    predictions = {"rexgradient": Predictions("rexgradient", {"s": StudyReport("x")}, "d")}
    card = model_card(status=status, superseded_by="t/n", reason="It is gone.", contact=["somebody"])
    submission = Submission("t", "m", card, predictions)
    entry = FolderResult("submissions/t/m", "t", "m", submission, ())
    return Intake(7, SHA, kind, "submissions/t/m", Report(Problems(), (entry,)), objection, "f" * 40)


def ask(repo, body=f"/score {SHA}", take=intake):
    event = {"issue": {"number": 7}, "comment": {"body": body, "user": {"login": "somebody"}}}
    reply = request.answer(repo, event, lambda pull: take())
    if reply is not None:
        inert(reply.body, "https://github.com/rexrank/challenge/actions/")
    return reply


def test_a_maintainers_command_is_accepted_and_started_once():
    repo = Repo()
    reply = ask(repo)
    assert (reply.sha, reply.body, reply.weighty) == (SHA, "", True)
    assert repo.started == []
    texts = [request.start(repo, 7, SHA) for _ in range(2)]
    assert repo.started[0] == ("score.yml", f"score PR #7 @ {SHA}", {"pr": "7", "sha": SHA})
    assert all(URL in t and SHA in t for t in texts)
    assert ["already" in t for t in texts] == [False, True]
    for text in texts:
        inert(text, URL)


def test_the_title_is_what_the_workflow_calls_its_run():
    workflow = yaml.safe_load((ROOT / ".github/workflows/score.yml").read_text())
    title = workflow["run-name"].replace("${{ inputs.pr }}", "7").replace("${{ inputs.sha }}", SHA)
    repo = Repo()
    request.start(repo, 7, SHA)
    assert repo.started[0][1] == title


@pytest.mark.parametrize(
    "body", ["", None, "hello", "/scoreboard", "please /score x", "/rescore x", " /score x"]
)
def test_other_comments_are_ignored(body):
    assert ask(Repo(), body) is None


@pytest.mark.parametrize("role", ["triage", "read", "none"])
@pytest.mark.parametrize("body", [f"/score {SHA}", "/score", "/score @everyone `x` <b>"])
def test_an_outsider_gets_a_reason_that_never_replaces_a_maintainers_answer(role, body):
    repo = Repo(role)
    reply = ask(repo, body, take=lambda: pytest.fail("nothing is read for an outsider"))
    assert "Only maintainers" in reply.body
    assert "everyone" not in reply.body
    assert not reply.weighty
    assert reply.sha is None
    assert repo.started == []


REFUSED = [
    ("/score", {}, {}, "40 hexadecimal digits"),
    (f"/score {SHA[:12]}", {}, {}, "40 hexadecimal digits"),
    (f"/score {SHA}; touch x", {}, {}, "40 hexadecimal digits"),
    (f"/score {SHA}", {"state": "closed"}, {}, "not open"),
    (f"/score {SHA}", {"base": SimpleNamespace(ref="other")}, {}, "not open"),
    (f"/score {'f' * 40}", {}, {}, "moved"),
    (f"/score {SHA}", {}, {"kind": "other"}, "does not change a submission"),
    (f"/score {SHA}", {}, {"kind": "withdrawal"}, "withdraws"),
    (f"/score {SHA}", {}, {"status": "withdrawn"}, "withdraws"),
    (f"/score {SHA}", {}, {"kind": "import"}, "once it is merged"),
    (f"/score {SHA}", {}, {"objection": "not yours"}, "not valid"),
]


@pytest.mark.parametrize(("body", "pull", "of", "words"), REFUSED)
def test_every_refusal_has_its_reason(body, pull, of, words):
    repo = Repo(**pull)
    reply = ask(repo, body, lambda: intake(**of))
    assert "Nothing was started" in reply.body
    assert words in reply.body
    assert reply.weighty
    assert repo.started == []


def test_in_a_small_challenge_nothing_is_scored_before_a_merge(monkeypatch):
    use(monkeypatch, profile="small")
    reply = ask(Repo())
    assert (reply.sha, "merge the pull request" in reply.body) == (None, True)


def test_a_used_quota_gives_the_next_slot(monkeypatch):
    notes = slots.QuotaNotes({"rexgradient": "2026-12-26T13:58:12Z", "mimic-cxr": None})
    monkeypatch.setattr(slots, "notes_on", lambda *_: notes)
    repo = Repo()
    reply = ask(repo)
    assert "its members" not in reply.body
    assert "`rexgradient` at **2026-12-26 13:58 UTC**" in reply.body
    assert "mimic" not in reply.body
    assert f"/score {SHA} quota grant" in reply.body
    assert "1 in 30 days and 6 in a year" in reply.body
    assert repo.started == []


def test_a_quota_used_with_another_team_is_reported_as_one(monkeypatch):
    notes = slots.QuotaNotes({"rexgradient": "2026-12-26T13:58:12Z"}, frozenset({"rexgradient"}))
    monkeypatch.setattr(slots, "notes_on", lambda *_: notes)
    assert "or one of its members with another team" in ask(Repo()).body


def test_a_maintainer_grants_one_more_run_to_exactly_these_predictions(monkeypatch):
    monkeypatch.setattr(
        slots, "notes_on", lambda *_: slots.QuotaNotes({"rexgradient": "2026-12-26T13:58:12Z"})
    )
    repo, noted = Repo(), []
    reply = ask(repo, f"/score {SHA} quota grant")
    assert (reply.sha, reply.body, reply.grant, reply.first) == (SHA, "", {"rexgradient": "d"}, "f" * 40)
    monkeypatch.setattr(slots, "grant", lambda repo, *of: noted.append(of))
    text = request.start(repo, 7, SHA, reply.grant, reply.first, "maintainer")
    assert noted == [("f" * 40, {"rexgradient": "d"}, "maintainer")]
    assert "An extra run beyond the quota" in text
    inert(text, URL)
    assert ask(Repo("read"), f"/score {SHA} quota grant").grant == {}
    assert "not valid" in ask(Repo(), f"/score {SHA} quota grant", lambda: intake(objection="not yours")).body
