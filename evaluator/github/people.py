"""The GitHub accounts behind a pull request, by numeric id: its opener and the contacts on its card.

A login can be changed and a team founded in a minute; limits and maintainers rely on the ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evaluator.core.files import dump_json, write_text
from evaluator.core.markdown import code_span
from evaluator.core.problems import RexrankError
from evaluator.core.typed import Typed
from evaluator.github import api
from evaluator.github.job_files import read_json
from evaluator.github.ownership import OWNERS, contacts, parse_owners
from evaluator.submissions.rules.files import CARD_NAME, MAX_CARD_BYTES

if TYPE_CHECKING:
    from datetime import datetime

    from github.PullRequest import PullRequest
    from github.Repository import Repository

FETCHED: Final = "people.json"
MAX_BYTES: Final = 10_000
MAX_OWN: Final = 10
MAX_CONTACTS: Final = 10
"""Most handles that are looked up: as many as a card may have."""


class GitHubFacts(Typed):
    """Facts from GitHub for a scoring run without network: accounts, and granted prediction files."""

    accounts: tuple[int, ...]
    granted: tuple[str, ...] = ()


def accounts_of(repo: Repository, pull: PullRequest, handles: Iterable[str]) -> dict[str, int]:
    """The ids by login: first the person behind the pull request, then the contacts that exist."""
    user = api.opener(pull, repo)
    accounts = {str(user.login): int(user.id)}
    for handle in islice(handles, MAX_CONTACTS):
        if handle.lower() not in {login.lower() for login in accounts}:
            number = api.user_id(repo, handle)
            if number is not None:
                accounts[handle] = number
    return accounts


def write_github_facts(folder: Path, accounts: Iterable[int], granted: Iterable[str]) -> None:
    """Writes what scoring has to know about the people, next to the fetched pull request."""
    value = {"accounts": sorted(set(accounts)), "granted": sorted(set(granted))}
    write_text(folder / FETCHED, dump_json(value))


def read_github_facts(folder: Path) -> GitHubFacts:
    """The facts written there; raises `RexrankError` if there are none: nobody is scored anonymously."""
    value = read_json(folder / FETCHED, MAX_BYTES)
    try:
        people = GitHubFacts.model_validate_json(json.dumps(value))
    except ValueError as error:
        raise RexrankError(
            f"{FETCHED} of the fetched pull request has an unexpected format. Fetch it again."
        ) from error
    if not people.accounts:
        raise RexrankError(f"{FETCHED} does not contain an account. Fetch the pull request again.")
    return people


def models_of(login: str, account: int, submissions: Path, leaderboard: Path) -> list[str]:
    """The models on main (`team/model`) with an account as a contact: by its recorded id, else by its handle."""
    path = leaderboard / OWNERS
    owners: Mapping[str, Mapping[str, int]] = parse_owners(path.read_bytes()) if path.exists() else {}
    models = []
    for card in sorted(submissions.glob(f"*/*/{CARD_NAME}")):
        name = f"{card.parent.parent.name}/{card.parent.name}"
        ids = {h.lower(): i for h, i in owners.get(name, {}).items()}
        logins = {h.lower() for h in contacts(name, card.read_bytes()[:MAX_CARD_BYTES])}
        by_handle = login.lower() in logins and ids.get(login.lower(), account) == account
        if by_handle or account in {ids[h] for h in logins & set(ids)}:
            models.append(name)
    return models


def people_lines(
    accounts: Mapping[str, int],
    since: datetime,
    team: str,
    noted: Mapping[int, frozenset[str]],
    submissions: Path,
    leaderboard: Path,
) -> list[str]:
    """Markdown lines for the maintainer: each account, its models on main, and its teams besides this one.

    The first account opened the pull request; `noted`: teams for which runs of an account were recorded.
    """
    lines = []
    for place, (login, account) in enumerate(accounts.items()):
        models = models_of(login, account, submissions, leaderboard)
        teams = sorted(({m.partition("/")[0] for m in models} | noted.get(account, frozenset())) - {team})
        known = _some(models) or "no model on main"
        who = f"{code_span(login)}, account {account}"
        first = f"opened by {who} since {since:%Y-%m-%d}" if place == 0 else f"contact {who}"
        others = f"; **other teams of this account: {_some(teams)}**" if teams else "; no other team known"
        lines.append(f"{first}; contact of {known}{others}")
    return lines


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MAX_OWN} more" if len(names) > MAX_OWN else ""
    return ", ".join(map(code_span, names[:MAX_OWN])) + more
