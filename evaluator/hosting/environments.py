"""Environments as requests: https://docs.github.com/en/rest/deployments/environments."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from evaluator.doctor.repository import predicates as look
from evaluator.doctor.repository.answers import Answers
from evaluator.doctor.repository.predicates import LIST, Environment
from evaluator.doctor.repository.settings import ENVIRONMENTS
from evaluator.hosting.requests import HostOptions, Request


def environments(answers: Answers, bad: frozenset[str], wishes: HostOptions) -> Iterator[Request]:
    """The requests that correct the environments, each with its one allowed branch or tag.

    Secrets are left to people.
    """
    for e in ENVIRONMENTS:
        if e.code in bad:
            yield from _environment(answers, e, wishes)


def _environment(answers: Answers, e: Environment, wishes: HostOptions) -> Iterator[Request]:
    """The request for the environment itself if it lacks something, and those for who may enter it."""
    wrong = [w for w in look.environment(answers, e) if "secret" not in w]
    if e.reviewed and not wishes.reviewers:
        wrong = [w for w in wrong if w not in UNREVIEWED]
    path = f"/environments/{e.name}"
    policies = (answers.get(f"{path}/deployment-branch-policies{LIST}").body or {}).get("branch_policies", ())
    kind, _, name = e.ref.partition(" ")
    entering = {look.ENTERS.format(f"{p.get('type', 'branch')} {p['name']}") for p in policies}
    entering |= {look.SHUT_OUT.format(e.ref.removeprefix("branch "))}
    if set(wrong) - entering:
        yield Request(
            (e.code,),
            f"environment {e.name}: {e.ref} alone may enter",
            "PUT",
            path,
            _body(answers, e, wishes),
        )
    elif not wrong:
        return
    path = f"{path}/deployment-branch-policies"
    for policy in policies:
        if (policy.get("type", "branch"), policy["name"]) != (kind, name):
            words = f"environment {e.name}: {policy['name']} may not enter"
            yield Request((e.code,), words, "DELETE", f"{path}/{int(policy['id'])}")
    if not any((p.get("type", "branch"), p["name"]) == (kind, name) for p in policies):
        yield Request(
            (e.code,), f"environment {e.name}: {name} may enter", "POST", path, {"name": name, "type": kind}
        )


UNREVIEWED = (look.UNAPPROVED, look.SELF_APPROVED, look.BYPASSED)
"""What stays wrong until reviewers are named, or cannot be set through the API."""


def _body(answers: Answers, e: Environment, wishes: HostOptions) -> dict[str, JsonValue]:
    body: dict[str, JsonValue] = {
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True}
    }
    if e.reviewed and wishes.reviewers:
        people: list[JsonValue] = [{"type": "User", "id": number} for number in wishes.reviewers]
        return {**body, "prevent_self_review": True, "reviewers": people}
    return {**body, **(_reviewers_there(answers, e) if e.reviewed is not False else {})}


def _reviewers_there(answers: Answers, e: Environment) -> dict[str, JsonValue]:
    """The reviewers that an environment has: a request that omits them would remove them."""
    known = (answers.get(f"/environments{LIST}").body or {}).get("environments", ())
    rules = next((x.get("protection_rules", ()) for x in known if x["name"] == e.name), ())
    rule = next((r for r in rules if r["type"] == "required_reviewers"), None)
    people: list[JsonValue] = [
        {"type": r["type"], "id": r["reviewer"]["id"]}
        for r in (rule or {}).get("reviewers", ())
        if "id" in r["reviewer"]
    ]
    return {"reviewers": people, "prevent_self_review": True} if people else {}
