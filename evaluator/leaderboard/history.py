"""What changed on the boards between two rankings: `<leaderboard>/history.jsonl`, only ever added to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from evaluator.core.files import write_text
from evaluator.core.problems import RexrankError
from evaluator.leaderboard.row import Entry, Row
from evaluator.leaderboard.table import GROUPS, Table
from evaluator.scoring.provenance import today

EventName = Literal["entered", "scored-again", "withdrawn", "removed"]
EVENTS: Final[Mapping[EventName, str]] = {
    "entered": "entered the board",
    "scored-again": "was scored again",
    "withdrawn": "was withdrawn",
    "removed": "left the board",
}


class Event(Entry):
    """What changed of a model on one board."""

    date: str = Field(description="YYYY-MM-DD.")
    id: str = Field(description="team/model.")
    name: str | None = Field(None, description="As readers saw it.")
    event: EventName
    dataset: str
    track: str
    rank: Annotated[tuple[int, int], Field(strict=False)] | None = Field(None, description="Range of ranks.")
    primary: str | None = Field(None, description="The metric that ranked.")
    shown: float | None = Field(None, description="The ranking metric as readers saw it.")
    previous: float | None = Field(None, description="The same before.")
    pull_request: int | None = None


def read_history(leaderboard: Path) -> list[Event]:
    """The events, oldest first; raises `RexrankError` that names a damaged line."""
    path = leaderboard / "history.jsonl"
    if not path.is_file():
        return []
    events = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        try:
            events.append(Event.model_validate(json.loads(line)))
        except (ValueError, RecursionError) as error:
            raise RexrankError(f"line {number} of {path} is damaged: {error}. Restore the file.") from error
    return events


def changes(before: Mapping[tuple[str, str], Table], after: Sequence[Table]) -> list[Event]:
    """Events between two states of the tables, by (dataset, track); baselines make none."""
    events = []
    seen = {(t.dataset, t.track) for t in after}
    gone = [t.model_copy(update=dict.fromkeys(GROUPS, ())) for key, t in before.items() if key not in seen]
    for table in [*after, *gone]:
        earlier, rows = _rows(before.get((table.dataset, table.track))), _rows(table)
        for name, row in sorted((earlier | rows).items()):
            was, now = earlier.get(name), rows.get(name)
            event = _event(was, now)
            if event:
                events.append(_line(table, event, row, was, now))
    return sorted(events, key=lambda e: (e.date, e.dataset, e.track, e.id))


def _rows(table: Table | None) -> dict[str, Row]:
    return {r.id: r for r in table.all_rows if r.kind == "submission"} if table else {}


def _event(was: Row | None, now: Row | None) -> EventName | None:
    if now is None:
        return "removed"
    if now.status == "withdrawn":
        return None if was is not None and was.status == "withdrawn" else "withdrawn"
    if was is None or was.status == "withdrawn":
        return "entered"
    means = [{k: e.mean for k, e in r.metrics.items()} for r in (was, now)]
    return None if means[0] == means[1] else "scored-again"


def _line(table: Table, event: EventName, row: Row, was: Row | None, now: Row | None) -> Event:
    # Scores carry the date of their scoring, so that ranking old records anew writes the same lines.
    scored = event in {"entered", "scored-again"}
    low, high = (row.rank_low, row.rank_high) if scored and row.rank is not None else (None, None)
    return Event(
        date=(row.submitted if scored else None) or today(),
        id=row.id,
        name=row.name,
        event=event,
        dataset=table.dataset,
        track=table.track,
        rank=None if low is None or high is None else (low, high),
        primary=table.primary,
        shown=_shown(table, now),
        previous=_shown(table, was),
        pull_request=row.pull_request,
    )


def _shown(table: Table, row: Row | None) -> float | None:
    cell = row.metrics.get(table.primary) if row else None
    return cell.display.value if cell else None


def append_history(leaderboard: Path, events: Sequence[Event]) -> None:
    """Adds the events to the end of the file; no event leaves it as it is."""
    if not events:
        return
    path = leaderboard / "history.jsonl"
    old = path.read_text("utf-8") if path.is_file() else ""
    lines = [json.dumps(e.view(), sort_keys=True, ensure_ascii=False) for e in events]
    write_text(path, old + "\n".join(lines) + "\n")
