"""The runner's own ledger of scored runs on withheld sets: who may be scored now, and when again.

`<store>/attempts.jsonl` holds one line a run. It is authoritative; what a workflow says before
(`evaluator/github/quota_status.py`) is a courtesy. A run counts for the team and for every account behind it, so
that nobody gets more runs by founding teams. A run that failed told nothing and does not count, nor do the same
bytes scored again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import AwareDatetime, Field, ValidationError, field_serializer

from evaluator.core.files import append_line
from evaluator.core.host_files import read_host_file
from evaluator.core.problems import InputError, RexrankError
from evaluator.core.typed import Sha256, Typed, form
from evaluator.datasets.registry import Dataset
from evaluator.scoring.record import Slug

POLICY_FILE: Final = "policy.json"
"""In the leaderboard; see `Policy`."""
LEDGER: Final = "attempts.jsonl"
"""In the store: one line a run; see `Attempt`."""
HOLDER: Final = r"(?:team/[a-z0-9][a-z0-9.-]{0,39}|account/[1-9][0-9]{0,17})"
"""Who has slots, as a pattern."""
Holder = Annotated[str, form(HOLDER, "team/SLUG or account/NUMBER", longest=50)]
Tally = Annotated[int, Field(ge=0, le=1_000_000)]
Moment = Annotated[
    str, form("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", "a time in UTC, to the second")
]


class Policy(Typed):
    """How often a team may be scored on a withheld set: `<leaderboard>/policy.json`, each field optional."""

    runs: Annotated[int, Field(ge=1, le=1_000, description="Runs of a team on a dataset in a window.")] = 1
    window_days: Annotated[int, Field(ge=1, le=3_650, description="Days of the window.")] = 30
    runs_per_year: Annotated[
        int, Field(ge=1, le=10_000, description="Runs of a team on a dataset in 365 days.")
    ] = 6

    @property
    def window(self) -> timedelta:
        """The time in which `runs` are allowed."""
        return timedelta(days=self.window_days)


@dataclass(frozen=True, slots=True)
class Entrant:
    """For whom predictions are scored: a team, and the numeric ids of the GitHub accounts behind the pull request.

    Those are the one that opened it and the contacts of its card; empty where nobody asked GitHub.
    """

    team: str
    accounts: frozenset[int] = frozenset()

    @property
    def holders(self) -> tuple[str, ...]:
        """Whose slots a run takes, the team's first.

        >>> Entrant("acme", frozenset({7})).holders
        ('team/acme', 'account/7')
        """
        return (f"team/{self.team}", *(f"account/{a}" for a in sorted(self.accounts)))


class Attempt(Typed):
    """One line of the ledger, a request for scoring: `scored` is false when it failed and told nothing.

    Lines from before accounts were noted have none. `granted`: a maintainer's grant and no run yet.
    """

    team: Slug
    accounts: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False)] = ()
    dataset: Slug
    digest: Sha256
    at: AwareDatetime
    scored: bool
    granted: bool = False

    @property
    def entrant(self) -> Entrant:
        """For whom the predictions were scored."""
        return Entrant(self.team, frozenset(self.accounts))

    @field_serializer("at")
    def _at(self, at: datetime) -> str:
        return at.isoformat()


class NextSlot(Typed):
    """When the team, or an account behind the pull request, has its next slot."""

    holder: Holder
    next: Moment | None


class Standing(Typed):
    """What the ledger says on a withheld set of the team and the accounts behind the pull request.

    Counts are those of `holder`, who waits longest; `holders` has the next slot of each.
    """

    dataset: Slug
    digest: Sha256
    counted: bool
    holder: Holder
    used: Tally
    runs: Tally
    window_days: Tally
    used_in_year: Tally
    runs_per_year: Tally
    next: Moment | None
    holders: Annotated[tuple[NextSlot, ...], Field(strict=False, min_length=1, max_length=20)]


@dataclass(frozen=True, slots=True)
class Slot:
    """Whether a holder may be scored now, and when it may be next (`None`: now)."""

    allowed: bool
    next: datetime | None
    used_in_window: int
    used_in_year: int


def slot(attempts: Iterable[Attempt], holder: str, dataset: str, now: datetime, policy: Policy) -> Slot:
    """The slot of a team or an account on a dataset; attempts that failed do not count, the same bytes count once.

    A run leaves the window exactly `window` after it was scored.
    """
    year = timedelta(days=365)
    first: dict[str, datetime] = {}
    for a in attempts:
        if a.scored and a.dataset == dataset and holder in a.entrant.holders:
            first[a.digest] = min(a.at, first.get(a.digest, a.at))
    times = sorted(first.values())
    windows = ((policy.window, policy.runs), (year, policy.runs_per_year))
    used = [[t for t in times if t + span > now] for span, _ in windows]
    waits = [
        runs[len(runs) - limit] + span
        for runs, (span, limit) in zip(used, windows, strict=True)
        if len(runs) >= limit
    ]
    return Slot(not waits, max(waits, default=None), len(used[0]), len(used[1]))


class QuotaError(InputError):
    """A team or somebody of it has no slot now; the message says when there is one, and may be shown to everybody.

    `standings` says the same for machines, one entry a data set.
    """

    def __init__(self, standings: Sequence[Standing]) -> None:
        super().__init__(" ".join(spent(s) for s in standings))
        self.standings = tuple(standings)


def spent(standing: Standing) -> str:
    """Why nothing is scored on a set now, and when it may be; a sentence or two."""
    when = f"{standing.next[:16].replace('T', ' ')} UTC" if standing.next else "never"
    return (
        f"{named(standing.holder)} has used its runs on {standing.dataset}: {standing.used} of {standing.runs} in "
        f"{standing.window_days} days, {standing.used_in_year} of {standing.runs_per_year} in a year. "
        f"Next slot: {when}."
    )


def named(holder: str) -> str:
    """A holder of slots for people.

    >>> named("team/acme"), named("account/7")
    ('acme', 'the GitHub account 7, which opened the pull request or is a contact of the model, counted over all its teams,')
    """
    kind, _, name = holder.partition("/")
    if kind == "team":
        return name
    return f"the GitHub account {name}, which opened the pull request or is a contact of the model, counted over all its teams,"


def read_policy(leaderboard: Path) -> Policy:
    """The challenge's policy, the usual one without a file. Raises `InvalidFile` with every problem of it."""
    path = leaderboard / POLICY_FILE
    return read_host_file(path, Policy) if os.path.lexists(path) else Policy()


