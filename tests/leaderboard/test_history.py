"""Events between two rankings: each once, baselines never, the file only ever longer."""

from __future__ import annotations

import json

import pytest
from support import tables

from evaluator.core.problems import RexrankError
from evaluator.leaderboard.history import append_history, changes, read_history


def row(name, mean=0.5, status="active", kind="submission"):
    metrics = {} if status == "withdrawn" else {"bleu_2": tables.cell(mean)}
    return tables.row(f"t/{name}", status=status, kind=kind, metrics=metrics)


def table(*rows, **groups):
    return tables.typed(tables.table(*rows, **groups))


def events(before, after):
    known = {("sandbox", "findings"): before} if before else {}
    return [(e.event, e.id) for e in changes(known, [after] if after else [])]


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        (None, table(row("a")), [("entered", "t/a")]),
        (table(row("a")), table(row("a")), []),
        (table(row("a")), table(row("a", 0.6)), [("scored-again", "t/a")]),
        (table(row("a")), table(withdrawn=[row("a", status="withdrawn")]), [("withdrawn", "t/a")]),
        (table(withdrawn=[row("a", status="withdrawn")]), table(row("a")), [("entered", "t/a")]),
        (table(row("a")), table(), [("removed", "t/a")]),
        (table(row("a")), None, [("removed", "t/a")]),
        (None, table(nulls=[row("n", kind="null")]), []),
    ],
)
def test_what_is_told(before, after, wanted):
    assert events(before, after) == wanted


def test_a_line_says_from_what_to_what():
    (event,) = changes({("sandbox", "findings"): table(row("a"))}, [table(row("a", 0.6))])
    assert (event.previous, event.shown, event.date, event.rank) == (
        0.5,
        0.6,
        "2026-01-02",
        (1, 2),
    )


def test_the_file_only_grows(tmp_path):
    first = changes({}, [table(row("a"))])
    append_history(tmp_path, first)
    old = (tmp_path / "history.jsonl").read_text()
    append_history(tmp_path, [])
    append_history(tmp_path, changes({}, [table(row("b"))]))
    assert (tmp_path / "history.jsonl").read_text().startswith(old)
    assert [e.id for e in read_history(tmp_path)] == ["t/a", "t/b"]


@pytest.mark.parametrize("line", ["{", "[]", json.dumps({"event": "entered"}), json.dumps({"event": "x"})])
def test_a_damaged_line_is_named(tmp_path, line):
    (tmp_path / "history.jsonl").write_text(line + "\n")
    with pytest.raises(RexrankError, match="line 1"):
        read_history(tmp_path)
