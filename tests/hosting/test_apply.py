"""Settings, planned and applied: a new repository becomes sound, a second run sends nothing, refusals are reported."""

from __future__ import annotations

import pytest
from rehearsal.endpoints_apply import REPO_SETTINGS, fresh
from rehearsal.endpoints_apply import _keep as keep_ruleset
from rehearsal.endpoints_settings import settings
from rehearsal.github_server import GitHubServer
from rehearsal.state import OWNER, REPOSITORY, Fault, State, Token
from support.challenges import changed, use
from typer.testing import CliRunner

from evaluator.cli import host_github
from evaluator.cli.app import app
from evaluator.core.problems import InputError
from evaluator.doctor.repository.answers import Answers
from evaluator.doctor.repository.settings import check_settings, check_small
from evaluator.github.answers import asker
from evaluator.github.workflows import Workflows, checkout, read_workflows
from evaluator.hosting.apply import HOSTED, PROFILE, RUNNER, SMALL

PUBLISHER = {
    "id": 1, "app_id": 4711, "app_slug": "rexrank-bot", "permissions": {"contents": "write"}, "target_id": 1, "events": [],
    "target_type": "Organization", "repository_selection": "selected", "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:04:05Z",
}  # fmt: skip
HAND = {"RD613", "RD616", "RD627", "RD628", "RD629", "RD641", "RD642", "RD643", "RD644", "RD645"}
"""What a fortress leaves to people: a secret, a variable, runners, and what the API does not reveal."""


@pytest.fixture
def github(tmp_path, monkeypatch):
    """GitHub on loopback with a new repository, every request and answer checked against GitHub's own description."""
    state = State(root=tmp_path)
    server = GitHubServer(state)
    fresh(state)
    monkeypatch.setenv("GITHUB_API_URL", f"{state.base_url}/api/v3")
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    monkeypatch.setenv("GH_TOKEN", state.mint(Token("admin", {"administration": "write"}, "user")))
    fortress = changed(repository=REPOSITORY, profile="fortress")
    monkeypatch.setattr(host_github, "read_challenge", lambda _path: fortress)
    yield state
    server.close()
    assert state.violations == []


def host(*args):
    return CliRunner().invoke(app, ["host", "github", *args], catch_exceptions=False)


def sent(state):
    return [
        f"{r.method} {r.path.removeprefix(f'/repos/{REPOSITORY}')}"
        for r in state.requests
        if r.method != "GET"
    ]


def states(state):
    """What the doctor says afterwards, by code."""
    root = checkout()
    assert root is not None
    sections = check_settings(Answers(asker(REPOSITORY, next(iter(state.tokens))), read_workflows(root)))
    return {f.code: f.state for s in sections for f in s.findings}


def test_a_plan_is_shown_and_nothing_sent(github):
    result = host("--profile", "small")
    assert result.exit_code == 0
    assert "Nothing was sent. To apply them: rexrank host github --apply" in result.output
    assert "PUT /actions/permissions/workflow" in result.output
    assert sent(github) == []


def test_a_fresh_repository_becomes_a_small_challenge(github):
    result = host("--profile", "small", "--apply")
    assert result.exit_code == 0, result.output
    first = sent(github)
    assert len(first) == len(set(first)) > 8
    after = states(github)
    assert {c: after[c] for c in sorted(SMALL) if after[c] != "good"} == {}
    assert settings(github)[f"/actions/variables/{PROFILE}"]["value"] == "small"
    rules = {r["type"] for r in settings(github)["/rules/branches/main"]}
    assert rules == {"non_fast_forward", "deletion", "required_linear_history"}, (
        "the workflow itself has to push"
    )
    again = host("--profile", "small", "--apply")
    assert "nothing to set" in again.output
    assert sent(github) == first, "a second time nothing is sent"


