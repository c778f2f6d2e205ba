"""The repository's settings in one table: a code, where GitHub tells it, what is wrong, what is wanted, the fix."""

from __future__ import annotations

import operator
import re
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
    who = {True: "reviewers, none of them the one who asked, ", False: "no reviewer, ", None: ""}[e.reviewed]
    wanted = f"{e.ref} only, {who}{f'the secret {e.secret}' if e.secret else 'no secret'}"
    fix = f"Settings → Environments → {e.name}; New environment where there is none"
    return Check(e.code, f"environment {e.name}", partial(look.environment, wanted=e), wanted, fix)


SECTIONS: Final[dict[str, tuple[Check[Answers], ...]]] = {
    "Main": (
        Check("RD601", "repository", Values("", (Value("default_branch", "main", "the default branch is {found}"), Value("archived", False, "it is archived", "")), "PATCH"),
              "default branch main: the workflows are written for it", "Settings → General → Default branch; unread: the name, the token's rights"),
        Check("RD602", "changes of main are reviewed", look.reviews, "a pull request with one approval, by code owners, of the last push; squash only",
              f"{RULES}: Require a pull request before merging; Allowed merge methods"),
        Check("RD603", "checks that main asks for", look.checks, lambda a: f"{'; '.join(sorted({STATUS, *a.flows.checks}))}; {STATUS} from GitHub Actions",
              f"{RULES}: Require status checks to pass; source of {STATUS}: GitHub Actions; not: up to date"),
        Check("RD604", "main's history", lambda a: [words for kind, words in look.LINEAR.items() if not look.rules(a, MAIN, kind)],
              "no force push, no deletion, a linear history", f"{RULES}: Block force pushes, Restrict deletions, Require linear history"),
        Check("RD605", "who may go past the rules", look.bypass, "the publisher's App, nobody else", f"{RULES}: Bypass list",
              lambda a: f"one App (id {look.above(a, MAIN)[1][0]}); look that it is the publisher's"),
        Check("RD606", "CODEOWNERS", lambda a: [f"line {e['line']}: {e['kind']}" for e in a.need("/codeowners/errors")["errors"]],
              "teams that exist and may write", "open .github/CODEOWNERS on GitHub: errors are marked; create the teams, or name others"),
        Check("RD607", "ways of merging",
              Values("", (Value("allow_squash_merge", True), Value("allow_merge_commit", False), Value("allow_rebase_merge", False)), "PATCH"),
              "squashing alone", f"{PULLS}: Allow squash merging, nothing else"),
        Check("RD608", "auto-merge", Values("", (Value("allow_auto_merge", False, "it is on", "GitHub does not say: the token is no administrator's"),), "PATCH"),
              "off: a person merges what was scored", f"{PULLS}: Allow auto-merge, off"),
        Check("RD609", "merge queue", lambda a: ["there is one"] * bool(look.rules(a, MAIN, "merge_queue")),
              f"none: {STATUS} is never set on a merge group", f"{RULES}: Require merge queue, off"),
        Check("RD610", f"who could set {STATUS} from a branch", look.branches, "nobody: no branch but main can be made or pushed, everybody works from a fork",
              f"{RULES}: a second ruleset, all branches but main: Restrict creations, Restrict updates; bypass list: Dependabot alone"),
    ),
    "Environments and secrets": (
        *map(_environment, ENVIRONMENTS),
        Check("RD615", "secrets outside environments", look.secrets, "none: every workflow of every branch could read them",
              f"{SECRETS}; move them into an environment"),
        Check("RD616", "variable REX_APP_CLIENT_ID",
              Values("/actions/variables/REX_APP_CLIENT_ID", (Value("value", r"Iv[0-9A-Za-z.]{8,40}\Z", "{found} is no client id", met=lambda found, form: re.match(form, str(found))),), absent="it is not set"),
              "the client id of the publisher's App", f"{SECRETS} → Variables"),
    ),
    "Actions": (
        Check("RD621", "actions that may be used", look.actions, lambda a: ", ".join(["GitHub's own", *(f"{owner}/*" for owner in sorted(a.flows.foreign)), "nothing else"]),
              f"{ACTIONS}: Allow select actions"),
        Check("RD622", "actions are pinned", Values(PERMISSIONS, (Value("sha_pinning_required", True, "by choice only", None),), "PUT"),
              "a full commit id for every action", f"{ACTIONS}: Require actions to be pinned to a full-length commit SHA"),
        Check("RD623", "what a job's own token may do",
              Values(f"{PERMISSIONS}/workflow", (Value("default_workflow_permissions", "read", "write, where a workflow does not say"),
                                                 Value("can_approve_pull_request_reviews", False, "approve pull requests")), "PUT"),
              "read; never approve pull requests", f"{ACTIONS}: Workflow permissions"),
        Check("RD624", "whose forks wait for an approval",
              Values(f"{PERMISSIONS}/fork-pr-contributor-approval", (Value("approval_policy", "all_external_contributors", "{found}"),), "PUT"),
              "all_external_contributors", f"{ACTIONS}: Approval for running fork pull request workflows: all external contributors"),
        Check("RD625", "how long logs and artifacts stay",
              Values(f"{PERMISSIONS}/artifact-and-log-retention", (Value("days", MAX_DAYS, "{found} days", met=operator.le),), "PUT"),
              f"at most {MAX_DAYS} days: they are public", f"{ACTIONS}: Artifact and log retention"),
        Check("RD626", "workflows", look.workflows, "every workflow of main, active",
              "Actions: enable the workflow named; GitHub switches a schedule off after 60 days without activity"),
        Check("RD627", "registered runners", look.runners, f"just-in-time runners with the labels {', '.join(look.LABELS)}",
              "Settings → Actions → Runners: remove it; run keep-registered.sh"),
        Check("RD628", "runner group", look.groups, "one group, for this repository alone, limited to the workflows that use the machine, at refs/heads/main",
              f"{ORG} → Actions → Runner groups: Repository access, Workflow access"),
        Check("RD629", "the registrar's App", look.registrar, "one App with self-hosted runners: write of the organisation, and nothing else",
              f"{ORG} → GitHub Apps; {RISK}"),
    ),
    "Site and other doors": (
        Check("RD631", "site", Values("/pages", (Value("build_type", "workflow", "built from a branch", "built from a branch"),
                                                 Value("https_enforced", True, "http is let through", "")), "PUT", "Pages are switched off"),
              "built by Actions, https only", "Settings → Pages → Source: GitHub Actions; Enforce HTTPS"),
        Check("RD632", "deploy keys", lambda a: [f"{k['title']} may write" for k in a.need(f"/keys{look.LIST}") if not k["read_only"]],
              "none that may write: the App does", "Settings → Deploy keys"),
        Check("RD633", "private reports of weaknesses", Values("/private-vulnerability-reporting", (Value("enabled", True, "switched off"),), "PUT"),
              "switched on: SECURITY.md points there", f"{SECURITY} → Private vulnerability reporting"),
        Check("RD634", "secrets are stopped when pushed",
              Values("", (Value("security_and_analysis.secret_scanning_push_protection.status", "enabled", "{found}", None),), "PATCH"),
              "enabled", f"{SECURITY} → Push protection"),
    ),
}  # fmt: skip
"""By section; a row's predicate is a function of the answers, or the values that one of them should hold."""
EYES: Final = (
    ("RD641", "the publisher's App", "may write contents and nothing else, and is installed on this repository alone", "the App's page: Permissions; Install App"),
    ("RD642", "environment scoring", "administrators may not go past the reviewers", "Settings → Environments → scoring: Allow administrators to bypass, off"),
    ("RD643", "who may write", "the maintainers' teams and nobody else; two-factor for all", "Settings → Collaborators and teams; the organisation's Authentication security"),
    ("RD644", "events that may start workflows", "pull_request, workflow_run, issues, issue_comment, workflow_dispatch, workflow_call, push, release, schedule, merge_group", "the organisation's or the repository's Actions policies, where GitHub offers them"),
    ("RD645", "a clock outside GitHub", "somebody is told when the site's last evaluation grows old", "a reminder elsewhere: GitHub cannot report that it stopped"),
)  # fmt: skip
"""What the API does not tell: code, what, wanted, where to look."""


def check_settings(answers: Answers) -> list[Section]:
    """Every finding on the repository's settings.

    Raises `RexrankError` when GitHub gives no answer, knows no such token, or answers in another form.
    """
    try:
        sections = [Section(t, tuple(row.finding(answers) for row in rows)) for t, rows in SECTIONS.items()]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        form = f"an answer of GitHub's has another form than the doctor knows ({error})"
        raise RexrankError(f"{form}. Update the evaluator.") from error
    eyes = tuple(Finding(code, "open", what, f"should be: {wish}", fix=fix) for code, what, wish, fix in EYES)
    return [*sections, Section("For your own eyes", eyes)]
