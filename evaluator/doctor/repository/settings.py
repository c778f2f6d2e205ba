"""The repository's settings in one table: a code, where GitHub shows it, what is wrong, what is wanted, the fix."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from functools import partial
from typing import Final

from evaluator.core.problems import RexrankError
from evaluator.doctor.findings import Check, Finding, Section
from evaluator.doctor.repository import predicates as look
from evaluator.doctor.repository.answers import RISK, Answers, Value, Values
from evaluator.doctor.repository.predicates import MAIN, PERMISSIONS, Environment
from evaluator.github.api import STATUS

MAX_DAYS: Final = 90
PULLS: Final = "Settings → General → Pull Requests"
RULES: Final = "Settings → Rules → Rulesets"
ACTIONS: Final = "Settings → Actions → General"
SECRETS: Final = "Settings → Secrets and variables → Actions"
SECURITY: Final = "Settings → Advanced Security"
ORG: Final = "Organisation → Settings"


ENVIRONMENTS: Final = (
    Environment("RD611", "scoring", reviewed=True),
    Environment("RD612", "scoring-auto", reviewed=False),
    Environment("RD613", "publish", secret="REX_APP_PRIVATE_KEY"),  # noqa: S106 - its name
    Environment("RD614", "github-pages"),
    Environment("RD617", "pypi", reviewed=True, ref="tag v*"),
)


def _environment(e: Environment) -> Check[Answers]:
    who = {True: "reviewers, no self-review, ", False: "no reviewer, ", None: ""}[e.reviewed]
    wanted = f"{e.ref} only, {who}{f'the secret {e.secret}' if e.secret else 'no secret'}"
    fix = f"Settings → Environments → {e.name}; create it with New environment if it does not exist"
    return Check(e.code, f"environment {e.name}", partial(look.environment, wanted=e), wanted, fix)


SECTIONS: Final[dict[str, tuple[Check[Answers], ...]]] = {
    "Main": (
        Check("RD601", "repository", Values("", (Value("default_branch", "main", "the default branch is {found}"), Value("archived", False, "it is archived", "")), "PATCH"),
              "default branch main, which the workflows expect", "Settings → General → Default branch; if it cannot be read: check the name and the token's permissions"),
        Check("RD602", "review of changes to main", look.reviews, "pull requests, approved once, by code owners, after the last push; squash only",
              f"{RULES}: Require a pull request before merging; Allowed merge methods"),
        Check("RD603", "required checks", look.checks, lambda a: f"{'; '.join(sorted({STATUS, *a.flows.checks}))}; {STATUS} from GitHub Actions",
              f"{RULES}: Require status checks to pass; source of {STATUS}: GitHub Actions; without: up to date"),
        Check("RD604", "main's history", lambda a: [words for kind, words in look.LINEAR.items() if not look.rules(a, MAIN, kind)],
              "no force push, no deletion, a linear history", f"{RULES}: Block force pushes, Restrict deletions, Require linear history"),
        Check("RD605", "who may bypass the rules", look.bypass, "the publisher's App, nobody else", f"{RULES}: Bypass list",
              lambda a: f"one App (id {look.above(a, MAIN)[1][0]}); check that it is the publisher's"),
        Check("RD606", "CODEOWNERS", lambda a: [f"line {e['line']}: {e['kind']}" for e in a.need("/codeowners/errors")["errors"]],
              "existing teams with write access", "open .github/CODEOWNERS on GitHub, which marks errors; create the teams, or list others"),
        Check("RD607", "merge methods",
              Values("", (Value("allow_squash_merge", True), Value("allow_merge_commit", False), Value("allow_rebase_merge", False)), "PATCH"),
              "squash merging only", f"{PULLS}: Allow squash merging, nothing else"),
        Check("RD608", "auto-merge", Values("", (Value("allow_auto_merge", False, "it is on", "GitHub shows it to administrators' tokens only"),), "PATCH"),
              "off: a person should merge what was scored", f"{PULLS}: Allow auto-merge, off"),
        Check("RD609", "merge queue", lambda a: ["it is enabled"] * bool(look.rules(a, MAIN, "merge_queue")),
              f"off: {STATUS} is never set on a merge group", f"{RULES}: Require merge queue, off"),
        Check("RD610", f"who could set {STATUS} from a branch", look.branches, "nobody: only main can be pushed, everybody works from a fork",
              f"{RULES}: a second ruleset, all branches but main: Restrict creations, Restrict updates; bypass list: Dependabot only"),
    ),
    "Environments and secrets": (
        *map(_environment, ENVIRONMENTS),
        Check("RD615", "secrets outside environments", look.secrets, "none: every workflow on every branch could read them",
              f"{SECRETS}; move them into an environment"),
        Check("RD616", "variable REX_APP_CLIENT_ID",
              Values("/actions/variables/REX_APP_CLIENT_ID", (Value("value", r"Iv[0-9A-Za-z.]{8,40}\Z", "{found} is not a client id", met=lambda found, form: re.match(form, str(found))),), absent="it is not set"),
              "the client id of the publisher's App", f"{SECRETS} → Variables"),
    ),
    "Actions": (
        Check("RD621", "allowed actions", look.actions, lambda a: ", ".join(["GitHub's own", *(f"{owner}/*" for owner in sorted(a.flows.foreign)), "nothing else"]),
              f"{ACTIONS}: Allow select actions"),
        Check("RD622", "pinned actions", Values(PERMISSIONS, (Value("sha_pinning_required", True, "pinning is optional", None),), "PUT"),
              "a full commit SHA for every action", f"{ACTIONS}: Require actions to be pinned to a full-length commit SHA"),
        Check("RD623", "permissions of a job's own token",
              Values(f"{PERMISSIONS}/workflow", (Value("default_workflow_permissions", "read", "write by default"),
                                                 Value("can_approve_pull_request_reviews", False, "it may approve pull requests")), "PUT"),
              "read; never approve pull requests", f"{ACTIONS}: Workflow permissions"),
        Check("RD624", "whose forks need approval",
              Values(f"{PERMISSIONS}/fork-pr-contributor-approval", (Value("approval_policy", "all_external_contributors", "{found}"),), "PUT"),
              "all_external_contributors", f"{ACTIONS}: Approval for running fork pull request workflows: all external contributors"),
        Check("RD625", "retention of logs and artifacts",
              Values(f"{PERMISSIONS}/artifact-and-log-retention", (Value("days", MAX_DAYS, "{found} days", met=operator.le),), "PUT"),
              f"at most {MAX_DAYS} days: they are public", f"{ACTIONS}: Artifact and log retention"),
        Check("RD626", "workflows", look.workflows, "every workflow on main is active",
              "Actions: enable the workflow; GitHub disables a schedule after 60 days without activity"),
        Check("RD627", "registered runners", look.runners, f"just-in-time runners with the labels {', '.join(look.LABELS)}",
              "Settings → Actions → Runners: remove it; run keep-registered.sh"),
        Check("RD628", "runner group", look.groups, "one group, for this repository only, limited to the workflows that use the machine, at refs/heads/main",
              f"{ORG} → Actions → Runner groups: Repository access, Workflow access"),
        Check("RD629", "the registrar's App", look.registrar, "one App with the organisation permission Self-hosted runners: write, and nothing else",
              f"{ORG} → GitHub Apps; {RISK}"),
    ),
    "Site and other access": (
        Check("RD631", "site", Values("/pages", (Value("build_type", "workflow", "built from a branch", "built from a branch"),
                                                 Value("https_enforced", True, "http is allowed", "")), "PUT", "Pages are disabled"),
              "built by Actions, https only", "Settings → Pages → Source: GitHub Actions; Enforce HTTPS"),
        Check("RD632", "deploy keys", lambda a: [f"{k['title']} has write access" for k in a.need(f"/keys{look.LIST}") if not k["read_only"]],
              "none with write access: only the App writes", "Settings → Deploy keys"),
        Check("RD633", "private vulnerability reporting", Values("/private-vulnerability-reporting", (Value("enabled", True, "disabled"),), "PUT"),
              "enabled: SECURITY.md points there", f"{SECURITY} → Private vulnerability reporting"),
        Check("RD634", "push protection",
              Values("", (Value("security_and_analysis.secret_scanning_push_protection.status", "enabled", "{found}", None),), "PATCH"),
              "enabled", f"{SECURITY} → Push protection"),
    ),
}  # fmt: skip
"""By section; a row's predicate is a function of the answers, or the values that one of them should have."""
EYES: Final = (
    ("RD641", "the publisher's App", "Contents: write and nothing else, installed on this repository only", "the App's page: Permissions; Install App"),
    ("RD642", "environment scoring", "administrators may not bypass the reviewers", "Settings → Environments → scoring: Allow administrators to bypass, off"),
    ("RD643", "write access", "the maintainers' teams and nobody else; two-factor authentication for everybody", "Settings → Collaborators and teams; the organisation's Authentication security"),
    ("RD644", "events that may start workflows", "pull_request, workflow_run, issues, issue_comment, workflow_dispatch, workflow_call, push, release, schedule, merge_group", "the organisation's or the repository's Actions policies, where GitHub offers them"),
    ("RD645", "monitoring outside GitHub", "somebody is notified if the site's last evaluation is too old", "a monitor elsewhere: GitHub does not report that a schedule stopped"),
)  # fmt: skip
"""What the API does not show: code, subject, wanted, where to look."""


