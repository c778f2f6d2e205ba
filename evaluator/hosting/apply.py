"""The doctor's settings, applied through GitHub's API: a plan of requests, and a list of what no request can set.

Requests: https://docs.github.com/en/rest, of repositories, rulesets, environments, Actions permissions and Pages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from evaluator.core.problems import InputError, RexrankError
from evaluator.doctor.findings import Finding, Section, State
from evaluator.doctor.repository.answers import Answers, Value, Values
from evaluator.doctor.repository.predicates import LIST, PERMISSIONS
from evaluator.doctor.repository.settings import ENVIRONMENTS, EYES, SECTIONS, check_small
from evaluator.github.answers import Answer
from evaluator.github.api import repository
from evaluator.hosting.environments import environments
from evaluator.hosting.requests import Body, HostOptions, Request
from evaluator.hosting.rulesets import bypassed_elsewhere, publisher, rulesets

PROFILE: Final = "REXRANK_PROFILE"
"""The variable from which workflows know the profile: they cannot read a file before a job begins."""
RUNNER: Final = "REXRANK_RUNNER"
"""The variable from which small.yml knows the scoring machine: one label or a list of them, as JSON."""
HOSTED: Final = '"ubuntu-24.04"'
"""GitHub's own machine, small.yml's default without the variable."""
SMALL: Final = frozenset(
    {"RD601", "RD604", "RD606", "RD607", "RD608", "RD609", "RD614", "RD615", "RD621", "RD622", "RD623", "RD624", "RD625"}
    | {"RD626", "RD631", "RD632", "RD633", "RD634"}
)  # fmt: skip
"""The rows that a small challenge needs: it has no App that could bypass rules, and no machine with references."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The requests to send, in order, the manual steps, and by code the current state of the table's rows."""

    requests: tuple[Request, ...]
    by_hand: tuple[Finding, ...]
    states: Mapping[str, State]


def plan(answers: Answers, wishes: HostOptions) -> Plan:
    """The plan that corrects the settings; empty if they are correct.

    Raises `RexrankError` as `check_settings` does.
    """
    findings = [row.finding(answers) for rows in SECTIONS.values() for row in rows]
    wanted = [f for f in findings if f.state != "good" and (wishes.profile == "fortress" or f.code in SMALL)]
    bad = frozenset(f.code for f in wanted if f.state == "bad")
    requests = [
        *_values(answers, bad),
        *_actions(answers, bad),
        *rulesets(answers, bad, wishes),
        *environments(answers, bad, wishes),
        *_workflows(answers, bad),
        *_profile(answers, wishes),
    ]
    set_by_us = {code for r in requests for code in r.codes} - _partly(answers, bad, wishes)
    eyes = [Finding(code, "open", what, wish, fix=fix) for code, what, wish, fix in EYES]
    left = [f for f in wanted if f.code not in set_by_us]
    if wishes.profile == "small":
        left += [f for f in check_small(answers, wishes.runner) if f.state != "good"]
    by_hand = (*left, *(eyes if wishes.profile == "fortress" else ()))
    return Plan(tuple(requests), by_hand, {f.code: f.state for f in findings})


def of_profile(sections: Sequence[Section], profile: str) -> list[Section]:
    """The findings under a profile: what a small challenge leaves to a fortress is open, never wrong."""
    if profile != "small":
        return [*sections]
    return [Section(s.title, tuple(map(_left_to_a_fortress, s.findings))) for s in sections]


def _left_to_a_fortress(f: Finding) -> Finding:
    if f.state != "bad" or f.code in SMALL:
        return f
    return replace(f, state="open", found=f"{f.found}: a small challenge leaves this to a fortress")


def _values(answers: Answers, bad: frozenset[str]) -> Iterator[Request]:
    """One request per path for the rows that are values of its response."""
    rows = [r for rows in SECTIONS.values() for r in rows if r.code in bad and isinstance(r.wrong, Values)]
    places: dict[tuple[str, str], list[tuple[str, str, Values]]] = {}
    for row in rows:
        values = row.wrong
        if isinstance(values, Values) and values.set_by and values.where != PERMISSIONS:
            places.setdefault((values.set_by, values.where), []).append((row.code, row.what, values))
    for (method, where), parts in places.items():
        codes, words = tuple(c for c, *_ in parts), ", ".join(w for _, w, _ in parts)
        body: dict[str, Any] = {}
        for value in (v for *_, values in parts for v in values.values if v.key != "archived"):
            _put(body, value)
        if where == "/pages" and answers.get(where).status == 404:
            yield Request(codes, words, "POST", where, {"build_type": "workflow"})
        elif where == "/private-vulnerability-reporting":
            yield Request(codes, words, "PUT", where)
        else:
            yield Request(codes, words, "PATCH" if method == "PATCH" else "PUT", where, body)


