"""Events follow from the tables and the history alone: each once, baselines never, the file only grows."""

from __future__ import annotations

import json

import pytest
from support import tables
from support.damage import DAMAGE

from evaluator.core.problems import RexrankError
from evaluator.leaderboard.history import TORN, append_history, changes, read_history


def row(name, mean=0.5, status="active", kind="submission", other=0.1):
    cells = {"bleu_2": tables.cell(mean), "rouge_l": tables.cell(other)}
    metrics = {} if status == "withdrawn" else cells
    return tables.row(f"t/{name}", status=status, kind=kind, metrics=metrics)


def table(*rows, **groups):
    return tables.typed(tables.table(*rows, **groups))


def withdrawn(name):
    return table(withdrawn=[row(name, status="withdrawn")])


def after(*states):
    """The events of the last of several successive rankings; `None` is a board without a record."""
    history, new = [], []
    for state in states:
        new = changes(history, [state] if state else [])
        history += new
    return new


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        ([table(row("a"))], [("entered", "t/a")]),
        ([table(row("a")), table(row("a"))], []),
        ([table(row("a")), table(row("a", 0.6))], [("scored-again", "t/a")]),
        ([table(row("a")), table(row("a", other=0.2))], [("scored-again", "t/a")]),
        ([table(row("a")), withdrawn("a")], [("withdrawn", "t/a")]),
        ([table(row("a")), withdrawn("a"), withdrawn("a")], []),
        ([table(row("a")), withdrawn("a"), table(row("a"))], [("entered", "t/a")]),
        ([table(row("a")), withdrawn("a"), table()], [("removed", "t/a")]),
        ([table(row("a")), table()], [("removed", "t/a")]),
        ([table(row("a")), table(), table()], []),
        ([table(row("a")), None], [("removed", "t/a")]),
        ([table(row("a")), None, table(row("a"))], [("entered", "t/a")]),
        ([table(incomplete=[row("a")]), table(row("a"))], []),
        ([table(nulls=[row("n", kind="null")])], []),
    ],
)
def test_events_of_a_first_and_a_later_ranking(states, wanted):
    assert [(e.event, e.id) for e in after(*states)] == wanted


def test_a_line_says_from_what_to_what():
    (event,) = after(table(row("a")), table(row("a", 0.6)))
    assert (event.previous, event.shown, event.date, event.rank) == (
        0.5,
        0.6,
        "2026-01-02",
        (1, 2),
    )


@pytest.mark.parametrize(("mean", "wanted"), [(0.5, []), (0.6, ["scored-again"])])
def test_a_line_without_a_digest_is_compared_by_what_was_shown(mean, wanted):
    (old,) = after(table(row("a")))
    old = old.model_copy(update={"scores_sha256": None})
    assert [e.event for e in changes([old], [table(row("a", mean))])] == wanted


def test_the_file_only_grows(tmp_path):
    append_history(tmp_path, after(table(row("a"))))
    old = (tmp_path / "history.jsonl").read_text()
    append_history(tmp_path, [])
    append_history(tmp_path, after(table(row("b"))))
    assert (tmp_path / "history.jsonl").read_text().startswith(old)
    assert [e.id for e in read_history(tmp_path).events] == ["t/a", "t/b"]


