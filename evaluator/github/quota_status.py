"""The public view of the runner's ledger: check runs on main's first commit.

The ledger itself (`evaluator/scoring/quota.py`) is on the runner and decides. After every run on a withheld
dataset, the report records its state as a check run `rexrank/quota/<dataset>/team/<team>`, and one for each
account behind the run, on the one commit that every clone of main has, so that a hosted job can say when the
next run is before a maintainer requests it. Check runs instead of statuses, because GitHub can look them up
by name: a query is one request, however many teams there are. A maintainer's grant of an extra run is a check
run too, which the runner reads from GitHub itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from evaluator.datasets.registry import get_dataset
from evaluator.github import api
from evaluator.scoring.ledger import Entrant
from evaluator.scoring.quota import Standing

if TYPE_CHECKING:
    from github.Repository import Repository

    from evaluator.submissions.submission import Submission

CONTEXT: Final = "rexrank/quota"
GRANT: Final = "rexrank/grant"
_WORDS: Final = re.compile(
    r"(scored|refused) ([0-9a-f]{64}) of ([a-z0-9][a-z0-9.-]{0,39}), next (now|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"
)


@dataclass(frozen=True, slots=True)
class QuotaNote:
    """One check run: predictions of a team, whether they were scored, and when others may be (`None`: now)."""

    digest: str
    scored: bool
    team: str
    next: str | None


@dataclass(frozen=True, slots=True)
class QuotaNotes:
    """What the notes say about a submission.

    `waits`: by withheld dataset, the time of the next run, `None` if it may run now. `shared`: the datasets
    on which an account has to wait, not only the team. `teams`: by account, the teams for which its runs were
    recorded.
    """

    waits: Mapping[str, str | None] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()
    teams: Mapping[int, frozenset[str]] = field(default_factory=dict)


def context(dataset: str, holder: str) -> str:
    """The name of the notes of a team or an account (`Entrant.holders`) on a withheld dataset."""
    return f"{CONTEXT}/{dataset}/{holder}"


def note_text(standing: Standing, team: str, when: str | None) -> str:
    """A standing in the ledger as a note; `when` is the time of the holder's next run."""
    outcome = "scored" if standing.counted else "refused"
    return f"{outcome} {standing.digest} of {team}, next {when or 'now'}"


def read_notes(repo: Repository, first: str, name: str) -> list[QuotaNote]:
    """The notes with a name on main's first commit, newest first; those by others and malformed ones are left out."""
    notes = []
    for title in api.check_titles(repo, first, name):
        match = _WORDS.fullmatch(title)
        if match:
            when = None if match[4] == "now" else match[4]
            notes.append(QuotaNote(match[2], match[1] == "scored", match[3], when))
    return notes


def write_notes(repo: Repository, first: str, entrant: Entrant, standings: Sequence[Standing]) -> None:
    """Records what the ledger says about a team and its accounts, unless already recorded.

    `entrant`: the people that this job knows to be behind the pull request; nothing is recorded about anyone
    else.
    """
    for standing in standings:
        for slot in standing.holders:
            if slot.holder not in entrant.holders:
                continue
            name = context(standing.dataset, slot.holder)
            text = note_text(standing, entrant.team, slot.next)
            if next(iter(api.check_titles(repo, first, name)), None) != text:
                api.add_check(repo, first, name, text)


def notes_on(
    repo: Repository, first: str, submission: Submission, accounts: Iterable[int], now: datetime
) -> QuotaNotes:
    """What the notes say about a submission and its accounts: one request for each of them and withheld dataset.

    Predictions that were scored before are free. Anything not recorded counts as free too: the ledger
    decides.
    """
    entrant = Entrant(submission.team, frozenset(accounts))
    files = {d: p for d, p in submission.files.items() if get_dataset(d).exposure.limited_runs}
    moment = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    waits: dict[str, str | None] = {}
    shared: set[str] = set()
    teams: dict[int, set[str]] = {}
    for dataset, predictions in files.items():
        known = {h: read_notes(repo, first, context(dataset, h)) for h in entrant.holders}
        free = any(n.scored and n.digest == predictions.sha256 for notes in known.values() for n in notes)
        late = {h: n[0].next or "" for h, n in known.items() if n and (n[0].next or "") > moment and not free}
        waits[dataset] = max(late.values(), default=None)
        if late and max(late.values()) > late.get(entrant.holders[0], ""):
            shared.add(dataset)
        for account in entrant.accounts:
            teams.setdefault(account, set()).update(n.team for n in known[f"account/{account}"])
    return QuotaNotes(waits, frozenset(shared), {a: frozenset(t) for a, t in teams.items()})


def grant(repo: Repository, first: str, files: Mapping[str, str], by: str) -> None:
    """Records a grant of an extra run for prediction files, given by withheld dataset and digest.

    `by`: the maintainer's login.
    """
    for dataset, digest in files.items():
        name = f"{GRANT}/{dataset}/{digest}"
        if not api.check_titles(repo, first, name):
            api.add_check(repo, first, name, f"one run granted by {by}")


def granted(repo: Repository, first: str, files: Mapping[str, str]) -> list[str]:
    """The digests among prediction files (by withheld dataset) for which a maintainer granted an extra run."""
    return [digest for d, digest in files.items() if api.check_titles(repo, first, f"{GRANT}/{d}/{digest}")]


def limited_files(submission: Submission) -> dict[str, str]:
    """By withheld dataset of a submission, the digest of its predictions."""
    return {d: p.sha256 for d, p in submission.files.items() if get_dataset(d).exposure.limited_runs}


def readable(moment: str) -> str:
    """The time of a note in readable form.

    >>> readable("2026-12-26T13:58:12Z")
    '2026-12-26 13:58 UTC'
    """
    return f"{moment[:16].replace('T', ' ')} UTC"