def _put(body: dict[str, Any], value: Value) -> None:
    """Puts a wanted value under its dotted key."""
    *folders, last = value.key.split(".")
    for name in folders:
        body = body.setdefault(name, {})
    body[last] = value.wanted


def _actions(answers: Answers, bad: frozenset[str]) -> Iterator[Request]:
    """The allowed owners of actions, and that actions are pinned: GitHub takes both in one request."""
    codes = tuple(c for c in ("RD621", "RD622") if c in bad)
    if not codes:
        return
    body: Body = {"enabled": True, "allowed_actions": "selected", "sha_pinning_required": True}
    yield Request(codes, "selected actions, pinned to full commits", "PUT", PERMISSIONS, body)
    if "RD621" in bad:
        owners = [f"{owner}/*" for owner in sorted(answers.flows.foreign)]
        body = {"github_owned_allowed": True, "verified_allowed": False, "patterns_allowed": [*owners]}
        words = f"GitHub's own actions{''.join(f', {o}' for o in owners)}, nothing else"
        yield Request(("RD621",), words, "PUT", f"{PERMISSIONS}/selected-actions", body)


def _workflows(answers: Answers, bad: frozenset[str]) -> Iterator[Request]:
    """Enables main's disabled workflows."""
    if "RD626" not in bad:
        return
    for flow in answers.need(f"/actions/workflows{LIST}")["workflows"]:
        name = flow["path"].rpartition("/")[2]
        if name in answers.flows.names and flow["state"].startswith("disabled"):
            yield Request(
                ("RD626",), f"workflow {name}: on", "PUT", f"/actions/workflows/{int(flow['id'])}/enable"
            )


def _profile(answers: Answers, wishes: HostOptions) -> Iterator[Request]:
    """The variables that tell the workflows the profile, and which machine scores a small challenge."""
    yield from _variable(
        answers, PROFILE, wishes.profile, f"the workflows of the profile {wishes.profile}", ""
    )
    if wishes.profile == "small":
        labels = ", ".join(wishes.runner) or "of GitHub's own"
        value = json.dumps([*wishes.runner]) if wishes.runner else HOSTED
        usual = "" if wishes.runner else HOSTED
        yield from _variable(answers, RUNNER, value, f"the machine that scores: {labels}", usual)


def _variable(answers: Answers, name: str, value: str, words: str, usual: str) -> Iterator[Request]:
    """The request that sets a variable; none if it is unset and `usual` applies."""
    answer = answers.get(f"/actions/variables/{name}")
    if (answer.body["value"] if answer.status == 200 else usual) == value:
        return
    body: Body = {"name": name, "value": value}
    if answer.status == 404:
        yield Request((), words, "POST", "/actions/variables", body)
    else:
        yield Request((), words, "PATCH", f"/actions/variables/{name}", body)


def _partly(answers: Answers, bad: frozenset[str], wishes: HostOptions) -> frozenset[str]:
    """Rows of which a part remains to be done by hand, whatever is sent."""
    left = {"RD605"} if _app_missing(answers, wishes) or bypassed_elsewhere(answers) else set()
    left |= {e.code for e in ENVIRONMENTS if e.secret}
    left |= set() if wishes.reviewers else {e.code for e in ENVIRONMENTS if e.reviewed}
    left |= {"RD601"} if answers.need("").get("archived") else set()
    return frozenset(left) & bad


def _app_missing(answers: Answers, wishes: HostOptions) -> bool:
    return wishes.profile == "fortress" and publisher(answers, wishes.bot) is None


def sender(name: str, token: str) -> Callable[[Request], Answer]:
    """A function that sends a request of a plan; raises `RexrankError` if GitHub does not respond."""
    import requests
    from github import GithubException

    ask = repository(token, name).requester.requestJsonAndCheck

    def send(request: Request) -> Answer:
        try:
            return Answer(200, ask(request.method, f"/repos/{name}{request.path}", input=request.body)[1])
        except GithubException as refused:
            if refused.status == 401:
                raise InputError(
                    "GitHub does not take this token. Set another one as GITHUB_TOKEN or GH_TOKEN."
                ) from refused
            if refused.status >= 500:
                raise RexrankError(
                    f"GitHub answers {refused.status}. Run the same command again."
                ) from refused
            message = refused.data.get("message", "") if isinstance(refused.data, dict) else ""
            return Answer(refused.status, message)
        except requests.RequestException as lost:
            raise RexrankError(
                f"GitHub does not answer ({type(lost).__name__}). Check the network."
            ) from lost

    return send


def account_ids(answers: Callable[[str], Answer], logins: Sequence[str]) -> tuple[int, ...]:
    """The numeric ids of GitHub accounts; raises `InputError` that names every one that does not exist."""
    accounts = {login: answers(f"/users/{login}") for login in logins}
    missing = [login for login, answer in accounts.items() if answer.status != 200]
    if missing:
        raise InputError(f"GitHub knows no account {', '.join(missing)}.")
    return tuple(int(answer.body["id"]) for answer in accounts.values())
