"""What changed on the boards between two rankings: `<leaderboard>/history.jsonl`, only ever added to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from evaluator.core.files import write_text
from evaluator.core.problems import RexrankError
from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table import GROUPS, Table
from evaluator.scoring.provenance import today

EVENTS: Final = {
    "entered": "entered the board",
    "scored-again": "was scored again",
    "withdrawn": "was withdrawn",
    "removed": "left the board",
}


def read_history(leaderboard: Path) -> list[dict[str, Any]]:
    """The events, oldest first; raises `RexrankError` that names a damaged line."""
    path = leaderboard / "history.jsonl"
    if not path.is_file():
        return []
    events = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        try:
            event = json.loads(line)
            if event["event"] not in EVENTS or not {"date", "id", "dataset", "track"} <= event.keys():
                raise ValueError("unknown event or missing field")  # noqa: TRY301
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RexrankError(f"line {number} of {path} is damaged: {error}. Restore the file.") from error
        events.append(event)
    return events


def changes(before: Mapping[tuple[str, str], Table], after: Sequence[Table]) -> list[dict[str, Any]]:
    """Events between two states of the tables, by (dataset, track); baselines make none.

    An event has `date`, `id`, `name`, `event`, `dataset`, `track`, `rank`, `primary`, `shown` (the
    primary's displayed value), `previous` and `pull_request`.
    """
    events = []
    seen = {(t.dataset, t.track) for t in after}
    gone = [t.model_copy(update=dict.fromkeys(GROUPS, ())) for key, t in before.items() if key not in seen]
    for table in [*after, *gone]:
        was = _rows(before.get((table.dataset, table.track)))
        now = _rows(table)
        for name in sorted(was.keys() | now.keys()):
            event = _event(was.get(name), now.get(name))
            if event:
                events.append(_entry(table, event, was.get(name), now.get(name)))
    return sorted(events, key=lambda e: (e["date"], e["dataset"], e["track"], e["id"]))


def _rows(table: Table | None) -> dict[str, Row]:
    return {r.id: r for r in table.all_rows if r.kind == "submission"} if table else {}


def _event(was: Row | None, now: Row | None) -> str | None:
    if now is None:
        return "removed"
    if now.status == "withdrawn":
        return None if was is not None and was.status == "withdrawn" else "withdrawn"
    if was is None or was.status == "withdrawn":
        return "entered"
    means = [{k: e.mean for k, e in r.metrics.items()} for r in (was, now)]
    return None if means[0] == means[1] else "scored-again"


def _entry(table: Table, event: str, was: Row | None, now: Row | None) -> dict[str, Any]:
    row = now or was
    assert row is not None
    # Scores carry the date of their scoring, so that ranking old records anew writes the same lines.
    scored = event in {"entered", "scored-again"}
    return {
        "date": (row.submitted if scored else None) or today(),
        "id": row.id,
        "name": row.name,
        "event": event,
        "dataset": table.dataset,
        "track": table.track,
        "rank": [row.rank_low, row.rank_high] if scored and row.rank is not None else None,
        "primary": table.primary,
        "shown": _shown(table, now),
        "previous": _shown(table, was),
        "pull_request": row.pull_request,
    }


def _shown(table: Table, row: Row | None) -> float | None:
    cell = row.metrics.get(table.primary) if row else None
    return cell.display.value if cell else None


def append_history(leaderboard: Path, events: Sequence[Mapping[str, Any]]) -> None:
    """Adds the events to the end of the file; no event leaves it as it is."""
    if not events:
        return
    path = leaderboard / "history.jsonl"
    old = path.read_text("utf-8") if path.is_file() else ""
    lines = [json.dumps(e, sort_keys=True, ensure_ascii=False) for e in events]
    write_text(path, old + "\n".join(lines) + "\n")
