"""What changed on the boards from one ranking to the next: `<leaderboard>/history.jsonl`, only ever added to.

The events follow from the tables and the history itself, so that a lost or damaged table adds none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple

from evaluator.core.files import append_line, dump_json, parse_strict, sha256_bytes, write_bytes
from evaluator.core.problems import RexrankError
from evaluator.core.stopping import unbroken
from evaluator.datasets.registry import dataset_ids
from evaluator.leaderboard.table_files import all_rows
from evaluator.scoring.provenance import today

HISTORY: Final = "history.jsonl"
TORN: Final = "history.jsonl.torn"
"""Where a torn last line is put aside."""

EVENTS: Final = {
    "entered": "entered the board",
    "scored-again": "was scored again",
    "withdrawn": "was withdrawn",
    "removed": "left the board",
}
Event = Mapping[str, Any]
_ABSENT: Final = (None, "removed")


class History(NamedTuple):
    """The events, oldest first, and the bytes of a last line that is only half there (else empty)."""

    events: list[dict[str, Any]]
    torn: bytes


def read_history(leaderboard: Path) -> History:
    """The history of a leaderboard; raises `RexrankError` that names every damaged line but a torn last one.

    A line is torn when the machine stopped while it was written: it is the last, and no JSON.
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
    events: list[dict[str, Any]] = []
    failures: list[str] = []
    for number, line in enumerate(lines if lines != [b""] else [], start=1):
        try:
            event = parse_strict(line)
        except ValueError as error:
            if number == len(lines):
                return _whole(path, events, failures, line)
            failures.append(f"line {number} of {path} is damaged: {error}.")
            continue
        wrong = _wrong(event)
        if wrong:
            failures.append(f"line {number} of {path} is damaged: {wrong}.")
        else:
            events.append(event)
    return _whole(path, events, failures, b"")


def _whole(path: Path, events: list[dict[str, Any]], failures: list[str], torn: bytes) -> History:
    if failures:
        raise RexrankError("\n".join([*failures[:20], _restore(path)]))
    return History(events, torn)


def _restore(path: Path) -> str:
    return f"Restore the file as it was committed last: git checkout HEAD -- {path}"


def _wrong(event: Any) -> str:
    """What is wrong with an event, or an empty text."""
    error = next(iter(_validator().iter_errors(event)), None)
    if error is not None:
        return f"/{'/'.join(map(str, error.path))}: {error.message[:200]}"
    return "" if event["dataset"] in dataset_ids() else f"there is no data set {event['dataset']!r}"


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    text = resources.files("evaluator.schemas").joinpath("history-v1.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text)["properties"]["events"]["items"])


def changes(history: Sequence[Event], tables: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The events that lead from what the history tells to the tables; baselines make none.

    An event has `date`, `id`, `name`, `event`, `dataset`, `track`, `rank`, `primary`, `shown` (the
    primary's displayed value), `previous`, `pull_request` and `scores_sha256` (see `scores_digest`).
    """
    last = {(e["dataset"], e["track"], e["id"]): e for e in history}
    now = {
        (table["dataset"], table["track"], row["id"]): (table, row)
        for table in tables
        for row in all_rows(table)
        if row["kind"] == "submission"
    }
    events = []
    for key in sorted(last.keys() | now.keys()):
        table, row = now.get(key, (None, None))
        event = _event(last.get(key), table, row)
        if event:
            events.append(_entry(key, event, last.get(key), table, row))
    # tie: the order in which they were found
    return sorted(events, key=lambda e: (e["date"], e["dataset"], e["track"], e["id"]))


def _event(last: Event | None, table: Mapping[str, Any] | None, row: Mapping[str, Any] | None) -> str | None:
    was = last["event"] if last else None
    if table is None or row is None:
        return None if was in _ABSENT else "removed"
    if row["status"] == "withdrawn":
        return None if was == "withdrawn" else "withdrawn"
    if last is None or was in {"withdrawn", "removed"}:
        return "entered"
    if last.get("scores_sha256"):
        return None if last["scores_sha256"] == scores_digest(row) else "scored-again"
    same = (last.get("primary"), last.get("shown")) == (table["primary"], _shown(table, row))
    return None if same else "scored-again"


def scores_digest(row: Mapping[str, Any]) -> str:
    """SHA-256 over the means of a row as the table has them: two events with the same tell of the same scores."""
    return sha256_bytes(dump_json({k: e["mean"] for k, e in row["metrics"].items()}).encode())


def _entry(
    key: tuple[str, str, str],
    event: str,
    last: Event | None,
    table: Mapping[str, Any] | None,
    row: Mapping[str, Any] | None,
) -> dict[str, Any]:
    # Scores carry the date of their scoring, so that ranking old records anew writes the same lines.
    scored = event in {"entered", "scored-again"}
    known = row or last or {}
    ranked = scored and row is not None and row["rank"] is not None
    return {
        "date": (known.get("submitted") if scored else None) or today(),
        "id": key[2],
        "name": known.get("name") or key[2].partition("/")[2],
        "event": event,
        "dataset": key[0],
        "track": key[1],
        "rank": [row["rank_low"], row["rank_high"]] if ranked and row else None,
        "primary": table["primary"] if table else known["primary"],
        "shown": _shown(table, row),
        "previous": last.get("shown") if last else None,
        "pull_request": known.get("pull_request"),
        "scores_sha256": scores_digest(row) if scored and row else None,
    }


def _shown(table: Mapping[str, Any] | None, row: Mapping[str, Any] | None) -> float | None:
    entry = row["metrics"].get(table["primary"]) if table and row else None
    return entry["display"]["value"] if entry else None


def sound_bytes(path: Path) -> bytes:
    """The bytes of a history without a torn last line, each line with its end."""
    data = path.read_bytes()
    torn = read_history(path.parent).torn
    kept = data.rstrip(b"\n").removesuffix(torn) if torn else data
    return kept + b"\n" if kept and not kept.endswith(b"\n") else kept


def append_history(leaderboard: Path, events: Sequence[Event]) -> str:
    """What people should know, or an empty text, after the events were added to the end of the file.

    A torn last line is set aside first, so that no event is glued to it. No event and no torn line
    leave the file as it is.
    """
    path = leaderboard / HISTORY
    torn = read_history(leaderboard).torn
    kept = sound_bytes(path) if path.exists() else b""
    lines = [json.dumps(e, sort_keys=True, ensure_ascii=False) + "\n" for e in events]
    with unbroken():
        if torn:
            append_line(leaderboard / TORN, torn.decode("utf-8", "backslashreplace"))
        if events or torn:
            write_bytes(path, kept + "".join(lines).encode())
    if not torn:
        return ""
    return f"the last line of {path} was only half there. It was set aside in {leaderboard / TORN}."