def test_the_doctor_counts_what_a_small_challenge_needs(github, monkeypatch):
    host("--profile", "small", "--apply")
    ask = ("doctor", "--github", "--repository", REPOSITORY)
    assert CliRunner().invoke(app, ask).exit_code == 1, (
        "of another repository nothing is known: a fortress is asked for"
    )
    use(monkeypatch, repository=REPOSITORY, profile="small")
    result = CliRunner().invoke(app, ask, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "a small challenge leaves this to a fortress" in result.output
    settings(github)["/actions/permissions/workflow"]["default_workflow_permissions"] = "write"
    assert CliRunner().invoke(app, ask).exit_code == 1


def test_a_small_challenge_grows_into_a_fortress(github):
    host("--profile", "small", "--apply")
    settings(github)[f"/orgs/{OWNER}/installations"] = {"total_count": 1, "installations": [dict(PUBLISHER)]}
    result = host("--apply", "--reviewer", "octocat")
    assert result.exit_code == 0, result.output
    after = states(github)
    assert {c for c, s in after.items() if s != "good"} == HAND
    assert all(f"  {code} " in result.output for code in HAND)
    (main,) = (v for k, v in settings(github).items() if k.startswith("/rulesets/") and v["name"] == "main")
    assert main["bypass_actors"] == [{"actor_id": 4711, "actor_type": "Integration", "bypass_mode": "always"}]
    before = sent(github)
    assert "nothing to set" in host("--apply", "--reviewer", "octocat").output
    assert sent(github) == before


def test_a_maintainers_choices_are_kept(github):
    """Reviewers, other rulesets and the rest of the repository are left alone; an allowed tag is removed."""
    host("--apply", "--reviewer", "octocat")
    people = next(e for e in settings(github)["/environments"]["environments"] if e["name"] == "scoring")[
        "protection_rules"
    ]
    policies = settings(github)["/environments/scoring/deployment-branch-policies"]
    policies["branch_policies"].append({"id": 7, "node_id": "", "name": "v*", "type": "tag"})
    settings(github)[REPO_SETTINGS]["allow_merge_commit"] = True
    before = len(sent(github))
    result = host("--apply")
    assert result.exit_code == 0
    assert sent(github)[before:] == [
        "PATCH ", "DELETE /environments/scoring/deployment-branch-policies/7",
    ]  # fmt: skip
    scoring = next(e for e in settings(github)["/environments"]["environments"] if e["name"] == "scoring")
    assert (
        scoring["protection_rules"][1]["reviewers"][0]["reviewer"]["id"]
        == people[1]["reviewers"][0]["reviewer"]["id"]
    )


def test_without_an_app_or_reviewers_that_is_left_to_people(github):
    result = host("--apply")
    by_hand = result.output.partition("by hand")[2]
    assert {c for c in ("RD605", "RD611", "RD617") if f"  {c} " in by_hand} == {"RD605", "RD611", "RD617"}


def test_refusals_of_github_are_reported_and_the_rest_is_set(github, monkeypatch):
    monkeypatch.setenv("GH_TOKEN", github.mint(Token("reader", {"administration": "read"}, "user")))
    result = host("--profile", "small", "--apply")
    assert result.exit_code == 3
    assert "refused: the workflows of the profile small: GitHub answers 403" in result.output
    assert "0 of " in result.output


def test_a_repository_of_a_person(github):
    fresh(github, organisation=False)
    result = host("--profile", "small", "--apply")
    assert result.exit_code == 0, result.output
    assert states(github)["RD614"] == "good"


def test_github_fails_halfway(github):
    github.faults.append(Fault("down", "PUT", r"/actions/permissions/workflow$", times=99))
    with pytest.raises(Exception, match=r"GitHub (answers 503|does not answer)"):
        host("--profile", "small", "--apply")


@pytest.mark.parametrize(
    ("args", "words"),
    [(("--reviewer", "@x y"), "wanted one to six GitHub accounts"), (("--reviewer", "a,b"), "without @")],
)
def test_reviewers_are_accounts(github, args, words):
    with pytest.raises(InputError, match=words):
        host(*args)
    assert sent(github) == []


def test_a_token_is_needed(github, monkeypatch):
    monkeypatch.delenv("GH_TOKEN")
    with pytest.raises(InputError, match="a maintainer's token is required"):
        host()


def test_the_one_machine_of_a_small_challenge_is_set_by_its_file(github, monkeypatch):
    """Its labels become the variable that small.yml reads.

    Once they leave the file, GitHub's own machine is set again.
    """
    made = changed(repository=REPOSITORY, profile="small", runner=["self-hosted", "gpu"])
    monkeypatch.setattr(host_github, "read_challenge", lambda _path: made)
    first = host("--apply")
    assert settings(github)[f"/actions/variables/{RUNNER}"]["value"] == '["self-hosted", "gpu"]'
    assert "RD635 the machine that scores" in first.output
    assert "no runner is registered with the labels self-hosted, gpu" in plain(github)
    runner = {"id": 1, "name": "box", "os": "Linux", "status": "offline", "busy": False}
    runner["labels"] = [{"id": i, "name": n} for i, n in enumerate(("self-hosted", "Linux", "gpu"))]
    settings(github)["/actions/runners"] = {"total_count": 1, "runners": [runner]}
    assert "box is offline" in plain(github)
    runner["status"] = "online"
    second = host("--apply")
    assert "RD635" not in second.output
    assert "nothing to set" in second.output
    made = changed(repository=REPOSITORY, profile="small")
    monkeypatch.setattr(host_github, "read_challenge", lambda _path: made)
    host("--apply")
    assert settings(github)[f"/actions/variables/{RUNNER}"]["value"] == HOSTED
    assert "nothing to set" in host().output


def plain(state):
    """What the doctor finds about the machine."""
    answers = Answers(asker(REPOSITORY, next(iter(state.tokens))), Workflows())
    return check_small(answers, ("self-hosted", "gpu"))[1].found


LINEAR = [{"type": "non_fast_forward"}, {"type": "deletion"}, {"type": "required_linear_history"}]


def of_another_name(state, rules, actors=()):
    """A ruleset of main that a host created under a name of their own."""
    conditions = {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}}
    body = {"name": "protect it", "target": "branch", "enforcement": "active", "bypass_actors": [*actors]}
    keep_ruleset(state, 50, body | {"conditions": conditions, "rules": rules})


