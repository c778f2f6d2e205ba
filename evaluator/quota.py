"""The runner's own ledger of scored runs on private sets: who may be scored now, and when again.

`<store>/attempts.jsonl` holds one line a run. It is authoritative; what a workflow shows before is a
courtesy. A run that failed told nothing and does not count, nor do the same bytes scored again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from evaluator.datasets.registry import Dataset
from evaluator.problems import RexrankError
from evaluator.statistics.guard import Attempt, Policy, Slot, slot

POLICY_FILE: Final = "policy.json"
"""In the leaderboard: `{"runs": 1, "window_days": 30, "runs_per_year": 6}`, each optional."""
_FIELDS: Final = ("runs", "window_days", "runs_per_year")


class QuotaError(RexrankError):
    """A team has no slot now; the message says when it has one, and may be shown to everybody."""


def read_policy(leaderboard: Path) -> Policy:
    """The challenge's policy; raises `RexrankError` for a file of another form."""
    path = leaderboard / POLICY_FILE
    if not path.exists():
        return Policy()
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RexrankError(f"cannot read {path}: {error}.") from error
    sound = isinstance(value, dict) and set(value) <= set(_FIELDS)
    if not sound or not all(type(v) is int and v > 0 for v in value.values()):
        raise RexrankError(f"{path}: wanted whole numbers above 0 for any of {', '.join(_FIELDS)}.")
    usual = Policy()
    return Policy(
        runs=value.get("runs", usual.runs),
        window=timedelta(days=value.get("window_days", usual.window.days)),
        runs_per_year=value.get("runs_per_year", usual.runs_per_year),
    )


def ledger(store: Path) -> list[dict[str, Any]]:
    """Every line of the ledger, oldest first; raises `RexrankError` for a damaged one."""
    path = store / "attempts.jsonl"
    if not path.exists():
        return []
    try:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
    except (OSError, ValueError) as error:
        raise RexrankError(
            f"cannot read the ledger {path}: {error}. Mend it by hand; nothing is scored before."
        ) from error


def team_slot(store: Path, dataset: Dataset, team: str, now: datetime, policy: Policy) -> Slot:
    """The team's slot on a dataset by the ledger."""
    attempts = [
        Attempt(a["team"], a["dataset"], datetime.fromisoformat(a["at"]), bool(a["scored"]))
        for a in ledger(store)
    ]
    return slot(attempts, team, dataset.id, now, policy)


@contextmanager
def counted(
    store: Path, dataset: Dataset, team: str, digest: str, policy: Policy, *, over_quota: bool = False
) -> Iterator[None]:
    """Counts what runs inside as the team's run on a private set, if it ends well.

    Raises `RexrankError` with the date of the next slot when there is none now. Public sets, bytes
    that were scored before, and `over_quota` (a maintainer's decision) are let through; only the last
    is counted.
    """
    known = any(a["digest"] == digest and a["dataset"] == dataset.id and a["scored"] for a in ledger(store))
    if dataset.references_public or known:
        yield
        return
    now = datetime.now(UTC)
    found = team_slot(store, dataset, team, now, policy)
    if not found.allowed and not over_quota:
        when = f"{found.next:%Y-%m-%d %H:%M} UTC" if found.next else "never"
        raise QuotaError(
            f"{team} has used the quota of its runs on {dataset.id} ({found.used_in_window} in {policy.window.days} days, "
            f"{found.used_in_year} in a year). Next slot: {when}. A maintainer may allow one more: --over-quota."
        )
    done = False
    try:
        yield
        done = True
    finally:
        line = {"team": team, "dataset": dataset.id, "digest": digest, "at": now.isoformat(), "scored": done}
        store.mkdir(parents=True, exist_ok=True)
        with (store / "attempts.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, sort_keys=True) + "\n")
