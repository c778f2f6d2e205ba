"""Who may be scored on a withheld dataset now, and when next, by the runners' ledger and the challenge's policy.

The ledger (`evaluator/scoring/ledger.py`) is authoritative; what a workflow says earlier
(`evaluator/github/quota_status.py`) is a courtesy. A run counts for the team and for every account behind it,
so that founding more teams gives nobody more runs. A failed run revealed nothing and does not count, nor do
the same bytes scored again. A run that has begun holds its slot until its end is recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from evaluator.core.problems import InputError
from evaluator.core.typed import Sha256, Typed, form
from evaluator.datasets.challenge import Policy
from evaluator.datasets.registry import Dataset
from evaluator.scoring.ledger import Attempt, Entrant, attempt_now, attempts, note
from evaluator.scoring.record import Slug

HOLDER: Final = r"(?:team/[a-z0-9][a-z0-9.-]{0,39}|account/[1-9][0-9]{0,17})"
"""A holder of slots, as a pattern."""
Holder = Annotated[str, form(HOLDER, "team/SLUG or account/NUMBER", longest=50)]
Tally = Annotated[int, Field(ge=0, le=1_000_000)]
Moment = Annotated[
    str, form("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", "a time in UTC, to the second")
]


class NextSlot(Typed):
    """When the team, or an account behind the pull request, has its next slot."""

    holder: Holder
    next: Moment | None


class Standing(Typed):
    """What the ledger says about the team and the accounts behind the pull request on a withheld dataset.

    Counts are those of `holder`, which waits longest; `holders` has the next slot of each.
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
    """Whether a holder may be scored now, and when next (`None`: now)."""

    allowed: bool
    next: datetime | None
    used_in_window: int
    used_in_year: int


def slot(attempts: Iterable[Attempt], holder: str, dataset: str, now: datetime, policy: Policy) -> Slot:
    """The slot of a team or an account on a dataset; failed attempts do not count, and the same bytes count once.

    A run leaves the window exactly `window` after it was scored.
    """
    year = timedelta(days=365)
    first: dict[str, datetime] = {}
    for a in attempts:
        if a.takes_slot(now) and a.dataset == dataset and holder in a.entrant.holders:
            first[a.digest] = min(a.at, first.get(a.digest, a.at))
    times = sorted(first.values())
    windows = ((policy.window, policy.runs), (year, policy.runs_per_year))
    runs_within = [[t for t in times if t + span > now] for span, _ in windows]
    waits = [
        runs[len(runs) - limit] + span
        for runs, (span, limit) in zip(runs_within, windows, strict=True)
        if len(runs) >= limit
    ]
    return Slot(not waits, max(waits, default=None), len(runs_within[0]), len(runs_within[1]))


class QuotaError(InputError):
    """A team or one of its members has no slot now; the message, which may be public, says when the next one is.

    `standings` says the same for machines, one entry per dataset.
    """

    def __init__(self, standings: Sequence[Standing]) -> None:
        super().__init__(" ".join(spent(s) for s in standings))
        self.standings = tuple(standings)


def spent(standing: Standing) -> str:
    """Why nothing is scored on a dataset now, and when it may be, in a sentence or two."""
    when = f"{standing.next[:16].replace('T', ' ')} UTC" if standing.next else "never"
    return (
        f"{named(standing.holder)} has used its runs on {standing.dataset}: {standing.used} of {standing.runs} in "
        f"{standing.window_days} days, {standing.used_in_year} of {standing.runs_per_year} in a year. "
        f"Next slot: {when}."
    )


def named(holder: str) -> str:
    """A holder of slots in words.

    >>> named("team/acme"), named("account/7")
    ('acme', 'the GitHub account 7, which opened the pull request or is a contact of the model, counted over all its teams,')
    """
    kind, _, name = holder.partition("/")
    if kind == "team":
        return name
    return f"the GitHub account {name}, which opened the pull request or is a contact of the model, counted over all its teams,"


def grant(store: Path, dataset: Dataset, team: str, digest: str) -> bool:
    """Whether predictions were granted a run on a withheld dataset, which counts as the team's.

    False if already granted. They are free from then on, like scored predictions. Raises `InputError` for a
    dataset whose runs are not counted.
    """
    if not dataset.exposure.limited_runs:
        raise InputError(f"{dataset.id} is {dataset.access}: its runs are not counted.")
    granted = attempt_now(Entrant(team), dataset, digest, datetime.now(UTC), granted=True)
    return note(store, lambda known: None if _scored(known, dataset, digest) else granted)


