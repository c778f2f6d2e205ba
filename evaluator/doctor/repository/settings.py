"""The repository's settings in one table: a code, where GitHub tells it, what is wrong, what is wanted, the fix.

Where what is wrong is told by values, they are also what a request to that path would set.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any, Final

from evaluator.doctor.findings import Section, unsettled
from evaluator.doctor.repository import predicates as look
from evaluator.doctor.repository.answers import RISK, Answer, Answers, asker, known_form
from evaluator.doctor.repository.predicates import (
    CLIENT,
    GROUPS,
    INSTALLATIONS,
    MAIN,
    OTHER,
    PERMISSIONS,
    RUNNERS,
    Setting,
    Value,
    environment,
)
from evaluator.doctor.repository.workflows import Workflows
from evaluator.github.api import STATUS

PULLS: Final = "Settings → General → Pull Requests"
RULES: Final = "Settings → Rules → Rulesets"
ACTIONS: Final = "Settings → Actions → General"
SECRETS: Final = "Settings → Secrets and variables → Actions"
SECURITY: Final = "Settings → Advanced Security"
ORG: Final = "Organisation → Settings"
RETENTION: Final = f"{PERMISSIONS}/artifact-and-log-retention"
VARIABLE: Final = f"/actions/variables/{CLIENT}"
SECTIONS: Final = {
    "Main": (
        Setting("RD601", "repository", ("",), (Value("default_branch", "main", "the default branch is {found}"), Value("archived", False, "it is archived", "")),
                "default branch main: the workflows are written for it", "Settings → General → Default branch; unread: the name, the token's rights",
                lambda a: f"{a.need('')['full_name']}, {a.need('').get('visibility', 'unknown')}, default branch main"),
        Setting("RD602", "changes of main are reviewed", (MAIN,), look.reviews, "a pull request with one approval, by code owners, of the last push; squash only",
                f"{RULES}: Require a pull request before merging; Allowed merge methods"),
        Setting("RD603", "checks that main asks for", (MAIN,), look.checks,
                lambda a: f"{'; '.join(sorted({STATUS, *a.flows.checks}))}; {STATUS} from GitHub Actions",
                f"{RULES}: Require status checks to pass; source of {STATUS}: GitHub Actions; not: up to date", lambda a: "; ".join(sorted(look.required(a)))),
        Setting("RD604", "main's history", (MAIN,), lambda a: [words for kind, words in look.LINEAR.items() if not look.rules(a, MAIN, kind)],
                "no force push, no deletion, a linear history", f"{RULES}: Block force pushes, Restrict deletions, Require linear history"),
        Setting("RD605", "who may go past the rules", (MAIN,), look.bypass, "the publisher's App, nobody else", f"{RULES}: Bypass list",
                lambda a: f"one App (id {look.above(a, MAIN)[1][0]}); look that it is the publisher's"),
        Setting("RD606", "CODEOWNERS", ("/codeowners/errors",), lambda a: [f"line {e['line']}: {e['kind']}" for e in a.need("/codeowners/errors")["errors"]],
                "teams that exist and may write", "open .github/CODEOWNERS on GitHub: errors are marked; create the teams, or name others"),
        Setting("RD607", "ways of merging", ("",), (Value("allow_squash_merge", True), Value("allow_merge_commit", False), Value("allow_rebase_merge", False)),
                "squashing alone", f"{PULLS}: Allow squash merging, nothing else"),
        Setting("RD608", "auto-merge", ("",), (Value("allow_auto_merge", False, "it is on", "GitHub does not say: the token is no administrator's"),),
                "off: a person merges what was scored", f"{PULLS}: Allow auto-merge, off"),
        Setting("RD609", "merge queue", (MAIN,), lambda a: ["there is one"] * bool(look.rules(a, MAIN, "merge_queue")),
                f"none: {STATUS} is never set on a merge group", f"{RULES}: Require merge queue, off"),
        Setting("RD610", f"who could set {STATUS} from a branch", (OTHER, "/collaborators"), look.branches,
                "nobody: no branch but main can be made or pushed, everybody works from a fork",
                f"{RULES}: a second ruleset, all branches but main: Restrict creations, Restrict updates; bypass list: Dependabot alone"),
    ),
    "Environments and secrets": (
        environment("RD611", "scoring", reviewed=True),
        environment("RD612", "scoring-auto", reviewed=False),
        environment("RD613", "publish", secret="REX_APP_PRIVATE_KEY"),  # noqa: S106 - its name
        environment("RD614", "github-pages"),
        environment("RD617", "pypi", reviewed=True, ref="tag v*"),
        Setting("RD615", "secrets outside environments", ("/actions/secrets",), look.secrets, "none: every workflow of every branch could read them",
                f"{SECRETS}; move them into an environment"),
        Setting("RD616", f"variable {CLIENT}", (VARIABLE,), look.client, "the client id of the publisher's App", f"{SECRETS} → Variables",
                lambda a: str(a.need(VARIABLE)["value"]), absent="it is not set"),
    ),
    "Actions": (
        Setting("RD621", "actions that may be used", (PERMISSIONS,), look.actions, lambda a: f"{look.owners(a)}, nothing else", f"{ACTIONS}: Allow select actions"),
        Setting("RD622", "actions are pinned", (PERMISSIONS,), (Value("sha_pinning_required", True, "by choice only", None),), "a full commit id for every action",
                f"{ACTIONS}: Require actions to be pinned to a full-length commit SHA"),
        Setting("RD623", "what a job's own token may do", (f"{PERMISSIONS}/workflow",),
                (Value("default_workflow_permissions", "read", "write, where a workflow does not say"), Value("can_approve_pull_request_reviews", False, "approve pull requests")),
                "read; never approve pull requests", f"{ACTIONS}: Workflow permissions"),
        Setting("RD624", "whose forks wait for an approval", (f"{PERMISSIONS}/fork-pr-contributor-approval",),
                (Value("approval_policy", "all_external_contributors", "{found}"),),
                "all_external_contributors", f"{ACTIONS}: Approval for running fork pull request workflows: all external contributors"),
        Setting("RD625", "how long logs and artifacts stay", (RETENTION,), (Value("days", look.MAX_DAYS, "{found} days", met=operator.le),),
                f"at most {look.MAX_DAYS} days: they are public", f"{ACTIONS}: Artifact and log retention", lambda a: f"{a.need(RETENTION)['days']} days"),
        Setting("RD626", "workflows", ("/actions/workflows",), look.workflows, "every workflow of main, active",
                "Actions: enable the workflow named; GitHub switches a schedule off after 60 days without activity", lambda a: f"{len(a.flows.names)} are active"),
        Setting("RD627", "registered runners", (RUNNERS,), look.runners, f"just-in-time runners with the labels {', '.join(look.LABELS)}",
                "Settings → Actions → Runners: remove it; run keep-registered.sh",
                lambda a: f"{sum(r['status'] == 'online' for r in look.registered(a))} of {len(look.registered(a))} online, each for one job"),
        Setting("RD628", "runner group", ("", GROUPS, RUNNERS), look.groups,
                "one group, for this repository alone, limited to the workflows that use the machine, at refs/heads/main",
                f"{ORG} → Actions → Runner groups: Repository access, Workflow access"),
        Setting("RD629", "the registrar's App", ("", INSTALLATIONS), look.registrar, "one App with self-hosted runners: write of the organisation, and nothing else",
                f"{ORG} → GitHub Apps; {RISK}"),
    ),
    "Site and other doors": (
        Setting("RD631", "site", ("/pages",),
                (Value("build_type", "workflow", "built from a branch", "built from a branch"), Value("https_enforced", True, "http is let through", "")),
                "built by Actions, https only", "Settings → Pages → Source: GitHub Actions; Enforce HTTPS", lambda a: f"{a.need('/pages').get('html_url', 'on Pages')}, built by Actions",
                absent="Pages are switched off"),
        Setting("RD632", "deploy keys", ("/keys",), lambda a: [f"{k['title']} may write" for k in a.need("/keys") if not k["read_only"]],
                "none that may write: the App does", "Settings → Deploy keys"),
        Setting("RD633", "private reports of weaknesses", ("/private-vulnerability-reporting",), (Value("enabled", True, "switched off"),),
                "switched on: SECURITY.md points there", f"{SECURITY} → Private vulnerability reporting"),
        Setting("RD634", "secrets are stopped when pushed", ("",), (Value("security_and_analysis.secret_scanning_push_protection.status", "enabled", "{found}", None),),
                "enabled", f"{SECURITY} → Push protection"),
    ),
}  # fmt: skip
EYES: Final = (
    ("RD641", "the publisher's App", "may write contents and nothing else, and is installed on this repository alone", "the App's page: Permissions; Install App"),
    ("RD642", "environment scoring", "administrators may not go past the reviewers", "Settings → Environments → scoring: Allow administrators to bypass, off"),
    ("RD643", "who may write", "the maintainers' teams and nobody else; two-factor for all", "Settings → Collaborators and teams; the organisation's Authentication security"),
    ("RD644", "events that may start workflows", "pull_request, workflow_run, issues, issue_comment, workflow_dispatch, workflow_call, push, release, schedule, merge_group", "the organisation's or the repository's Actions policies, where GitHub offers them"),
    ("RD645", "a clock outside GitHub", "somebody is told when the site's last evaluation grows old", "a reminder elsewhere: GitHub cannot report that it stopped"),
)  # fmt: skip
"""What the API does not tell: code, what, wanted, where to look."""
PATHS: Final = tuple(dict.fromkeys(("/actions/organization-secrets", *(p for rows in SECTIONS.values() for r in rows for p in r.where if "{org}" not in p))))  # fmt: skip
"""What is asked of every repository."""
LISTS: Final = frozenset(p for p in PATHS if p.endswith(("secrets", "/workflows", "/runners", "/environments", "/keys", "/collaborators", MAIN, OTHER)))  # fmt: skip
"""What comes in pages; one of a hundred is all there can be here."""


def check_settings(answers: Answers) -> list[Section]:
    """Every finding on the repository's settings."""
    sections = [
        Section(title, tuple(row.finding(answers) for row in rows)) for title, rows in SECTIONS.items()
    ]
    eyes = (unsettled(code, what, f"should be: {wanted}", where) for code, what, wanted, where in EYES)
    return [*sections, Section("For your own eyes", tuple(eyes))]


