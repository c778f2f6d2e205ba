"""The repository's settings in one table: a code, where GitHub tells it, what is wrong, what is wanted, the fix."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from evaluator.core.problems import RexrankError
from evaluator.doctor.findings import Check, Finding, Section
from evaluator.doctor.repository import predicates as look
from evaluator.doctor.repository.answers import RISK, Answers, Value
from evaluator.doctor.repository.predicates import MAIN, PERMISSIONS
from evaluator.github.api import STATUS

MAX_DAYS: Final = 90
PULLS: Final = "Settings → General → Pull Requests"
RULES: Final = "Settings → Rules → Rulesets"
ACTIONS: Final = "Settings → Actions → General"
SECRETS: Final = "Settings → Secrets and variables → Actions"
SECURITY: Final = "Settings → Advanced Security"
ORG: Final = "Organisation → Settings"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row: the path that tells it, and what is wrong, by values of the answer or by a function.

    `set_by`: the request to the same path that sets the values, where there is one. `fine`: what a pass says, if not
    what is wanted; `absent`: what it means that there is nothing at the path.
    """

    code: str
    what: str
    where: str
    wrong: tuple[Value, ...] | Callable[[Answers], Iterable[str]]
    wanted: str | Callable[[Answers], str]
    fix: str
    fine: str | Callable[[Answers], str] = ""
    absent: str = ""
    set_by: Literal["PATCH", "PUT", ""] = ""

    def finding(self, answers: Answers) -> Finding:
        """The row held against a repository's answers; raises `RexrankError` for answers of another form."""
        try:
            return Check(self.code, self.what, self._wrong, self.wanted, self.fix, self.fine).finding(answers)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RexrankError(
                f"an answer of GitHub's has another form than the doctor knows ({error}). Update the evaluator."
            ) from error

    def _wrong(self, answers: Answers) -> Iterable[str]:
        if self.absent and answers.get(self.where).status == 404:
            return [self.absent]
        body = answers.need(self.where)
        if callable(self.wrong):
            return self.wrong(answers)
        return [words for value in self.wrong for words in value.wrong(body)]


@dataclass(frozen=True, slots=True)
class Environment:
    """What an environment should be: `ref` alone enters, one secret or none; `reviewed` is `None` where it does not matter."""

    code: str
    name: str
    reviewed: bool | None = None
    secret: str = ""
    ref: str = "branch main"

    def setting(self) -> Setting:
        """Its row."""
        who = {True: "reviewers, none of them the one who asked, ", False: "no reviewer, ", None: ""}[
            self.reviewed
        ]
        return Setting(
            self.code, f"environment {self.name}", look.ENVIRONMENTS,
            partial(look.environment, name=self.name, reviewed=self.reviewed, secret=self.secret, ref=self.ref),
            f"{self.ref} only, {who}{f'the secret {self.secret}' if self.secret else 'no secret'}",
            f"Settings → Environments → {self.name}; New environment where there is none",
        )  # fmt: skip


ENVIRONMENTS: Final = (
    Environment("RD611", "scoring", reviewed=True),
    Environment("RD612", "scoring-auto", reviewed=False),
    Environment("RD613", "publish", secret="REX_APP_PRIVATE_KEY"),  # noqa: S106 - its name
    Environment("RD614", "github-pages"),
    Environment("RD617", "pypi", reviewed=True, ref="tag v*"),
)


def _checks(a: Answers) -> str:
    return f"{'; '.join(sorted({STATUS, *a.flows.checks}))}; {STATUS} from GitHub Actions"


def _owners(a: Answers) -> str:
    return "".join(["GitHub's own", *(f", {owner}/*" for owner in sorted(a.flows.foreign)), ", nothing else"])