def check_small(answers: Answers, labels: Sequence[str]) -> list[Finding]:
    """What a small challenge needs beside the table: main takes its workflow's push, and the one machine it names is there."""
    checks: list[Check[Answers]] = [
        Check("RD636", "the workflow's push to main", look.push_refused, "nothing that refuses it: no App of a small challenge may go past rules",
              f"{RULES}: take these rules off main, or grow into a fortress"),
    ]  # fmt: skip
    if labels:
        checks.append(
            Check("RD635", "the machine that scores", partial(look.machine, labels=labels), f"a runner that is online, with the labels {', '.join(labels)}",
                  "Settings → Actions → Runners → New self-hosted runner; its .env names REXRANK_VENV and REXRANK_MODELS")
        )  # fmt: skip
    return [check.finding(answers) for check in checks]


def check_settings(answers: Answers) -> list[Section]:
    """Every finding on the repository's settings.

    Raises `RexrankError` if GitHub does not answer, rejects the token, or answers in an unknown form.
    """
    try:
        sections = [Section(t, tuple(row.finding(answers) for row in rows)) for t, rows in SECTIONS.items()]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        form = f"GitHub answered in a form that the doctor does not know ({error})"
        raise RexrankError(f"{form}. Update the evaluator.") from error
    eyes = tuple(Finding(code, "open", what, f"should be: {wish}", fix=fix) for code, what, wish, fix in EYES)
    return [*sections, Section("To check by hand", eyes)]
