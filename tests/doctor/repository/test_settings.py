"""The settings checklist: a sound repository, everything that can be wrong with it, and GitHub's own contract."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
from rehearsal.endpoints_settings import GOOD, GROUPS, SECURITY, settings
from rehearsal.github_server import GitHubServer
from rehearsal.state import OWNER, REPOSITORY, Fault, State, Token
from typer.testing import CliRunner

from evaluator.cli.app import app
from evaluator.core.problems import RexrankError
from evaluator.doctor.repository.answers import Answers, Values
from evaluator.doctor.repository.settings import EYES, SECTIONS, check_settings
from evaluator.github.answers import Answer, asker
from evaluator.github.workflows import Workflows

EXPECTED = Workflows(
    checks=frozenset({"Format, lint, types, tests"}),
    names=frozenset(
        f"{n}.yml"
        for n in ("ci", "comment", "pages", "publish", "request-score", "rescore", "score", "validate")
    ),
    on_runner=frozenset(
        {("publish.yml", "push"), ("score.yml", "workflow_dispatch"), ("rescore.yml", "schedule")}
    ),
    foreign=frozenset({"pypa"}),
)
REPO = {
    "full_name": REPOSITORY,
    "default_branch": "main",
    "visibility": "public",
    "security_and_analysis": SECURITY,
    "owner": {"login": OWNER, "type": "Organization"},
    "allow_squash_merge": True,
    "allow_merge_commit": False,
    "allow_rebase_merge": False,
    "allow_auto_merge": False,
}
LOOK = [code for code, *_ in EYES]


def answers(changes=None, expected=EXPECTED):
    """Answers of a sound repository, with changes: path to a body, a status, or a function that changes the body."""
    known = {"": REPO, **copy.deepcopy(GOOD)}
    for path, change in (changes or {}).items():
        known[path] = change(known[path]) if callable(change) else change
    replies = {p: Answer(b) if isinstance(b, int) else Answer(200, b) for p, b in known.items()}
    return Answers(lambda path: replies.get(path.partition("?")[0], Answer(404)), expected)


def outcome(changes=None, expected=EXPECTED):
    findings = [f for s in check_settings(answers(changes, expected)) for f in s.findings]
    return {
        state: [f.code for f in findings if f.state == state] for state in ("good", "bad", "open")
    }, findings


def test_a_sound_repository():
    codes, _ = outcome()
    assert (codes["bad"], codes["open"]) == ([], LOOK)
    assert len(codes["good"]) == 30


def put(*keys, **values):
    """A change deep inside a body."""

    def change(body):
        inner = body
        for key in keys:
            inner = inner[key]
        inner.update(values)
        return body

    return change


def rule(kind, **values):
    def change(rules):
        next(r for r in rules if r["type"] == kind)["parameters"].update(values)
        return rules

    return change


def without(kind):
    return lambda rules: [r for r in rules if r["type"] != kind]


def environment(name, **values):
    def change(body):
        next(e for e in body["environments"] if e["name"] == name).update(values)
        return body

    return change


def reviewers(**values):
    def change(body):
        scoring = next(e for e in body["environments"] if e["name"] == "scoring")
        next(r for r in scoring["protection_rules"] if r["type"] == "required_reviewers").update(values)
        return body

    return change


def secrets(*names):
    return {"total_count": len(names), "secrets": [{"name": n} for n in names]}


def actors(*found):
    return put(bypass_actors=[{"actor_type": kind, "actor_id": number} for kind, number in found])


RULES, ENVIRONMENTS = "/rules/branches/main", "/environments"
SCORE, CI = {"context": "rexrank/score", "integration_id": 15368}, {"context": "Format, lint, types, tests"}
APP = ("Integration", 4711)
REVIEWER = {"id": 2, "node_id": "", "type": "required_reviewers", "reviewers": [{"type": "User"}]}
RUNNERS = f"{GROUPS}/2/runners"
APPS, OTHER = f"/orgs/{OWNER}/installations", "/rules/branches/any-other-branch"
BRANCHES = [{"type": kind, "ruleset_id": 8} for kind in ("creation", "update")]


def group(**values):
    return put("runner_groups", 0, **values)


def app_with(number, **permissions):
    return put("installations", number, permissions=permissions)


WRONG = [
    ("another default branch", {"": {**REPO, "default_branch": "master"}}, "RD601", "master"),
    ("an archive", {"": {**REPO, "archived": True}}, "RD601", "archived"),
    ("no pull request", {RULES: without("pull_request")}, "RD602", "no rule"),
    ("no approval", {RULES: rule("pull_request", required_approving_review_count=0)}, "RD602", "no approval"),
    ("no code owners", {RULES: rule("pull_request", require_code_owner_review=False)}, "RD602", "code owners"),
    ("approvals that outlive a push", {RULES: rule("pull_request", dismiss_stale_reviews_on_push=False)}, "RD602", "survive a push"),
    ("the last push approved by its author", {RULES: rule("pull_request", require_last_push_approval=False)}, "RD602", "last pusher"),
    ("no checks", {RULES: without("required_status_checks")}, "RD603", "not rexrank/score"),
    ("no score", {RULES: rule("required_status_checks", required_status_checks=[CI])}, "RD603", "not rexrank/score"),
    ("no tests", {RULES: rule("required_status_checks", required_status_checks=[SCORE])}, "RD603", "not Format"),
    ("a score of anybody's", {RULES: rule("required_status_checks", required_status_checks=[{"context": "rexrank/score"}, CI])}, "RD603", "from any source"),
    ("a score of another app", {RULES: rule("required_status_checks", required_status_checks=[{**SCORE, "integration_id": 1}, CI])}, "RD603", "from any source"),
    ("branches up to date", {RULES: rule("required_status_checks", strict_required_status_checks_policy=True)}, "RD603", "up to date"),
    ("force pushes", {RULES: without("non_fast_forward")}, "RD604", "force pushes"),
    ("a main that can be deleted", {RULES: without("deletion")}, "RD604", "deleted"),
    ("a non-linear history", {RULES: without("required_linear_history")}, "RD604", "merge commits"),
    ("merge commits", {RULES: rule("pull_request", allowed_merge_methods=["squash", "merge"])}, "RD602", "squashing"),
    ("any way of merging", {RULES: rule("pull_request", allowed_merge_methods=None)}, "RD602", "squashing"),
    ("administrators above the rules", {"/rulesets/7": actors(APP, ("OrganizationAdmin", None))}, "RD605", "administrators"),
    ("a role above the rules", {"/rulesets/7": actors(APP, ("RepositoryRole", 5))}, "RD605", "a role 5"),
    ("deploy keys above the rules", {"/rulesets/7": actors(APP, ("DeployKey", None))}, "RD605", "deploy key"),
    ("two apps above the rules", {"/rulesets/7": actors(APP, ("Integration", 2))}, "RD605", "2 apps"),
    ("no app above the rules", {"/rulesets/7": actors()}, "RD605", "0 apps"),
    ("merge commits by a setting", {"": {**REPO, "allow_merge_commit": True}}, "RD607", "allow_merge_commit is True"),
    ("rebasing", {"": {**REPO, "allow_rebase_merge": True}}, "RD607", "allow_rebase_merge"),
    ("no squashing", {"": {**REPO, "allow_squash_merge": False}}, "RD607", "allow_squash_merge"),
    ("auto-merge", {"": {**REPO, "allow_auto_merge": True}}, "RD608", "it is on"),
    ("auto-merge not shown", {"": {k: v for k, v in REPO.items() if k != "allow_auto_merge"}}, "RD608", "to administrators"),
    ("a merge queue", {RULES: lambda b: [*b, {"type": "merge_queue", "ruleset_id": 7}]}, "RD609", "it is enabled"),
    ("branches of writers", {OTHER: []}, "RD610", "maintainer could push a branch"),
    ("branches that are there already", {OTHER: BRANCHES[:1]}, "RD610", "maintainer could push a branch"),
    ("a team above the rule of branches", {"/rulesets/8": actors(("Team", 3))}, "RD610", "a team 3 may bypass"),
    ("a runner of the repository", {"/actions/runners": GOOD[RUNNERS]}, "RD628", "registered to the repository"),
    ("no runner group", {GROUPS: {"runner_groups": []}}, "RD628", "no group accepts"),
    ("a group for all", {GROUPS: group(visibility="all")}, "RD628", "every repository"),
    ("a group for another", {f"{GROUPS}/2/repositories": {"repositories": [{"full_name": "rehearsal-org/other"}]}}, "RD628", "rehearsal-org/other"),
    ("every workflow", {GROUPS: group(restricted_to_workflows=False)}, "RD628", "accepts every workflow"),
    ("workflows of any branch", {GROUPS: group(selected_workflows=[f"{REPOSITORY}/.github/workflows/score.yml@refs/heads/x"])}, "RD628", "score.yml@refs/heads/x; rexrank-scoring does not accept"),
    ("no App for the registrar", {APPS: put("installations", 1, permissions={})}, "RD629", "0 Apps"),
    ("a registrar with more permissions", {APPS: app_with(1, organization_self_hosted_runners="write", contents="write")}, "RD629", "further permissions: contents"),
    ("an App that administers", {APPS: app_with(0, administration="write")}, "RD629", "rexrank-bot can administer"),
    ("a missing team", {"/codeowners/errors": {"errors": [{"line": 2, "kind": "Unknown owner"}]}}, "RD606", "line 2"),
    ("no environment for scoring", {ENVIRONMENTS: lambda b: {"environments": [e for e in b["environments"] if e["name"] != "scoring"]}}, "RD611", "does not exist"),
    ("scoring from any branch", {ENVIRONMENTS: environment("scoring", deployment_branch_policy=None)}, "RD611", "every branch"),
    ("scoring from protected branches", {ENVIRONMENTS: environment("scoring", deployment_branch_policy={"protected_branches": True})}, "RD611", "every protected"),
    ("scoring from another branch too", {"/environments/scoring/deployment-branch-policies": {"branch_policies": [{"name": "main", "type": "branch"}, {"name": "release/*", "type": "branch"}]}}, "RD611", "branch release/*"),
    ("scoring from a tag called main", {"/environments/scoring/deployment-branch-policies": {"branch_policies": [{"name": "main", "type": "tag"}]}}, "RD611", "tag main may deploy to it; main may not"),
    ("scoring from no branch", {"/environments/scoring/deployment-branch-policies": {"branch_policies": []}}, "RD611", "main may not deploy"),
    ("nobody approves", {ENVIRONMENTS: environment("scoring", protection_rules=[])}, "RD611", "no approval is required"),
    ("who asks approves", {ENVIRONMENTS: reviewers(prevent_self_review=False)}, "RD611", "requester may approve"),
    ("administrators skip the approval", {ENVIRONMENTS: environment("scoring", can_admins_bypass=True)}, "RD611", "administrators"),
    ("a secret beside the references", {"/environments/scoring/secrets": secrets("TOKEN")}, "RD611", "unexpected secret TOKEN"),
    ("a nightly run that waits", {ENVIRONMENTS: environment("scoring-auto", protection_rules=[REVIEWER])}, "RD612", "nightly run would stop"),
    ("a nightly run from any branch", {ENVIRONMENTS: environment("scoring-auto", deployment_branch_policy=None)}, "RD612", "every branch"),
    ("a publisher without a key", {"/environments/publish/secrets": secrets()}, "RD613", "no secret REX_APP_PRIVATE_KEY"),
    ("a publisher with more", {"/environments/publish/secrets": secrets("REX_APP_PRIVATE_KEY", "PAT")}, "RD613", "PAT"),
    ("a release from a branch", {"/environments/pypi/deployment-branch-policies": {"branch_policies": [{"name": "main", "type": "branch"}]}}, "RD617", "branch main may deploy to it; tag v* may not"),
    ("a release that nobody approves", {ENVIRONMENTS: environment("pypi", protection_rules=[])}, "RD617", "no approval is required"),
    ("a release without an environment", {ENVIRONMENTS: lambda b: {"environments": [e for e in b["environments"] if e["name"] != "pypi"]}}, "RD617", "does not exist"),
    ("a site from any branch", {ENVIRONMENTS: environment("github-pages", deployment_branch_policy=None)}, "RD614", "every branch"),
    ("the key outside", {"/actions/secrets": secrets("REX_APP_PRIVATE_KEY")}, "RD615", "of the repository"),
    ("the organisation's secrets", {"/actions/organization-secrets": secrets("NPM_TOKEN")}, "RD615", "of the organisation"),
    ("not a client id", {"/actions/variables/REX_APP_CLIENT_ID": 404}, "RD616", "not set"),
    ("something else for a client id", {"/actions/variables/REX_APP_CLIENT_ID": {"name": "x", "value": "12345"}}, "RD616", "not a client id"),
    ("Actions disabled", {"/actions/permissions": put(enabled=False)}, "RD621", "disabled"),
    ("every action", {"/actions/permissions": put(allowed_actions="all")}, "RD621", "all"),
    ("every verified creator", {"/actions/permissions/selected-actions": put(verified_allowed=True)}, "RD621", "verified"),
    ("a stranger's actions", {"/actions/permissions/selected-actions": put(patterns_allowed=["evil/*"])}, "RD621", "evil/* is allowed"),
    ("GitHub's own refused", {"/actions/permissions/selected-actions": put(github_owned_allowed=False)}, "RD621", "GitHub's own"),
    ("tags for pins", {"/actions/permissions": put(sha_pinning_required=False)}, "RD622", "optional"),
    ("tokens that write", {"/actions/permissions/workflow": put(default_workflow_permissions="write")}, "RD623", "write"),
    ("jobs that approve", {"/actions/permissions/workflow": put(can_approve_pull_request_reviews=True)}, "RD623", "approve"),
    ("approval for first-time contributors only", {"/actions/permissions/fork-pr-contributor-approval": {"approval_policy": "first_time_contributors"}}, "RD624", "first_time"),
    ("logs for a year", {"/actions/permissions/artifact-and-log-retention": {"days": 365}}, "RD625", "365"),
    ("a disabled schedule", {"/actions/workflows": lambda b: {"workflows": [{**w, "state": "disabled_inactivity" if "publish" in w["path"] else w["state"]} for w in b["workflows"]]}}, "RD626", "publish.yml is disabled_inactivity"),
    ("a missing workflow", {"/actions/workflows": {"workflows": []}}, "RD626", "ci.yml is not known"),
    ("a permanent runner", {RUNNERS: put("runners", 0, ephemeral=False)}, "RD627", "more than one job"),
    ("a runner that does not say", {RUNNERS: lambda b: {"runners": [{k: v for k, v in b["runners"][0].items() if k != "ephemeral"}]}}, "RD627", "more than one job"),
    ("a runner without its labels", {RUNNERS: put("runners", 0, labels=[{"name": "self-hosted"}])}, "RD627", "lacks gpu, rexrank-scoring"),
    ("no site", {"/pages": 404}, "RD631", "disabled"),
    ("a site from a branch", {"/pages": put(build_type="legacy")}, "RD631", "from a branch"),
    ("a site over http", {"/pages": put(https_enforced=False)}, "RD631", "http"),
    ("a key that writes", {"/keys": [{"title": "old bot", "read_only": False}]}, "RD632", "old bot"),
    ("no private reports", {"/private-vulnerability-reporting": {"enabled": False}}, "RD633", "disabled"),
    ("no push protection", {"": {**REPO, "security_and_analysis": {"secret_scanning_push_protection": {"status": "disabled"}}}}, "RD634", "disabled"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "code", "word"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_what_is_wrong_is_found_and_nothing_else(changes, code, word):
    codes, findings = outcome(changes)
    # A runner is seen through its group.
    unseen = ["RD627"] * (word == "no group accepts")
    assert (codes["bad"], codes["open"]) == ([code], [*unseen, *LOOK])
    finding = next(f for f in findings if f.state == "bad")
    assert word in finding.found
    assert finding.wanted
    assert finding.fix


def test_every_check_can_fail():
    codes, _ = outcome()
    assert {w[2] for w in WRONG} == set(codes["good"])


@pytest.mark.parametrize("path", [p for p in {"": 1, **GOOD} if "/environments/" not in p])
def test_what_the_token_may_not_read_is_left_to_the_eyes(path):
    codes, findings = outcome({path: 403})
    assert codes["bad"] == []
    beyond = [f for f in findings if f.state == "open" and f.code not in LOOK]
    assert beyond
    assert all(f.fix for f in beyond)


def test_a_foreign_action_needs_its_owner():
    wanted = replace(EXPECTED, foreign=frozenset({"astral-sh"}))
    codes, findings = outcome(expected=wanted)
    assert codes["bad"] == ["RD621"]
    assert "astral-sh/* is not allowed" in next(f for f in findings if f.state == "bad").found
    allowed = {"/actions/permissions/selected-actions": put(patterns_allowed=["astral-sh/*"])}
    assert outcome(allowed, expected=wanted)[0]["bad"] == []


def test_a_person_has_no_secrets_of_an_organisation():
    assert outcome({"/actions/organization-secrets": 404})[0]["bad"] == []


def test_a_repository_of_a_person_is_told_what_it_risks():
    codes, findings = outcome({"": {**REPO, "owner": {"login": OWNER, "type": "User"}}})
    assert (codes["bad"], codes["open"]) == ([], ["RD627", "RD628", "RD629", *LOOK]), "and no runner waits"
    assert all("master key" in f.fix for f in findings if f.code in {"RD628", "RD629"})


def test_nobody_may_push_where_nobody_writes():
    assert outcome({OTHER: [], "/collaborators": []})[0]["bad"] == []


def test_no_runner_waits():
    codes, _ = outcome({RUNNERS: {"runners": []}})
    assert (codes["bad"], codes["open"]) == ([], ["RD627", *LOOK])


@pytest.fixture
def github(tmp_path, monkeypatch):
    """GitHub on loopback, its answers checked against GitHub's own description."""
    state = State(root=tmp_path)
    server = GitHubServer(state)
    monkeypatch.setenv("GITHUB_API_URL", f"{state.base_url}/api/v3")
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    monkeypatch.setenv("GH_TOKEN", state.mint(Token("admin", {"administration": "read"}, "user")))
    yield state
    server.close()
    assert state.violations == []