def test_a_name_may_hold_what_some_take_for_the_end_of_a_line(tmp_path):
    append_history(tmp_path, after(table({**row("a"), "name": "a\u2028b\x85c"})))
    assert [e.name for e in read_history(tmp_path).events] == ["a\u2028b\x85c"]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "",
        "<<<<<<< HEAD",
        '{"a": NaN}',
        json.dumps({"event": "entered"}),
        json.dumps({"event": "x"}),
        json.dumps({**after(table(row("a")))[0].view(), "rank": [1, "2"]}),
        json.dumps({**after(table(row("a")))[0].view(), "dataset": "no-such-set"}),
        json.dumps({**after(table(row("a")))[0].view(), "pull_request": "7"}),
        json.dumps({**after(table(row("a")))[0].view(), "id": "../x"}),
        json.dumps({**after(table(row("a")))[0].view(), "date": "2026-02-30"}),
    ],
)
def test_a_damaged_line_is_named(tmp_path, line):
    sound = json.dumps(after(table(row("a")))[0].view())
    path = tmp_path / "history.jsonl"
    path.write_text(f"{sound}\n{line}\n{sound}\n")
    with pytest.raises(RexrankError, match=r"line 2 of .*history\.jsonl is damaged.*\n.*git checkout HEAD"):
        read_history(tmp_path)
    with pytest.raises(RexrankError, match="line 2"):
        append_history(tmp_path, after(table(row("b"))))
    assert path.read_text() == f"{sound}\n{line}\n{sound}\n"


@pytest.mark.parametrize("cut", [1, 7, 60, 200])
@pytest.mark.parametrize("end", ["", "\n", "\0\0\0"])
def test_a_torn_last_line_is_set_aside_and_named(tmp_path, cut, end):
    append_history(tmp_path, [*after(table(row("a"))), *after(table(row("b")))])
    path = tmp_path / "history.jsonl"
    first, second = path.read_text().splitlines()
    path.write_text(f"{first}\n{second[:-cut]}{end}")
    assert [e.id for e in read_history(tmp_path).events] == ["t/a"]
    note = append_history(tmp_path, after(table(row("c"))))
    assert str(path) in note
    assert TORN in note
    assert [e.id for e in read_history(tmp_path).events] == ["t/a", "t/c"]
    assert (tmp_path / TORN).read_text().startswith(second[:-cut])


@pytest.mark.parametrize("harm", [b"\xed\xa0\x80", b"\xff", b"\0", b"\\"], ids=repr)
def test_a_torn_line_is_set_aside_byte_for_byte(tmp_path, harm):
    append_history(tmp_path, [*after(table(row("a"))), *after(table(row("b")))])
    path = tmp_path / "history.jsonl"
    first, second = path.read_bytes().splitlines()
    torn = second[:40] + harm + second[40:-9]
    path.write_bytes(first + b"\n" + torn + b"\n")
    append_history(tmp_path, [])
    assert (tmp_path / TORN).read_bytes() == torn + b"\n"
    assert path.read_bytes() == first + b"\n"


def test_a_whole_last_line_without_its_end_is_kept(tmp_path):
    append_history(tmp_path, after(table(row("a"))))
    path = tmp_path / "history.jsonl"
    path.write_text(path.read_text().rstrip("\n"))
    assert append_history(tmp_path, after(table(row("b")))) == ""
    assert [e.id for e in read_history(tmp_path).events] == ["t/a", "t/b"]
    assert not (tmp_path / TORN).exists()


@pytest.mark.parametrize(
    "name", ["a folder", "a full folder", "a link to nothing", "a link to itself", "a pipe"]
)
def test_anything_but_a_file_is_named_without_blocking(tmp_path, name):
    path = tmp_path / "history.jsonl"
    path.write_text("")
    DAMAGE[name](path)
    with pytest.raises(RexrankError, match=r"history\.jsonl: it is not a file\. Restore"):
        read_history(tmp_path)


@pytest.mark.parametrize("name", ["a folder", "a link to nothing", "a link to itself", "a pipe"])
def test_a_torn_line_that_has_no_place_is_left_where_it_is(tmp_path, name):
    append_history(tmp_path, after(table(row("a"))))
    path = tmp_path / "history.jsonl"
    torn = path.read_text() + '{"da'
    path.write_text(torn)
    (tmp_path / TORN).write_text("")
    DAMAGE[name](tmp_path / TORN)
    with pytest.raises(
        RexrankError, match=rf"{TORN}, where it would be moved, is not a file\. Move that out of the way"
    ):
        append_history(tmp_path, after(table(row("b"))))
    assert path.read_text() == torn
