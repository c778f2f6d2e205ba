"""Environments and secrets: who lets a job start, on which branch, and what it may read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from evaluator.doctor.findings import Finding, bad, good, judged
from evaluator.doctor.repository.answer_types import Environment, Environments
from evaluator.doctor.repository.answers import Answers

WHERE: Final = "Settings → Environments"
KEY: Final = "REX_APP_PRIVATE_KEY"
CLIENT: Final = "REX_APP_CLIENT_ID"
_CLIENT: Final = re.compile(r"Iv[0-9A-Za-z.]{8,40}")


class Wish(NamedTuple):
    """What one environment has to be; `reviewed` is `None` where it does not matter."""

    code: str
    name: str
    reviewed: bool | None
    secrets: frozenset[str]


WISHES: Final = (
    Wish("RD611", "scoring", True, frozenset()),
    Wish("RD612", "scoring-auto", False, frozenset()),
    Wish("RD613", "publish", None, frozenset({KEY})),
    Wish("RD614", "github-pages", None, frozenset()),
)  # fmt: skip


def check_environments(answers: Answers) -> Iterator[Finding]:
    """Every finding on environments, secrets and the variable."""
    yield from (_environment(answers, wish) for wish in WISHES)
    yield _secrets(answers)
    yield _client(answers)


def _environment(answers: Answers, wish: Wish) -> Finding:
    what = f"environment {wish.name}"
    listed = answers.read("/environments", Environments)
    if listed is None:
        return answers.refused(wish.code, what, "/environments", WHERE)
    environment = next((e for e in listed.environments if e.name == wish.name), None)
    wanted = _wanted(wish)
    if environment is None:
        return bad(wish.code, what, "it is not there", wanted, f"{WHERE} → New environment")
    wrong = [
        *_branches(answers, wish, environment),
        *_reviewers(wish, environment),
        *_secrets_of(answers, wish),
    ]
    if environment.can_admins_bypass:
        wrong += ["administrators may go past it"] * bool(wish.reviewed)
    return judged(wish.code, what, wrong, wanted, wanted, f"{WHERE} → {wish.name}")


def _wanted(wish: Wish) -> str:
    parts = ["branch main only"]
    parts += ["reviewers, none of them the one who asked"] if wish.reviewed else []
    parts += ["no reviewer"] if wish.reviewed is False else []
    parts += [f"the secret {s}" for s in sorted(wish.secrets)] or ["no secret"]
    return ", ".join(parts)


def _branches(answers: Answers, wish: Wish, environment: Environment) -> list[str]:
    policy = environment.deployment_branch_policy
    if policy is None:
        return ["every branch may enter"]
    if policy.protected_branches:
        return ["every protected branch may enter"]
    named = answers.body(f"/environments/{wish.name}/deployment-branch-policies")
    if named is None:
        return ["its branches cannot be read"]
    policies = [(p.get("type", "branch"), p["name"]) for p in named["branch_policies"]]
    return [f"{kind} {name} may enter" for kind, name in policies if (kind, name) != ("branch", "main")] + (
        [] if ("branch", "main") in policies else ["main may not enter"]
    )


def _reviewers(wish: Wish, environment: Environment) -> list[str]:
    rules = [r for r in environment.protection_rules if r.type == "required_reviewers"]
    people = [p for r in rules for p in r.reviewers]
    if wish.reviewed is False:
        return ["its jobs wait for a reviewer: the nightly run would stand still"] if people else []
    if not wish.reviewed:
        return []
    if not people:
        return ["nobody has to approve"]
    return [] if any(r.prevent_self_review for r in rules) else ["who asked may approve"]


def _secrets_of(answers: Answers, wish: Wish) -> list[str]:
    listed = answers.body(f"/environments/{wish.name}/secrets")
    if listed is None:
        return ["the names of its secrets cannot be read"]
    names = {s["name"] for s in listed["secrets"]}
    return [f"no secret {n}" for n in sorted(wish.secrets - names)] + [
        f"the secret {n} has no business there" for n in sorted(names - wish.secrets)
    ]


def _secrets(answers: Answers) -> Finding:
    what, look = "secrets outside environments", "Settings → Secrets and variables → Actions"
    paths = {"/actions/secrets": "of the repository", "/actions/organization-secrets": "of the organisation"}
    wrong = []
    for path, whose in paths.items():
        listed = answers.body(path)
        if listed is None:
            # A repository of a person has no organisation.
            if whose == "of the repository" or answers.status(path) != 404:
                return answers.refused("RD615", what, path, look)
            continue
        wrong += [f"{s['name']} {whose}" for s in listed["secrets"]]
    return judged(
        "RD615",
        what,
        wrong,
        "none",
        "none: every workflow of every branch could read them",
        f"{look}; move them into an environment",
    )


def _client(answers: Answers) -> Finding:
    what, path = f"variable {CLIENT}", f"/actions/variables/{CLIENT}"
    wanted, fix = (
        "the client id of the publisher's App",
        "Settings → Secrets and variables → Actions → Variables",
    )
    if answers.status(path) == 404:
        return bad("RD616", what, "it is not set", wanted, fix)
    if answers.body(path) is None:
        return answers.refused("RD616", what, path, fix)
    value = str(answers.body(path)["value"])
    return (
        good("RD616", what, value)
        if _CLIENT.fullmatch(value)
        else bad("RD616", what, f"{value} is no client id", wanted, fix)
    )