def run(*args):
    return CliRunner().invoke(app, ["doctor", "--github", "--repository", REPOSITORY, *args])


def test_the_whole_way(github):
    result = run("--json")
    assert result.exit_code == 0, result.output
    parts = json.loads(result.output)["sections"]
    states = {f["code"]: f["state"] for p in parts for f in p["findings"]}
    assert {c for c, s in states.items() if s == "open"} == {"RD634", *LOOK}, (
        "the rehearsal's repository says nothing of push protection"
    )
    assert "bad" not in states.values()
    paths = {r.path.removeprefix(f"/repos/{REPOSITORY}") for r in github.requests}
    assert paths == {"", *GOOD}, "what the rehearsal answers, and nothing else"
    assert {r.method for r in github.requests} == {"GET"}, "it looks and changes nothing"


def test_what_is_wrong_ends_with_1(github):
    settings(github)["/actions/permissions/workflow"]["can_approve_pull_request_reviews"] = True
    result = run()
    assert result.exit_code == 1
    assert "✗ RD623" in result.output


def test_a_weak_token_leaves_checks_open(github, monkeypatch):
    monkeypatch.setenv("GH_TOKEN", github.mint(Token("reader", {"contents": "read"}, "user")))
    result = run()
    assert (result.exit_code, "✗" in result.output.rpartition("\n\n")[0]) == (0, False)
    assert result.output.count("this token cannot read it") > 10
    assert run("--strict").exit_code == 1


