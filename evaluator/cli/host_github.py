"""`rexrank host github`: plans and applies the settings that `rexrank doctor --github` checks."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from evaluator.cli.output import result
from evaluator.core.problems import ExitCode, InputError, visible
from evaluator.datasets.challenge import NAME, Challenge, read_challenge
from evaluator.doctor.findings import MARKS
from evaluator.doctor.repository.answers import Answers
from evaluator.github.answers import asker
from evaluator.github.workflows import read_workflows
from evaluator.hosting.apply import Plan, account_ids, plan, sender
from evaluator.hosting.requests import HostOptions, Request


def run_github(root: Path, reviewers: Sequence[str], profile: str, *, apply: bool) -> int:
    """0 if everything that the API can set is correct or was set now; 3 if GitHub refused a part.

    Without `apply` nothing is sent. Raises `InputError` without a token and for reviewers without an account,
    `RexrankError` if GitHub does not respond.
    """
    challenge = read_challenge(root / NAME)
    token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN", "")
    if not token:
        raise InputError("a maintainer's token is required: GH_TOKEN=$(gh auth token) rexrank host github …")
    wrong = [r for r in reviewers if not re.fullmatch(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}", r)]
    if wrong or len(reviewers) > 6:
        raise InputError(
            f"--reviewer {', '.join(wrong) or 'seven'}: wanted one to six GitHub accounts, without @."
        )
    ask = asker(challenge.repository, token)
    answers = Answers(ask, read_workflows(root))
    name = challenge.profile if not profile else "small" if profile == "small" else "fortress"
    whole = plan(answers, HostOptions(name, challenge.bot, account_ids(ask, reviewers), challenge.runner))
    print(f"{challenge.repository}, profile {name}:")
    _show(whole, apply=apply)
    refusals = _send(whole.requests, challenge.repository, token) if apply else []
    _by_hand(whole)
    if name == "fortress":
        _growing(whole, challenge, apply=apply)
    result(
        {
            "requests": len(whole.requests),
            "refused": len(refusals),
            "by_hand": [f.code for f in whole.by_hand],
        }
    )
    return ExitCode.PARTIAL if refusals else ExitCode.DONE


def _show(whole: Plan, *, apply: bool) -> None:
    """Prints the requests that are sent, or would be."""
    if not whole.requests:
        print("  nothing to set: every setting that the API can set is correct")
    for r in whole.requests:
        print(f"  {' '.join(r.codes) or 'profile':<12} {r.what}")
        print(f"  {'':<12} {r.method} {r.path or '(the repository)'}")
    if whole.requests and not apply:
        print("Nothing was sent. To apply them: rexrank host github --apply")


def _send(requests: Sequence[Request], name: str, token: str) -> list[Request]:
    """The requests that GitHub refused, each printed with its response."""
    send, refused = sender(name, token), []
    for r in requests:
        answer = send(r)
        if answer.status != 200:
            refused.append(r)
            print(f"refused: {r.what}: GitHub answers {answer.status} {visible(answer.body or '')}".rstrip())
    print(f"{len(requests) - len(refused)} of {len(requests)} set")
    return refused


GROWING: Final = (
    ("the publisher's App {bot}, installed on this repository alone: site/maintainers/settings.md", ("RD605", "RD616")),
    ("rules and environments: rexrank host github --apply --reviewer LOGIN", ("RD602", "RD603", "RD610", "RD611", "RD612")),
    ("the App's key as the secret of the environment publish", ("RD613",)),
    ("the scoring machine, with references, weights and salt: site/maintainers/runner.md", ("RD627", "RD628", "RD629")),
)  # fmt: skip
"""The steps from a small challenge to a fortress, in order, with the doctor's rows that show them done."""


def _growing(whole: Plan, challenge: Challenge, *, apply: bool) -> None:
    """Prints the steps from small to fortress and which are done, until all of them are."""
    file = f'{NAME}: profile = "fortress", and no runner'
    steps = [(challenge.profile == "fortress", file)]
    steps += [
        (all(whole.states.get(c) == "good" for c in codes), f"{words.format(bot=challenge.bot)} ({', '.join(codes)})")
        for words, codes in GROWING
    ]  # fmt: skip
    if all(done for done, _ in steps):
        return
    print(f"From a small challenge to a fortress, as it was{' before this' if apply else ''}, in this order:")
    for n, (done, words) in enumerate(steps, start=1):
        print(f"  {MARKS['good'] if done else MARKS['bad']} {n}. {words}")
    print("  rexrank doctor --github shows each row; on the machine sudo rexrank doctor shows the rest.")


def _by_hand(whole: Plan) -> None:
    if whole.by_hand:
        print("To do by hand (not possible through the API, or your decision):")
    for f in whole.by_hand:
        print(f"  {f.code} {f.what}: {f.wanted or f.found}")
        print(f"  {'':<5} {f.fix}")
