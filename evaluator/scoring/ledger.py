"""The runners' own ledger of runs on withheld sets: who was scored on what, and when.

An entry of the journal `<store>/attempts` is one line of JSON. A run writes two: that it began, and how it ended, so
that two runners can never give the same slot. Lines of `<store>/attempts.jsonl`, the form of one machine, are read
before them and never written.
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
"""In the store: what was noted before there was a journal, one line a run."""
LONGEST: Final = timedelta(hours=25)
"""After that a run of which no end was noted was killed: the scorer's own limit is 24 hours."""
RunId = Annotated[str, form("[0-9a-f]{32}", "32 hexadecimal digits")]


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
    """A request for scoring: `scored` is false when it failed and told nothing, `None` while its end is not noted.

    Lines from before accounts were noted have none; those from before runs had ids have no `run`. `granted`: a
    maintainer's grant and no run yet.
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
        """Whether it was scored, or may still be."""
        return self.scored is True or (self.scored is None and now < self.at + LONGEST)

    def of(self, dataset: Dataset, digest: str) -> bool:
        """Whether it is of exactly these predictions."""
        return (self.dataset, self.digest) == (dataset.id, digest)


def attempts(store: Path) -> list[Attempt]:
    """Every run of the ledger, oldest first; raises `RexrankError` for a damaged line.

    A last line of the earlier form that a crash tore counted for nothing yet, and is left out.
    """
    return _joined(store, _journal(store).read())


def note(store: Path, make: Callable[[Sequence[Attempt]], Attempt | None]) -> bool:
    """Whether a line was added: what `make` says after all that stand before it, `None` for nothing.

    `make` is asked again when another runner's line came between; it may raise.
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
    """A run that begins, or a grant, which counts as a run at once."""
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
    """The accounts behind each prediction file that was scored on a withheld set, by its digest."""
    accounts: dict[str, frozenset[int]] = {}
    for a in attempts(store):
        if a.scored and a.dataset == dataset.id:
            accounts[a.digest] = accounts.get(a.digest, frozenset()) | a.entrant.accounts
    return accounts


def _journal(store: Path) -> Journal:
    return Journal(store / JOURNAL)


def _joined(store: Path, entries: Sequence[bytes]) -> list[Attempt]:
    """The runs of all lines; the line of a run's end stands for that of its beginning, and one written twice for one."""
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
    """A file's bytes without a last line that has neither an end nor sense: what a crash left of it."""
    end = whole.rfind(b"\n") + 1
    try:
        json.loads(whole[end:] or b"{}")
    except ValueError:
        return whole[:end]
    return whole