def test_a_token_that_is_none(github, monkeypatch):
    monkeypatch.setenv("GH_TOKEN", "ghp_nobody")
    with pytest.raises(RexrankError, match="rejects this token"):
        check_settings(Answers(asker(REPOSITORY, "ghp_nobody"), EXPECTED))


def test_github_is_down(github):
    github.faults.append(Fault("down", "GET", r"/actions/permissions$", times=99))
    with pytest.raises(RexrankError, match=r"GitHub (answers 503|does not answer)"):
        check_settings(Answers(asker(REPOSITORY, next(iter(github.tokens))), EXPECTED))


@pytest.mark.parametrize(
    ("args", "said"), [(("--repository", "x"), "name the repository"), ((), "name the repository")]
)
def test_the_repository_has_to_be_named(monkeypatch, args, said):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    result = CliRunner().invoke(app, ["doctor", "--github", *args])
    assert said in str(result.exception)


def test_a_token_has_to_be_given(monkeypatch):
    for name in ("GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert "token is required" in str(run().exception)


VALUES = {r.code: r.wrong for rows in SECTIONS.values() for r in rows if isinstance(r.wrong, Values)}


def test_what_a_request_can_set_is_told_by_values():
    """The same path, so that the request sets what the table expects."""
    settable = {code for code, row in VALUES.items() if row.set_by}
    assert {
        "RD601",
        "RD607",
        "RD608",
        "RD622",
        "RD623",
        "RD624",
        "RD625",
        "RD631",
        "RD633",
        "RD634",
    } == settable
    assert not [code for code in settable if "?" in VALUES[code].where]


def test_an_answer_in_an_unknown_form_is_not_a_traceback():
    with pytest.raises(RexrankError, match="in a form that"):
        outcome({RULES: [{"kind": "pull_request"}]})