def test_rules_under_another_name_are_enough(github):
    of_another_name(github, LINEAR)
    assert "ruleset" not in host("--profile", "small", "--apply").output
    assert "nothing to set" in host("--profile", "small").output


def test_a_rule_that_refuses_the_workflows_push_is_reported(github):
    of_another_name(github, [*LINEAR, {"type": "required_signatures"}])
    output = host("--profile", "small", "--apply").output
    assert "RD636 the workflow's push to main" in output
    assert "RD636" in host("--profile", "small").output


def test_bypasses_of_another_ruleset_are_left_to_people(github):
    """The plan's own ruleset is created once; the other's list is named, and a second run sends nothing."""
    settings(github)[f"/orgs/{OWNER}/installations"] = {"total_count": 1, "installations": [dict(PUBLISHER)]}
    of_another_name(
        github, LINEAR, [{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}]
    )
    assert "  RD605 " in host("--apply", "--reviewer", "octocat").output.partition("by hand")[2]
    before = sent(github)
    again = host("--apply", "--reviewer", "octocat").output
    assert (sent(github), "nothing to set" in again) == (before, True)
    assert "  RD605 " in again.partition("by hand")[2]


def test_the_way_to_a_fortress_is_printed_and_marked(github, monkeypatch):
    made = changed(repository=REPOSITORY, profile="small")
    monkeypatch.setattr(host_github, "read_challenge", lambda _path: made)
    assert "fortress" not in host().output.partition("small:")[2]
    way = host("--profile", "fortress").output.partition("From a small challenge")[2]
    assert [line.strip()[:4] for line in way.splitlines()[1:6]] == [f"✗ {n}." for n in range(1, 6)]
    made = changed(repository=REPOSITORY, profile="fortress")
    monkeypatch.setattr(host_github, "read_challenge", lambda _path: made)
    settings(github)[f"/orgs/{OWNER}/installations"] = {"total_count": 1, "installations": [dict(PUBLISHER)]}
    host("--apply", "--reviewer", "octocat")
    way = host().output.partition("From a small challenge")[2]
    assert [line.strip()[:1] for line in way.splitlines()[1:6]] == ["✓", "✗", "✓", "✗", "✗"]
    github.settings.clear()
    assert "From a small challenge" not in host().output, "in a sound fortress nothing of it is left"