def attempts(store: Path) -> list[Attempt]:
    """Every line of the ledger, oldest first; raises `RexrankError` for a damaged one.

    A last line that a crash tore counted for nothing yet, and is left out.
    """
    path = store / LEDGER
    if not path.exists():
        return []
    try:
        lines = _untorn(path.read_bytes()).decode("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise RexrankError(
            f"cannot read the ledger {path}: {error}. Mend it by hand; nothing is scored before."
        ) from error
    return [_attempt(path, number, line) for number, line in enumerate(lines, start=1) if line]


def _attempt(path: Path, number: int, line: str) -> Attempt:
    try:
        return Attempt.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = f"/{'/'.join(map(str, first['loc']))}"
        raise RexrankError(
            f"line {number} of the ledger {path} is not one of ours at {place}: {first['msg']}. "
            "Mend it by hand; nothing is scored before."
        ) from error


def _untorn(whole: bytes) -> bytes:
    """A ledger's bytes without a last line that has neither an end nor sense: what a crash left of it."""
    end = whole.rfind(b"\n") + 1
    try:
        json.loads(whole[end:] or b"{}")
    except ValueError:
        return whole[:end]
    return whole


def grant(store: Path, dataset: Dataset, team: str, digest: str) -> bool:
    """Whether predictions were granted a run on a withheld set, which counts as the team's; false when they have it.

    They are free from then on, as predictions that were scored are. Raises `RexrankError` for a set whose runs are not counted.
    """
    if not dataset.exposure.limited_runs:
        raise InputError(f"{dataset.id} is {dataset.access}: its runs are not counted.")
    if _known(attempts(store), dataset, digest):
        return False
    _add(store, dataset, Entrant(team), digest, datetime.now(UTC), scored=True, granted=True)
    return True


def accounts_by_digest(store: Path, dataset: Dataset) -> dict[str, frozenset[int]]:
    """The accounts behind each prediction file that was scored on a withheld set, by its digest."""
    accounts: dict[str, frozenset[int]] = {}
    for a in attempts(store):
        if a.scored and a.dataset == dataset.id:
            accounts[a.digest] = accounts.get(a.digest, frozenset()) | a.entrant.accounts
    return accounts


