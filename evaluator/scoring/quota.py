"""The runner's own ledger of scored runs on withheld sets: who may be scored now, and when again.

`<store>/attempts.jsonl` holds one line a run. It is authoritative; what a workflow says before
(`evaluator/github/quota_status.py`) is a courtesy. A run that failed told nothing and does not count, nor do
the same bytes scored again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from evaluator.core.files import append_line
from evaluator.core.host_files import read_host_file
from evaluator.core.problems import InputError, RexrankError
from evaluator.core.typed import Typed
from evaluator.datasets.registry import Dataset

POLICY_FILE: Final = "policy.json"
"""In the leaderboard; see `Policy`."""


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
class Attempt:
    """One request for scoring: `scored` is false when it failed and told nothing."""

    team: str
    dataset: str
    at: datetime
    scored: bool


@dataclass(frozen=True, slots=True)
class Slot:
    """Whether a team may be scored now, and when it may be next (`None`: now)."""

    allowed: bool
    next: datetime | None
    used_in_window: int
    used_in_year: int


def slot(attempts: Iterable[Attempt], team: str, dataset: str, now: datetime, policy: Policy) -> Slot:
    """The team's slot on a dataset; attempts that failed do not count.

    A run leaves the window exactly `window` after it was scored. Times must all have a time zone or
    all have none.
    """
    year = timedelta(days=365)
    times = sorted(a.at for a in attempts if a.scored and a.team == team and a.dataset == dataset)
    windows = ((policy.window, policy.runs), (year, policy.runs_per_year))
    used = [[t for t in times if t + span > now] for span, _ in windows]
    waits = [
        found[len(found) - limit] + span
        for found, (span, limit) in zip(used, windows, strict=True)
        if len(found) >= limit
    ]
    return Slot(not waits, max(waits, default=None), len(used[0]), len(used[1]))


class QuotaError(InputError):
    """A team has no slot now; the message says when it has one, and may be shown to everybody.

    `standings` says the same for machines, one entry a data set.
    """

    def __init__(self, team: str, standings: list[dict[str, Any]]) -> None:
        super().__init__(" ".join(spent(team, s) for s in standings))
        self.standings = standings


def spent(team: str, standing: Mapping[str, Any]) -> str:
    """Why a team is not scored on a set now, and when it may be; a sentence or two."""
    when = f"{standing['next'][:16].replace('T', ' ')} UTC" if standing["next"] else "never"
    return (
        f"{team} has used its runs on {standing['dataset']}: {standing['used']} of {standing['runs']} in "
        f"{standing['window_days']} days, {standing['used_in_year']} of {standing['runs_per_year']} in a year. "
        f"Next slot: {when}."
    )


def read_policy(leaderboard: Path) -> Policy:
    """The challenge's policy, the usual one without a file. Raises `InvalidFile` with every problem of it."""
    path = leaderboard / POLICY_FILE
    return read_host_file(path, Policy) if path.exists() else Policy()


def ledger(store: Path) -> list[dict[str, Any]]:
    """Every line of the ledger, oldest first; raises `RexrankError` for a damaged one.

    A last line that a crash tore counted for nothing yet, and is left out.
    """
    path = store / "attempts.jsonl"
    if not path.exists():
        return []
    try:
        lines = _untorn(path.read_bytes()).decode("utf-8").splitlines()
        return [json.loads(line) for line in lines if line]
    except (OSError, ValueError) as error:
        raise RexrankError(
            f"cannot read the ledger {path}: {error}. Mend it by hand; nothing is scored before."
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
    if _known(store, dataset, digest):
        return False
    now = datetime.now(UTC).isoformat()
    _add(
        store,
        {"team": team, "dataset": dataset.id, "digest": digest, "at": now, "scored": True, "granted": True},
    )
    return True


def team_slot(store: Path, dataset: Dataset, team: str, now: datetime, policy: Policy) -> Slot:
    """The team's slot on a dataset by the ledger."""
    attempts = [
        Attempt(a["team"], a["dataset"], datetime.fromisoformat(a["at"]), bool(a["scored"]))
        for a in ledger(store)
    ]
    return slot(attempts, team, dataset.id, now, policy)


def standing(
    store: Path, dataset: Dataset, team: str, digest: str, now: datetime, policy: Policy
) -> dict[str, Any]:
    """What everybody may know of a team's runs on a withheld set, in the form of the score result's `quota`.

    `counted`: whether these predictions were scored; they are free from then on. `next`: when other
    ones may be, `None` where they may at once.
    """
    found = team_slot(store, dataset, team, now, policy)
    return {
        "dataset": dataset.id,
        "digest": digest,
        "counted": _known(store, dataset, digest),
        "used": found.used_in_window,
        "runs": policy.runs,
        "window_days": policy.window_days,
        "used_in_year": found.used_in_year,
        "runs_per_year": policy.runs_per_year,
        "next": None if found.next is None else f"{found.next + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}",
    }


def require_slots(store: Path, team: str, wanted: Sequence[tuple[Dataset, str]], policy: Policy) -> None:
    """Nothing; `wanted`: data sets and digests of predictions. Raises `QuotaError` that names every withheld set on which the team has no slot now.

    Asked before anything is scored, so that no run is counted of which nothing is told.
    """
    now = datetime.now(UTC)
    found = [standing(store, d, team, digest, now, policy) for d, digest in wanted if d.exposure.limited_runs]
    refused = [s for s in found if s["next"] is not None and not s["counted"]]
    if refused:
        raise QuotaError(team, refused)


@contextmanager
def counted(
    store: Path, dataset: Dataset, team: str, digest: str, policy: Policy, *, over_quota: bool = False
) -> Iterator[None]:
    """Counts what runs inside as the team's run on a withheld set, if it ends well.

    Raises `QuotaError` with the date of the next slot when there is none now. Other sets, bytes
    that were scored before, and `over_quota` (a maintainer's decision) are let through; only the last
    is counted.
    """
    if not dataset.exposure.limited_runs or _known(store, dataset, digest):
        yield
        return
    if not over_quota:
        require_slots(store, team, [(dataset, digest)], policy)
    now = datetime.now(UTC)
    done = False
    try:
        yield
        done = True
    finally:
        line = {"team": team, "dataset": dataset.id, "digest": digest, "at": now.isoformat(), "scored": done}
        _add(store, line)


def _add(store: Path, line: Mapping[str, Any]) -> None:
    """Writes a line and waits until the disk has it; what a crash left of an earlier one is taken away first."""
    path = store / "attempts.jsonl"
    if path.exists():
        os.truncate(path, len(_untorn(path.read_bytes())))
    append_line(path, json.dumps(line, sort_keys=True))


def _known(store: Path, dataset: Dataset, digest: str) -> bool:
    """Whether exactly these predictions were scored on the set."""
    return any(a["digest"] == digest and a["dataset"] == dataset.id and a["scored"] for a in ledger(store))
