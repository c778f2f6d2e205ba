"""The runner's ledger as everybody may read it: statuses on main's first commit.

The ledger itself (`evaluator/scoring/quota.py`) lies on the runner and decides. After every run on a withheld set
the report notes what it said as a status `rexrank/quota/<dataset>/<team>` on the one commit that every
clone of main can name, so that a hosted job can say when a team's next run is before a maintainer asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from evaluator.datasets.registry import get_dataset
from evaluator.github import api

if TYPE_CHECKING:
    from github.Repository import Repository

    from evaluator.submissions.submission import Submission

CONTEXT: Final = "rexrank/quota"
_WORDS: Final = re.compile(r"(scored|refused) ([0-9a-f]{64}), next (now|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")


@dataclass(frozen=True, slots=True)
class Note:
    """What one status says: predictions, whether they were scored, and when others may be (`None`: now)."""

    digest: str
    scored: bool
    next: str | None


def context(dataset: str, team: str) -> str:
    """The name of the statuses of a team on a withheld set."""
    return f"{CONTEXT}/{dataset}/{team}"


def words(standing: Mapping[str, Any]) -> str:
    """A standing of the ledger as a status's description.

    >>> words({"counted": True, "digest": "ab", "next": None})
    'scored ab, next now'
    """
    return f"{'scored' if standing['counted'] else 'refused'} {standing['digest']}, next {standing['next'] or 'now'}"


def read(repo: Repository, first: str, contexts: Sequence[str]) -> dict[str, list[Note]]:
    """The notes on main's first commit by context, newest first; anybody else's and odd ones are left out."""
    found: dict[str, list[Note]] = {c: [] for c in contexts}
    if not contexts:
        return found
    for status in api.statuses(repo, first):
        match = _WORDS.fullmatch(status.description or "")
        ours = status.creator is not None and status.creator.login == api.bot()
        if match and ours and status.context in found:
            when = None if match[3] == "now" else match[3]
            found[status.context].append(Note(match[2], match[1] == "scored", when))
    return found


def note(repo: Repository, first: str, team: str, standings: Sequence[Mapping[str, Any]]) -> None:
    """Writes down what the ledger said of a team, where that is not written yet."""
    known = read(repo, first, [context(s["dataset"], team) for s in standings])
    for standing in standings:
        name, text = context(standing["dataset"], team), words(standing)
        newest = next(iter(known[name]), None)
        if (
            newest is None
            or words({"digest": newest.digest, "counted": newest.scored, "next": newest.next}) != text
        ):
            repo.get_commit(first).create_status("success", description=text, context=name)


def waits(repo: Repository, first: str, submission: Submission, now: datetime) -> dict[str, str | None]:
    """By withheld set of the submission the time of the team's next run, `None` where it may run now.

    Predictions that were scored before are free. What is not written is free too: the ledger decides.
    """
    counted = {d: p for d, p in submission.files.items() if get_dataset(d).exposure.limited_runs}
    names = {d: context(d, submission.team) for d in counted}
    known = read(repo, first, list(names.values()))
    moment = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    found: dict[str, str | None] = {}
    for dataset, predictions in counted.items():
        notes = known[names[dataset]]
        free = any(n.scored and n.digest == predictions.sha256 for n in notes)
        when = notes[0].next if notes else None
        found[dataset] = None if free or when is None or when <= moment else when
    return found


def readable(moment: str) -> str:
    """A time of a note for people.

    >>> readable("2026-12-26T13:58:12Z")
    '2026-12-26 13:58 UTC'
    """
    return f"{moment[:16].replace('T', ' ')} UTC"