def standing(
    store: Path, dataset: Dataset, entrant: Entrant, digest: str, now: datetime, policy: Policy
) -> Standing:
    """What anyone may know about the runs on a withheld dataset.

    `counted`: whether these predictions were scored; they are free from then on. `holder`: the one whose slot
    is free last, the team if nobody waits longer; counts and `next` are this holder's. `next`: when other
    predictions may be scored, `None` if at once. `holders`: the same for each, for the record.
    """
    return _standing(attempts(store), dataset, entrant, digest, now, policy)


def _standing(
    known: Sequence[Attempt], dataset: Dataset, entrant: Entrant, digest: str, now: datetime, policy: Policy
) -> Standing:
    # The same bytes are one run, even if begun twice.
    others = [a for a in known if a.scored is not None or not a.of(dataset, digest)]
    slots = {h: slot(others, h, dataset.id, now, policy) for h in entrant.holders}
    latest = max(
        slots, key=lambda h: (_moment(slots[h].next) or "", slots[h].used_in_window)
    )  # tie: the team, which is first
    return Standing(
        dataset=dataset.id,
        digest=digest,
        counted=_scored(known, dataset, digest),
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
    """Nothing; raises `QuotaError` that names every withheld dataset on which the team or an account has no slot now.

    `wanted`: datasets and digests of predictions. Called before anything is scored, so that no run is counted
    without a result.
    """
    _require(attempts(store), entrant, wanted, datetime.now(UTC), policy)


def _require(
    known: Sequence[Attempt],
    entrant: Entrant,
    wanted: Sequence[tuple[Dataset, str]],
    now: datetime,
    policy: Policy,
) -> None:
    standings = [
        _standing(known, d, entrant, digest, now, policy) for d, digest in wanted if d.exposure.limited_runs
    ]
    refusals = [s for s in standings if s.next is not None and not s.counted]
    if refusals:
        raise QuotaError(refusals)


@contextmanager
def counted(
    store: Path,
    entrant: Entrant,
    wanted: Sequence[tuple[Dataset, str]],
    policy: Policy,
    *,
    over_quota: Collection[str] = (),
) -> Iterator[None]:
    """A block that counts as runs of the team and its accounts on the withheld datasets of `wanted`, if it succeeds.

    `wanted`: datasets and digests of predictions. Raises `QuotaError` with the dates of the next slots if
    there is none now. Other datasets, bytes that were scored before, and the digests of `over_quota` (a
    maintainer's decision) are let through; only the last are counted. The slots are taken before anything is
    scored, each by a line that no other runner can write at the same position.
    """
    within = [(d, digest) for d, digest in wanted if digest not in over_quota]
    require_slots(store, entrant, within, policy)
    begun: list[Attempt] = []
    success = False
    try:
        for dataset, digest in wanted:
            if dataset.exposure.limited_runs:
                begun += _begin(store, entrant, dataset, digest, policy, free=digest in over_quota)
        yield
        success = True
    finally:
        for attempt in begun:
            _end(store, attempt, scored=success)


def _begin(
    store: Path, entrant: Entrant, dataset: Dataset, digest: str, policy: Policy, *, free: bool
) -> list[Attempt]:
    """The run that was recorded as begun, none if nothing is left to record."""
    attempt = attempt_now(entrant, dataset, digest, datetime.now(UTC))

    def made(known: Sequence[Attempt]) -> Attempt | None:
        if _settled(known, dataset, digest, entrant):
            return None
        if not free:
            _require(known, entrant, [(dataset, digest)], attempt.at, policy)
        return attempt

    return [attempt] if note(store, made) else []


def _end(store: Path, attempt: Attempt, *, scored: bool) -> None:
    ended = attempt.model_copy(update={"scored": scored})
    note(store, lambda known: None if ended in known else ended)


def _scored(known: Iterable[Attempt], dataset: Dataset, digest: str) -> bool:
    """Whether exactly these predictions were scored on the dataset, or granted a run."""
    return any(a.scored is True and a.of(dataset, digest) for a in known)


def _settled(known: Iterable[Attempt], dataset: Dataset, digest: str, entrant: Entrant) -> bool:
    """Whether these predictions were scored and nothing is left to record: a grant names no accounts."""
    same = [a for a in known if _scored([a], dataset, digest)]
    return bool(same) and not (entrant.accounts and all(a.granted for a in same))
