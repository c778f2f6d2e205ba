"""Two writers and one list on a disk that shows files late and repeats requests: no entry lost, none twice."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support.hangs import HANG

from evaluator.core.journal import TRIES, Journal
from evaluator.core.problems import RexrankError

RACER = """
import sys, time
from pathlib import Path
from evaluator.core.journal import Journal
folder, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
(folder / f"ready-{name}").touch()
while len(list(folder.glob("ready-*"))) < 2:
    time.sleep(0.001)
for n in range(count):
    Journal(folder / "list").append(lambda entries: f"{name}{n} after {len(entries)}".encode())
"""


def adding(words):
    return lambda entries: f"{words} after {len(entries)}".encode()


def journal(folder):
    return Journal(folder / "list", pause=lambda _: None)


def test_concurrent_additions_are_all_kept_each_after_what_it_saw(tmp_path):
    racers = [subprocess.Popen([sys.executable, "-c", RACER, tmp_path, name, "60"]) for name in ("a", "b")]
    assert [r.wait(HANG) for r in racers] == [0, 0]
    entries = [e.decode() for e in Journal(tmp_path / "list").read()]
    assert [e.split(" after ")[1] for e in entries] == [str(n) for n in range(120)]
    for name in ("a", "b"):
        assert [e.split()[0] for e in entries if e[0] == name] == [f"{name}{n}" for n in range(60)]
    assert {p.suffix for p in (tmp_path / "list").iterdir()} == {".json"}, "no unfinished file is left"


def test_an_entry_shown_late_is_seen_before_the_next_one_is_added(tmp_path, monkeypatch):
    """A network disk answers from its cache: neither the listing nor the name shows the other's entry at first."""
    journal(tmp_path).append(adding("first"))
    late = journal(tmp_path).path(2)
    journal(tmp_path).append(adding("theirs"))
    names = []
    list_folder, read_file = type(late).iterdir, type(late).read_bytes

    def shown(path):
        names.append(path)
        return [p for p in list_folder(path) if p != late or len(names) > 3]

    def read_late(path):
        if path == late and len(names) <= 3:
            raise FileNotFoundError(path)
        return read_file(path)

    monkeypatch.setattr(type(late), "iterdir", shown)
    monkeypatch.setattr(type(late), "read_bytes", read_late)
    states = []

    def mine(entries):
        states.append(len(entries))
        return f"mine after {len(entries)}".encode()

    assert journal(tmp_path).append(mine)
    assert states[0] == 1, "it was not shown the other's entry at first"
    assert journal(tmp_path).read() == [b"first after 0", b"theirs after 1", b"mine after 2"]


@pytest.mark.parametrize("answer", [FileExistsError(17, "File exists"), OSError(5, "Input/output error")])
def test_a_link_whose_reply_was_lost_is_made_once(tmp_path, monkeypatch, answer):
    linked = os.link

    def link(source, target):
        linked(source, target)
        raise answer

    monkeypatch.setattr(os, "link", link)
    assert journal(tmp_path).append(adding("mine"))
    assert journal(tmp_path).read() == [b"mine after 0"]


def test_a_failed_link_leaves_nothing(tmp_path, monkeypatch):
    def link(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(RexrankError, match=r"00000001\.json: Input/output error"):
        journal(tmp_path).append(adding("mine"))
    assert list((tmp_path / "list").iterdir()) == []


def test_a_writer_asked_again_may_decline(tmp_path):
    journal(tmp_path).append(adding("first"))
    assert not journal(tmp_path).append(lambda entries: None if entries else b"x")
    assert len(journal(tmp_path).read()) == 1


def test_a_list_with_a_gap_is_not_read_as_a_shorter_one(tmp_path):
    for words in ("a", "b", "c"):
        journal(tmp_path).append(adding(words))
    journal(tmp_path).path(2).unlink()
    pauses = []
    with pytest.raises(RexrankError, match=r"00000002\.json is missing although later entries exist"):
        Journal(tmp_path / "list", pause=pauses.append).read()
    assert len(pauses) == TRIES


def test_a_disk_that_never_shows_another_writers_entry_is_named(tmp_path, monkeypatch):
    path = journal(tmp_path).path(1)
    journal(tmp_path).append(adding("theirs"))
    read_file = type(path).read_bytes

    def hidden(file):
        if file == path:
            raise FileNotFoundError(file)
        return read_file(file)

    monkeypatch.setattr(type(path), "read_bytes", hidden)
    monkeypatch.setattr(type(path), "iterdir", lambda _: [])
    with pytest.raises(RexrankError, match="does not show what other machines write there"):
        journal(tmp_path).append(adding("mine"))