def ask_settings(name: str, token: str, flows: Workflows) -> Answers:
    """GitHub's answers on a repository; raises `RexrankError` when it gives none, or knows no such token."""
    ask = asker(name, token)
    known: dict[str, Answer] = {}
    answers, paths = Answers(known, flows), list(PATHS)
    while paths:
        known.update({path: ask(path, _query(path, name)) for path in paths})
        with known_form():
            paths = [path for path in dict.fromkeys(_further(answers)) if path not in known]
    return answers


def _query(path: str, name: str) -> dict[str, str]:
    query = {"per_page": "100"} if path in LISTS or path.startswith("/orgs/") else {}
    if path == "/collaborators":
        query["permission"] = "push"
    if path.endswith("/runner-groups"):
        query["visible_to_repository"] = name.partition("/")[2]
    return query


def _further(answers: Answers) -> Iterator[str]:
    """What the answers so far point to."""

    def body(path: str) -> Any:
        return answers.get(path).body or {}

    if body(PERMISSIONS).get("allowed_actions") == "selected":
        yield f"{PERMISSIONS}/selected-actions"
    yield from (*look.rulesets(answers, MAIN), *look.rulesets(answers, OTHER))
    there = {f"environment {e['name']}": e["name"] for e in body("/environments").get("environments", ())}
    for row in SECTIONS["Environments and secrets"]:
        if name := there.get(row.what):
            yield from (f"/environments/{name}/{part}" for part in ("deployment-branch-policies", "secrets"))
    if org := answers.organisation:
        groups = GROUPS.replace("{org}", org)
        yield from (groups, INSTALLATIONS.replace("{org}", org))
        for group in body(groups).get("runner_groups", ()):
            yield from (f"{groups}/{int(group['id'])}/{part}" for part in ("repositories", "runners"))
