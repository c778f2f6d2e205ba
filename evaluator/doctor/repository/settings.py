"""The repository's settings, all of them: what the API tells, and what only somebody's eyes can."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

from evaluator.core.problems import InputError, RexrankError
from evaluator.doctor.findings import Finding, Section, unsettled
from evaluator.doctor.repository.actions import check_actions, check_doors
from evaluator.doctor.repository.answer_types import Environments, Rules
from evaluator.doctor.repository.answers import Answer, Answers
from evaluator.doctor.repository.environments import WISHES, check_environments
from evaluator.doctor.repository.rules import Expected, check_main, ruleset_ids
from evaluator.doctor.repository.table import (
    OTHER,
    check_keys,
    check_merging,
    group_paths,
    groups_path,
    organisation,
)
from evaluator.github.api import repository

PATHS: Final = (
    "", "/actions/permissions", "/actions/permissions/workflow", "/actions/permissions/fork-pr-contributor-approval",
    "/actions/permissions/artifact-and-log-retention", "/actions/secrets", "/actions/organization-secrets",
    "/actions/variables/REX_APP_CLIENT_ID", "/actions/workflows", "/actions/runners", "/rules/branches/main",
    "/environments", "/codeowners/errors", "/pages", "/keys", "/private-vulnerability-reporting", OTHER, "/collaborators",
)  # fmt: skip
LISTS: Final = frozenset(
    {
        "/actions/secrets",
        "/actions/organization-secrets",
        "/actions/workflows",
        "/actions/runners",
        "/rules/branches/main",
        "/environments",
        "/keys",
        "/collaborators",
        OTHER,
    }
)
"""What comes in pages; one of a hundred is all there can be here."""
PUSHERS: Final = {"permission": "push"}
EYES: Final = (
    ("RD641", "the publisher's App", "may write contents and nothing else, and is installed on this repository alone", "the App's page: Permissions; Install App"),
    ("RD642", "environment scoring", "administrators may not go past the reviewers", "Settings → Environments → scoring: Allow administrators to bypass, off"),
    ("RD643", "who may write", "the maintainers' teams and nobody else; two-factor for all", "Settings → Collaborators and teams; the organisation's Authentication security"),
    ("RD644", "events that may start workflows", "pull_request, workflow_run, issue_comment, workflow_dispatch, push, schedule, merge_group", "the organisation's or the repository's Actions policies, where GitHub offers them"),
    ("RD645", "a clock outside GitHub", "somebody is told when the site's last evaluation grows old", "a reminder elsewhere: GitHub cannot report that it stopped"),
)  # fmt: skip


def check_settings(answers: Answers, expected: Expected) -> list[Section]:
    """Every finding on the repository's settings."""
    return [
        Section("Main", (*check_main(answers, expected), *check_merging(answers))),
        Section("Environments and secrets", tuple(check_environments(answers))),
        Section("Actions", (*check_actions(answers, expected), *check_keys(answers, expected))),
        Section("Site and other doors", tuple(check_doors(answers))),
        Section("For your own eyes", tuple(_eyes())),
    ]


def _eyes() -> Iterator[Finding]:
    for code, what, wanted, where in EYES:
        yield unsettled(code, what, f"should be: {wanted}", where)


def ask_settings(name: str, token: str) -> Answers:
    """GitHub's answers on a repository; raises `RexrankError` when it gives none, or knows no such token."""
    ask = asker(name, token)
    known = {path: ask(path, PUSHERS if path == "/collaborators" else None) for path in PATHS}
    if ((known["/actions/permissions"].body) or {}).get("allowed_actions") == "selected":
        known["/actions/permissions/selected-actions"] = ask("/actions/permissions/selected-actions")
    both = [ruleset_ids(Answers(known).read(p, Rules)) for p in ("/rules/branches/main", OTHER)]
    for number in sorted({i for ids in both for i in ids}):
        known[f"/rulesets/{number}"] = ask(f"/rulesets/{number}")
    environments = Answers(known).read("/environments", Environments) or Environments()
    there = {e.name for e in environments.environments}
    for wish in WISHES:
        for part in ("deployment-branch-policies", "secrets") if wish.name in there else ():
            known[f"/environments/{wish.name}/{part}"] = ask(f"/environments/{wish.name}/{part}")
    org = organisation(Answers(known))
    if org:
        known[groups_path(org)] = ask(groups_path(org), {"visible_to_repository": name.partition("/")[2]})
        for path in (f"/orgs/{org}/installations", *group_paths(org, known[groups_path(org)].body)):
            known[path] = ask(path)
    return Answers(known)


def asker(name: str, token: str) -> Any:
    """A function from a path below the repository or of an organisation, and query values, to GitHub's answer."""
    import requests
    from github import GithubException

    # A refusal is a finding here; without a handler the client's own words about it go to standard error.
    logging.getLogger("github").addHandler(logging.NullHandler())
    repo = repository(token, name)

    def ask(path: str, query: Mapping[str, str] | None = None) -> Answer:
        org = path.startswith("/orgs/")
        values = dict(query or {}) | ({"per_page": "100"} if org or path in LISTS else {})
        try:
            _, body = repo.requester.requestJsonAndCheck(
                "GET", path if org else f"/repos/{name}{path}", parameters=values or None
            )
        except GithubException as refused:
            if refused.status == 401:
                raise InputError(
                    "GitHub does not take this token. Give another as GITHUB_TOKEN or GH_TOKEN."
                ) from refused
            if refused.status >= 500:
                raise RexrankError(
                    f"GitHub answers {refused.status}. Ask again later; githubstatus.com says more."
                ) from refused
            return Answer(refused.status)
        except requests.RequestException as lost:
            raise RexrankError(
                f"GitHub does not answer ({type(lost).__name__}). Check the network."
            ) from lost
        return Answer(200, body)

    return ask
