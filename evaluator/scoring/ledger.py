"""The runners' own ledger of runs on withheld datasets: who was scored on what, and when.

An entry of the journal `<store>/attempts` is one line of JSON. A run writes two: its beginning and its end,
so that two runners can never give the same slot. Lines of `<store>/attempts.jsonl`, the earlier
single-machine form, are read before them and never written.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import AwareDatetime, Field, ValidationError, field_serializer

from evaluator.core.journal import Journal
from evaluator.core.problems import RexrankError
from evaluator.core.typed import Sha256, Typed, form
from evaluator.datasets.registry import Dataset
from evaluator.scoring.record import Slug

JOURNAL: Final = "attempts"
"""In the store: the folder of entries."""
EARLIER: Final = "attempts.jsonl"
"""In the store: runs from before the journal, one line per run."""
LONGEST: Final = timedelta(hours=25)
"""A run without an end counts as killed after this time: the scorer's own limit is 24 hours."""
RunId = Annotated[str, form("[0-9a-f]{32}", "32 hexadecimal digits")]


@dataclass(frozen=True, slots=True)
class Entrant:
    """For whom predictions are scored: a team, and the numeric ids of the GitHub accounts behind the pull request.

    Those are the account that opened it and the contacts of its card; empty if GitHub was not asked.
    """

    team: str
    accounts: frozenset[int] = frozenset()

    @property
    def holders(self) -> tuple[str, ...]:
        """The holders whose slots a run takes, the team first.

        >>> Entrant("acme", frozenset({7})).holders
        ('team/acme', 'account/7')
        """
        return (f"team/{self.team}", *(f"account/{a}" for a in sorted(self.accounts)))


class Attempt(Typed):
    """A request for scoring: `scored` is false if it failed and revealed nothing, `None` until its end is recorded.

    Lines from before accounts were recorded have none; those from before runs had ids have no `run`.
    `granted`: a maintainer's grant without a run yet.
    """

    team: Slug
    accounts: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False)] = ()
    dataset: Slug
    digest: Sha256
    at: AwareDatetime
    scored: bool | None
    granted: bool = False
    run: RunId | None = None

    @property
    def entrant(self) -> Entrant:
        """For whom the predictions were scored."""
        return Entrant(self.team, frozenset(self.accounts))

    @field_serializer("at")
    def _at(self, at: datetime) -> str:
        return at.isoformat()

    def takes_slot(self, now: datetime) -> bool:
        """Whether it was scored, or still may be."""
        return self.scored is True or (self.scored is None and now < self.at + LONGEST)

    def of(self, dataset: Dataset, digest: str) -> bool:
        """Whether it is for exactly these predictions."""
        return (self.dataset, self.digest) == (dataset.id, digest)


def attempts(store: Path) -> list[Attempt]:
    """Every run of the ledger, oldest first; raises `RexrankError` for a damaged line.

    A torn last line of the earlier form is left out: its run had not begun.
    """
    return _joined(store, _journal(store).read())


def note(store: Path, make: Callable[[Sequence[Attempt]], Attempt | None]) -> bool:
    """Whether a line was added: the result of `make` for all lines before it, `None` for nothing.

    `make` is called again if another runner's line came first; it may raise.
    """

    def entry(entries: Sequence[bytes]) -> bytes | None:
        attempt = make(_joined(store, entries))
        if attempt is None:
            return None
        line = attempt.model_dump(mode="json", exclude=set() if attempt.granted else {"granted"})
        return json.dumps(line, sort_keys=True).encode() + b"\n"

    return _journal(store).append(entry)


def attempt_now(
    entrant: Entrant, dataset: Dataset, digest: str, at: datetime, *, granted: bool = False
) -> Attempt:
    """A run that begins now, or a grant, which counts as a run at once."""
    return Attempt(
        team=entrant.team,
        accounts=tuple(sorted(entrant.accounts)),
        dataset=dataset.id,
        digest=digest,
        at=at,
        scored=True if granted else None,
        granted=granted,
        run=secrets.token_hex(16),
    )


def accounts_by_digest(store: Path, dataset: Dataset) -> dict[str, frozenset[int]]:
    """The accounts behind each prediction file scored on a withheld dataset, by its digest."""
    accounts: dict[str, frozenset[int]] = {}
    for a in attempts(store):
        if a.scored and a.dataset == dataset.id:
            accounts[a.digest] = accounts.get(a.digest, frozenset()) | a.entrant.accounts
    return accounts


def _journal(store: Path) -> Journal:
    return Journal(store / JOURNAL)


def _joined(store: Path, entries: Sequence[bytes]) -> list[Attempt]:
    """The runs of all lines; the line of a run's end replaces that of its beginning, and a duplicate counts once."""
    earlier = store / EARLIER
    runs: dict[str, Attempt] = {}
    for number, line in enumerate(_earlier_lines(earlier), start=1):
        if line:
            runs[f"line {number}"] = _attempt(f"line {number} of the ledger {earlier}", line)
    for number, data in enumerate(entries, start=1):
        path = _journal(store).path(number)
        attempt = _attempt(f"the ledger's entry {path}", data)
        runs[attempt.run or f"entry {number}"] = attempt
    return list(runs.values())


def _earlier_lines(path: Path) -> list[bytes]:
    try:
        whole = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RexrankError(
            f"cannot read the ledger {path}: {error}. Fix it by hand; nothing is scored until then."
        ) from error
    return _untorn(whole).splitlines()


def _attempt(place: str, line: bytes) -> Attempt:
    try:
        return Attempt.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        pointer = f"/{'/'.join(map(str, first['loc']))}"
        raise RexrankError(
            f"{place} is not one of ours at {pointer}: {first['msg']}. Fix it by hand; nothing is scored until then."
        ) from error


def _untorn(whole: bytes) -> bytes:
    """A file's bytes without a torn last line, as a crash may leave it."""
    end = whole.rfind(b"\n") + 1
    try:
        json.loads(whole[end:] or b"{}")
    except ValueError:
        return whole[:end]
    return whole