def standing(
    store: Path, dataset: Dataset, entrant: Entrant, digest: str, now: datetime, policy: Policy
) -> Standing:
    """What everybody may know of the runs on a withheld set.

    `counted`: whether these predictions were scored; they are free from then on. `holder`: whose slot is free
    last, the team's where nobody waits longer; counts and `next` are this one's. `next`: when other predictions
    may be scored, `None` where they may at once. `holders`: the same for each, so that it can be noted.
    """
    known = attempts(store)
    slots = {h: slot(known, h, dataset.id, now, policy) for h in entrant.holders}
    latest = max(
        slots, key=lambda h: (_moment(slots[h].next) or "", slots[h].used_in_window)
    )  # tie: the team, which is first
    return Standing(
        dataset=dataset.id,
        digest=digest,
        counted=_known(known, dataset, digest),
        holder=latest,
        used=slots[latest].used_in_window,
        runs=policy.runs,
        window_days=policy.window_days,
        used_in_year=slots[latest].used_in_year,
        runs_per_year=policy.runs_per_year,
        next=_moment(slots[latest].next),
        holders=tuple(NextSlot(holder=h, next=_moment(s.next)) for h, s in slots.items()),
    )


def _moment(when: datetime | None) -> str | None:
    """The first full second at which a slot is free."""
    return None if when is None else f"{when + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"


def require_slots(
    store: Path, entrant: Entrant, wanted: Sequence[tuple[Dataset, str]], policy: Policy
) -> None:
    """Nothing; `wanted`: data sets and digests of predictions. Raises `QuotaError` that names every withheld set on which the team or an account has no slot now.

    Asked before anything is scored, so that no run is counted of which nothing is told.
    """
    now = datetime.now(UTC)
    standings = [
        standing(store, d, entrant, digest, now, policy) for d, digest in wanted if d.exposure.limited_runs
    ]
    refused = [s for s in standings if s.next is not None and not s.counted]
    if refused:
        raise QuotaError(refused)


@contextmanager
def counted(
    store: Path, dataset: Dataset, entrant: Entrant, digest: str, policy: Policy, *, over_quota: bool = False
) -> Iterator[None]:
    """Counts what runs inside as a run on a withheld set of the team and its accounts, if it ends well.

    Raises `QuotaError` with the date of the next slot when there is none now. Other sets, bytes
    that were scored before, and `over_quota` (a maintainer's decision) are let through; only the last
    is counted.
    """
    if not dataset.exposure.limited_runs or _settled(store, dataset, digest, entrant):
        yield
        return
    if not over_quota:
        require_slots(store, entrant, [(dataset, digest)], policy)
    began, done = datetime.now(UTC), False
    try:
        yield
        done = True
    finally:
        _add(store, dataset, entrant, digest, began, scored=done)


def _add(
    store: Path,
    dataset: Dataset,
    entrant: Entrant,
    digest: str,
    at: datetime,
    *,
    scored: bool,
    granted: bool = False,
) -> None:
    """Writes a line and waits until the disk has it; what a crash left of an earlier one is taken away first."""
    path = store / LEDGER
    if path.exists():
        os.truncate(path, len(_untorn(path.read_bytes())))
    attempt = Attempt(
        team=entrant.team,
        accounts=tuple(sorted(entrant.accounts)),
        dataset=dataset.id,
        digest=digest,
        at=at,
        scored=scored,
        granted=granted,
    )
    line = attempt.model_dump(mode="json", exclude=set() if granted else {"granted"})
    append_line(path, json.dumps(line, sort_keys=True))


def _known(known: Iterable[Attempt], dataset: Dataset, digest: str) -> bool:
    """Whether exactly these predictions were scored on the set, or granted a run."""
    return any((a.digest, a.dataset, a.scored) == (digest, dataset.id, True) for a in known)


def _settled(store: Path, dataset: Dataset, digest: str, entrant: Entrant) -> bool:
    """Whether these predictions were scored and nothing is left to note: a grant says nothing of the accounts."""
    same = [a for a in attempts(store) if _known([a], dataset, digest)]
    return bool(same) and not (entrant.accounts and all(a.granted for a in same))
