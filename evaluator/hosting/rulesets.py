"""Rules for main, and in a fortress for every other branch, as requests: https://docs.github.com/en/rest/repos/rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pydantic import JsonValue

from evaluator.doctor.repository import predicates as look
from evaluator.doctor.repository.answers import Answers
from evaluator.doctor.repository.predicates import ACTIONS_APP, LIST
from evaluator.github.api import STATUS
from evaluator.hosting.requests import HostOptions, Method, Request

DEPENDABOT: Final = 29110
"""The id of Dependabot among GitHub's apps, the only one that may create branches."""
OTHERS: Final = "every other branch"


def rulesets(answers: Answers, bad: frozenset[str], wishes: HostOptions) -> Iterator[Request]:
    """The requests that correct the rules for main and for every other branch. Rules of other kinds are left alone."""
    fortress = wishes.profile == "fortress"
    codes = tuple(c for c in ("RD602", "RD603", "RD604", "RD605") if c in bad)
    app = publisher(answers, wishes.bot) if fortress else None
    # The host decides who may bypass the rules as long as the publisher's App is not installed.
    if codes and (app is not None or codes != ("RD605",)):
        rules: list[Any] = [{"type": kind} for kind in look.LINEAR]
        rules += _reviewed(answers) if fortress else []
        words = (
            "pull requests, checks, a linear history"
            if fortress
            else "no force push, no deletion, a linear history"
        )
        yield from _ruleset(answers, codes, "main", words, rules, actor=app)
    if "RD610" in bad:
        closed = [{"type": kind} for kind in look.CLOSED]
        words = "nobody makes or pushes another branch: everybody works from a fork"
        yield from _ruleset(answers, ("RD610",), OTHERS, words, closed, actor=DEPENDABOT)


def bypassed_elsewhere(answers: Answers) -> bool:
    """Whether somebody may bypass main's rules under a ruleset of another name, which the plan leaves alone."""
    known = answers.get(f"/rulesets{LIST}").body or []
    own = {int(r["id"]) for r in known if r["name"] == "main" and r.get("source_type") != "Organization"}
    numbers = {int(r.get("ruleset_id") or 0) for r in answers.get(look.MAIN).body or ()} - own - {0}
    return any((answers.get(f"/rulesets/{n}").body or {}).get("bypass_actors") for n in sorted(numbers))


def publisher(answers: Answers, slug: str) -> int | None:
    """The id of the publisher's App, `None` if it is not installed or the token may not see it."""
    if answers.need("")["owner"]["type"] != "Organization":
        return None
    body = answers.get(f"/orgs/{{org}}/installations{LIST}").body or {"installations": []}
    return next((int(i["app_id"]) for i in body["installations"] if i["app_slug"] == slug), None)


def _ruleset(
    answers: Answers, codes: tuple[str, ...], name: str, words: str, rules: list[Any], *, actor: int | None
) -> Iterator[Request]:
    """The request that creates a ruleset, or adds what the one with this name lacks; none if it lacks nothing."""
    known = answers.get(f"/rulesets{LIST}").body or []
    number = next(
        (int(r["id"]) for r in known if r["name"] == name and r.get("source_type") != "Organization"), None
    )
    old = {} if number is None else answers.need(f"/rulesets/{number}")
    kinds = {rule["type"] for rule in rules}
    others = [r for r in old.get("rules", ()) if r["type"] not in {*kinds, "merge_queue"}]
    actors: list[JsonValue] = [{"actor_id": actor, "actor_type": "Integration", "bypass_mode": "always"}]
    include, exclude = ("~ALL", ["~DEFAULT_BRANCH"]) if name == OTHERS else ("~DEFAULT_BRANCH", [])
    body: dict[str, JsonValue] = {
        "name": name,
        "target": "branch",
        "enforcement": "active",
        "bypass_actors": old.get("bypass_actors") or [] if actor is None else actors,
        "conditions": {"ref_name": {"include": [include], "exclude": [*exclude]}},
        "rules": [*others, *rules],
    }
    if all(_same(old.get(key), value) for key, value in body.items()):
        return
    method: Method = "POST" if number is None else "PUT"
    path = "/rulesets" if number is None else f"/rulesets/{number}"
    yield Request(codes, f"ruleset {name}: {words}", method, path, body)


def _same(old: JsonValue, new: JsonValue) -> bool:
    """Whether a ruleset's field contains what it should, in any order, possibly with more."""
    if isinstance(new, dict) and isinstance(old, dict):
        return all(_same(old.get(k), v) for k, v in new.items())
    if isinstance(new, list) and isinstance(old, list):
        return len(old) == len(new) and all(any(_same(o, n) for o in old) for n in new)
    return old == new


def _reviewed(answers: Answers) -> list[JsonValue]:
    """Main's rules on pull requests and checks."""
    reviews: dict[str, Any] = {value.key: value.wanted for value in look.REVIEW}
    reviews["required_review_thread_resolution"] = False
    contexts: list[JsonValue] = [{"context": STATUS, "integration_id": ACTIONS_APP}]
    contexts += [{"context": name} for name in sorted(answers.flows.checks - {STATUS})]
    checks: JsonValue = {"required_status_checks": contexts, "strict_required_status_checks_policy": False}
    return [
        {"type": "pull_request", "parameters": reviews},
        {"type": "required_status_checks", "parameters": checks},
    ]