SECTIONS: Final = {
    "Main": (
        Setting("RD601", "repository", "", (Value("default_branch", "main", "the default branch is {found}"), Value("archived", False, "it is archived", "")),
                "default branch main: the workflows are written for it", "Settings → General → Default branch; unread: the name, the token's rights",
                lambda a: f"{a.need('')['full_name']}, {a.need('').get('visibility', 'unknown')}, default branch main", set_by="PATCH"),
        Setting("RD602", "changes of main are reviewed", MAIN, look.reviews, "a pull request with one approval, by code owners, of the last push; squash only",
                f"{RULES}: Require a pull request before merging; Allowed merge methods"),
        Setting("RD603", "checks that main asks for", MAIN, look.checks, _checks,
                f"{RULES}: Require status checks to pass; source of {STATUS}: GitHub Actions; not: up to date"),
        Setting("RD604", "main's history", MAIN, lambda a: [words for kind, words in look.LINEAR.items() if not look.rules(a, MAIN, kind)],
                "no force push, no deletion, a linear history", f"{RULES}: Block force pushes, Restrict deletions, Require linear history"),
        Setting("RD605", "who may go past the rules", MAIN, look.bypass, "the publisher's App, nobody else", f"{RULES}: Bypass list",
                lambda a: f"one App (id {look.above(a, MAIN)[1][0]}); look that it is the publisher's"),
        Setting("RD606", "CODEOWNERS", "/codeowners/errors", lambda a: [f"line {e['line']}: {e['kind']}" for e in a.need("/codeowners/errors")["errors"]],
                "teams that exist and may write", "open .github/CODEOWNERS on GitHub: errors are marked; create the teams, or name others"),
        Setting("RD607", "ways of merging", "", (Value("allow_squash_merge", True), Value("allow_merge_commit", False), Value("allow_rebase_merge", False)),
                "squashing alone", f"{PULLS}: Allow squash merging, nothing else", set_by="PATCH"),
        Setting("RD608", "auto-merge", "", (Value("allow_auto_merge", False, "it is on", "GitHub does not say: the token is no administrator's"),),
                "off: a person merges what was scored", f"{PULLS}: Allow auto-merge, off", set_by="PATCH"),
        Setting("RD609", "merge queue", MAIN, lambda a: ["there is one"] * bool(look.rules(a, MAIN, "merge_queue")),
                f"none: {STATUS} is never set on a merge group", f"{RULES}: Require merge queue, off"),
        Setting("RD610", f"who could set {STATUS} from a branch", look.OTHER, look.branches,
                "nobody: no branch but main can be made or pushed, everybody works from a fork",
                f"{RULES}: a second ruleset, all branches but main: Restrict creations, Restrict updates; bypass list: Dependabot alone"),
    ),
    "Environments and secrets": (
        *(environment.setting() for environment in ENVIRONMENTS),
        Setting("RD615", "secrets outside environments", look.SECRETS, look.secrets, "none: every workflow of every branch could read them",
                f"{SECRETS}; move them into an environment"),
        Setting("RD616", "variable REX_APP_CLIENT_ID", look.VARIABLE, look.client, "the client id of the publisher's App", f"{SECRETS} → Variables", absent="it is not set"),
    ),
    "Actions": (
        Setting("RD621", "actions that may be used", PERMISSIONS, look.actions, _owners, f"{ACTIONS}: Allow select actions"),
        Setting("RD622", "actions are pinned", PERMISSIONS, (Value("sha_pinning_required", True, "by choice only", None),), "a full commit id for every action",
                f"{ACTIONS}: Require actions to be pinned to a full-length commit SHA", set_by="PUT"),
        Setting("RD623", "what a job's own token may do", f"{PERMISSIONS}/workflow",
                (Value("default_workflow_permissions", "read", "write, where a workflow does not say"), Value("can_approve_pull_request_reviews", False, "approve pull requests")),
                "read; never approve pull requests", f"{ACTIONS}: Workflow permissions", set_by="PUT"),
        Setting("RD624", "whose forks wait for an approval", f"{PERMISSIONS}/fork-pr-contributor-approval", (Value("approval_policy", "all_external_contributors", "{found}"),),
                "all_external_contributors", f"{ACTIONS}: Approval for running fork pull request workflows: all external contributors", set_by="PUT"),
        Setting("RD625", "how long logs and artifacts stay", f"{PERMISSIONS}/artifact-and-log-retention", (Value("days", MAX_DAYS, "{found} days", met=operator.le),),
                f"at most {MAX_DAYS} days: they are public", f"{ACTIONS}: Artifact and log retention", set_by="PUT"),
        Setting("RD626", "workflows", look.WORKFLOWS, look.workflows, "every workflow of main, active",
                "Actions: enable the workflow named; GitHub switches a schedule off after 60 days without activity", lambda a: f"{len(a.flows.names)} are active"),
        Setting("RD627", "registered runners", look.RUNNERS, look.runners, f"just-in-time runners with the labels {', '.join(look.LABELS)}",
                "Settings → Actions → Runners: remove it; run keep-registered.sh"),
        Setting("RD628", "runner group", look.GROUPS, look.groups, "one group, for this repository alone, limited to the workflows that use the machine, at refs/heads/main",
                f"{ORG} → Actions → Runner groups: Repository access, Workflow access"),
        Setting("RD629", "the registrar's App", look.INSTALLATIONS, look.registrar, "one App with self-hosted runners: write of the organisation, and nothing else",
                f"{ORG} → GitHub Apps; {RISK}"),
    ),
    "Site and other doors": (
        Setting("RD631", "site", "/pages", (Value("build_type", "workflow", "built from a branch", "built from a branch"), Value("https_enforced", True, "http is let through", "")),
                "built by Actions, https only", "Settings → Pages → Source: GitHub Actions; Enforce HTTPS", absent="Pages are switched off", set_by="PUT"),
        Setting("RD632", "deploy keys", look.KEYS, lambda a: [f"{k['title']} may write" for k in a.need(look.KEYS) if not k["read_only"]],
                "none that may write: the App does", "Settings → Deploy keys"),
        Setting("RD633", "private reports of weaknesses", "/private-vulnerability-reporting", (Value("enabled", True, "switched off"),),
                "switched on: SECURITY.md points there", f"{SECURITY} → Private vulnerability reporting", set_by="PUT"),
        Setting("RD634", "secrets are stopped when pushed", "", (Value("security_and_analysis.secret_scanning_push_protection.status", "enabled", "{found}", None),),
                "enabled", f"{SECURITY} → Push protection", set_by="PATCH"),
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


def check_settings(answers: Answers) -> list[Section]:
    """Every finding on the repository's settings; raises `RexrankError` when GitHub gives no answer, or knows no such token."""
    sections = [
        Section(title, tuple(row.finding(answers) for row in rows)) for title, rows in SECTIONS.items()
    ]
    eyes = (
        Finding(code, "open", what, f"should be: {wanted}", fix=where) for code, what, wanted, where in EYES
    )
    return [*sections, Section("For your own eyes", tuple(eyes))]
