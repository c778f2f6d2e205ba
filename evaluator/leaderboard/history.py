"""Changes on the boards from one ranking to the next: `<leaderboard>/history.jsonl`, which is append-only.

The events follow from the tables and the history itself, so a lost or damaged table adds none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field, ValidationError

from evaluator.core.files import append_line, dump_json, parse_strict, sha256_bytes, write_bytes
from evaluator.core.problems import RexrankError
from evaluator.core.stopping import unbroken
from evaluator.core.typed import Day, first_violation, never_null
from evaluator.datasets.registry import TrackName, dataset_ids
from evaluator.leaderboard.row import Entry, ModelId, Row
from evaluator.leaderboard.table import Table
from evaluator.scoring.provenance import today

HISTORY: Final = "history.jsonl"
HISTORY_SCHEMA: Final = "rexrank/history/v1"
TORN: Final = "history.jsonl.torn"
"""The file in which a torn last line is kept."""

EventName = Literal["entered", "scored-again", "withdrawn", "removed"]
EVENTS: Final[Mapping[EventName, str]] = {
    "entered": "entered the board",
    "scored-again": "was scored again",
    "withdrawn": "was withdrawn",
    "removed": "left the board",
}
_ABSENT: Final = (None, "removed")


class Event(Entry):
    """A change of a model on one board."""

    date: Day = Field(description="Day of the event.")
    id: ModelId = Field(description="team/model.")
    name: str | None = Field(None, description="As readers saw it.", json_schema_extra=never_null)
    event: EventName = Field(description="What happened.")
    dataset: str = Field(description="Dataset id.")
    track: TrackName = Field(description="The task's track, as `findings` or `answers`.")
    rank: Annotated[tuple[int, int], Field(strict=False)] | None = Field(
        None, description="Rank range: first and last."
    )
    primary: str | None = Field(None, description="Key of the ranking metric.", json_schema_extra=never_null)
    shown: float | None = Field(None, description="Its value as shown, after the event.")
    previous: float | None = Field(None, description="Its value as shown, before the event.")
    pull_request: int | None = Field(None, description="Number of the pull request.")
    scores_sha256: str | None = Field(
        None,
        description="SHA-256 over the means of all metrics, which distinguishes a rescoring from a repeat.",
    )


class HistoryFile(Entry):
    """Every entry, new scoring, withdrawal and removal, oldest first; append-only."""

    schema_: Literal["rexrank/history/v1"] = Field(
        alias="schema", description="Name and version of this format."
    )
    events: Annotated[tuple[Event, ...], Field(strict=False)] = Field(description="Oldest first.")


class History(NamedTuple):
    """The events, oldest first, and the bytes of a torn last line (else empty)."""

    events: list[Event]
    torn: bytes


def read_history(leaderboard: Path) -> History:
    """The history of a leaderboard; raises `RexrankError` that names every damaged line but a torn last one.

    A line is torn if the machine stopped while writing it: it is the last one and not JSON.
    """
    path = leaderboard / HISTORY
    if not os.path.lexists(path):
        return History([], b"")
    if not path.is_file():
        raise RexrankError(f"cannot read {path}: it is not a file. {_restore(path)}")
    try:
        lines = path.read_bytes().rstrip(b"\n").split(b"\n")
    except OSError as error:
        raise RexrankError(f"cannot read {path}: {error.strerror}. {_restore(path)}") from error
    events: list[Event] = []
    failures: list[str] = []
    for number, line in enumerate(lines if lines != [b""] else [], start=1):
        try:
            value = parse_strict(line)
        except ValueError as error:
            if number == len(lines):
                return _whole(path, events, failures, line)
            failures.append(f"line {number} of {path} is damaged: {error}.")
            continue
        try:
            events.append(_known(value))
        except ValueError as error:
            failures.append(f"line {number} of {path} is damaged: {error}.")
    return _whole(path, events, failures, b"")


def _whole(path: Path, events: list[Event], failures: list[str], fragment: bytes) -> History:
    if failures:
        raise RexrankError("\n".join([*failures[:20], _restore(path)]))
    aside = path.with_name(TORN)
    if fragment and os.path.lexists(aside) and not aside.is_file():
        raise RexrankError(
            f"the last line of {path} was incomplete, and {aside}, where it would be moved, is not a file. Move that out of the way."
        )
    return History(events, fragment)


def _restore(path: Path) -> str:
    return f"Restore the last committed version: git checkout HEAD -- {path}"


def _known(value: Any) -> Event:
    """The event in a line; raises `ValueError` that says what is wrong with it."""
    try:
        event = Event.model_validate(value)
    except ValidationError as error:
        raise ValueError(first_violation(error, Event)) from error
    if event.dataset not in dataset_ids():
        raise ValueError(f"unknown dataset {event.dataset!r}")
    return event


def changes(history: Sequence[Event], tables: Sequence[Table]) -> list[Event]:
    """The events that lead from the state in the history to the tables; baselines cause none."""
    last = {(e.dataset, e.track, e.id): e for e in history}
    now = {
        (table.dataset, table.track, row.id): (table, row)
        for table in tables
        for row in table.all_rows
        if row.kind == "submission"
    }
    events = []
    for key in sorted(last.keys() | now.keys()):
        event = last.get(key)
        if key in now:
            events += _seen(event, *now[key])
        elif event and event.event not in _ABSENT:
            events.append(_removed(event))
    # tie: the order in which they were found
    return sorted(events, key=lambda e: (e.date, e.dataset, e.track, e.id))


def _removed(last: Event) -> Event:
    return Event(
        date=today(),
        id=last.id,
        name=last.name or last.id.partition("/")[2],
        event="removed",
        dataset=last.dataset,
        track=last.track,
        rank=None,
        primary=last.primary,
        shown=None,
        previous=last.shown,
        pull_request=last.pull_request,
        scores_sha256=None,
    )


def _event(last: Event | None, table: Table, row: Row) -> EventName | None:
    was = last.event if last else None
    if row.status == "withdrawn":
        return None if was == "withdrawn" else "withdrawn"
    if last is None or was in {"withdrawn", "removed"}:
        return "entered"
    if last.scores_sha256:
        return None if last.scores_sha256 == scores_digest(row) else "scored-again"
    same = (last.primary, last.shown) == (table.primary, _shown(table, row))
    return None if same else "scored-again"


def scores_digest(row: Row) -> str:
    """SHA-256 over the means of a row as the table has them: two events with the same digest report the same scores."""
    return sha256_bytes(dump_json({k: e.mean for k, e in row.metrics.items()}).encode())


def _seen(last: Event | None, table: Table, row: Row) -> list[Event]:
    """What is new in a row relative to the history, as one event or none."""
    event = _event(last, table, row)
    if event is None:
        return []
    # Scores carry the date of their scoring, so that ranking old records again writes the same lines.
    scored = event in {"entered", "scored-again"}
    low, high = (row.rank_low, row.rank_high) if scored and row.rank_low is not None else (None, None)
    return [
        Event(
            date=(row.submitted if scored else None) or today(),
            id=row.id,
            name=row.name or row.model,
            event=event,
            dataset=table.dataset,
            track=table.track,
            rank=None if low is None or high is None else (low, high),
            primary=table.primary,
            shown=_shown(table, row),
            previous=last.shown if last else None,
            pull_request=row.pull_request,
            scores_sha256=scores_digest(row) if scored else None,
        )
    ]


def _shown(table: Table, row: Row) -> float | None:
    cell = row.metrics.get(table.primary)
    return cell.display.value if cell else None


def sound_bytes(path: Path) -> bytes:
    """The bytes of a history without a torn last line, each line with its end."""
    data = path.read_bytes()
    fragment = read_history(path.parent).torn
    content = data.rstrip(b"\n").removesuffix(fragment) if fragment else data
    return content + b"\n" if content and not content.endswith(b"\n") else content


def history_line(event: Event) -> str:
    """An event as a line of the history."""
    return json.dumps(event.view(), sort_keys=True, ensure_ascii=False) + "\n"


def append_history(leaderboard: Path, events: Sequence[Event]) -> str:
    """A note for users, or an empty string, after appending the events to the file.

    A torn last line is set aside first, so that no event is appended to it. Without events and a torn line,
    the file is unchanged. Raises `RexrankError` for a history with another damaged line.
    """
    path = leaderboard / HISTORY
    fragment = read_history(leaderboard).torn
    content = sound_bytes(path) if path.exists() else b""
    lines = [history_line(e) for e in events]
    with unbroken():
        if fragment:
            append_line(leaderboard / TORN, fragment)
        if events or fragment:
            write_bytes(path, content + "".join(lines).encode())
    if not fragment:
        return ""
    return f"the last line of {path} was incomplete. It was moved to {leaderboard / TORN}."
