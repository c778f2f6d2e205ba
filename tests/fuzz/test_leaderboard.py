"""Damaged leaderboards: `rank` rebuilds its own files and names those it cannot rebuild; so does the site's reader.

`support.leaderboard_oracle` says what must happen to each damaged file; undamaged files must come out byte
for byte as before.
"""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from support.boards import URL, make_leaderboard
from support.damage import state
from support.fuzz import Verdict, command, damage_bytes, damage_value, fuzz, obstruct
from support.leaderboard_oracle import (
    DERIVED,
    RELEASES,
    rank_fate,
    site_fate,
    strict,
    together,
)

from evaluator.core.problems import RexrankError
from evaluator.site.build import pages
from evaluator.site.content import read_content
from evaluator.site.model.cases import case_files


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    folder = make_leaderboard(
        tmp_path_factory.mktemp("board") / "b", ["near-copy", "template"], "A model", "Clear lungs."
    )
    shutil.rmtree(folder / "store")
    (folder / "releases.json").write_text(json.dumps(RELEASES))
    return folder


def spoil(rng, folder, name):
    """Damages a file; returns how."""
    path = folder / name
    kind = rng.random()
    if kind < 0.15:
        return obstruct(rng, path)
    if kind < 0.55 and name.endswith(".json"):
        path.write_text(json.dumps(damage_value(rng, json.loads(path.read_text()))))
        return "a value"
    if kind < 0.65:
        text = path.read_bytes()
        path.write_bytes(text[: len(text) // 3] + b"\n<<<<<<< HEAD\n" + text[len(text) // 3 :])
        return "marks of a merge"
    path.write_bytes(damage_bytes(rng, path.read_bytes()))
    return "bytes"


def choose(rng, names):
    """One file; every kind of file is equally likely."""
    kind = rng.choice(sorted({n.split("/")[0] for n in names}))
    return rng.choice([n for n in names if n.split("/")[0] == kind])


def named(words, folder, name):
    """Whether a message identifies the file: by its path, or a record or board by its name."""
    team, _, model = Path(name).stem.partition("__")
    also = f"{team}/{model}" if model else Path(name).stem
    return str(folder / name) in words or also in words


@pytest.fixture
def fresh(board, tmp_path):
    """Restores the undamaged leaderboard."""

    def make():
        folder = tmp_path / "b"
        shutil.rmtree(folder, ignore_errors=True)
        return shutil.copytree(board, folder)

    return make


REMEMBERED = ["store", "ranked"]


def test_rank(board, fresh, inputs, seed):
    whole = state(board)
    derived = {n: b for n, b in whole.items() if n.split("/")[0] in DERIVED}

    def one(rng):
        folder = fresh()
        names = sorted({choose(rng, whole) for _ in range(rng.choice([1, 1, 2, 3]))})
        what = ", ".join(f"{n}: {spoil(rng, folder, n)}" for n in names)
        fates = {n: rank_fate(folder, n, whole) for n in names}
        before = {n: b for n, b in state(folder).items() if n.split("/")[:2] != REMEMBERED}
        result = command("rank", "--leaderboard", folder, "--store", folder / "store")
        # What the runner's store remembers of a ranked board is not part of the leaderboard.
        now, wanted = (
            {n: b for n, b in state(folder).items() if n.split("/")[:2] != REMEMBERED},
            together(fates.values()),
        )
        if result.code:
            assert now == before, f"a partial write: {what}"
            assert any(named(result.err, folder, n) for n in names), f"names none: {what}: {result.err}"
            # Without sound records and releases it is unknown who has a rank, and so which scores are read.
            blind = any(n.startswith(("records", "releases")) and fates[n] is not True for n in names)
            must = [n for n in names if fates[n] is False and not (blind and n.startswith("studies"))]
            unnamed = [n for n in must if not named(result.err, folder, n)]
            assert not unnamed, f"does not name {unnamed}: {result.err}"
        else:
            own_files = {
                n: b for n, b in before.items() if n.split("/")[0] not in DERIVED and n != "history.jsonl"
            }
            assert own_files.items() <= now.items(), f"touched what is not its own: {what}"
            check_history(before.get("history.jsonl", b""), now, what)
            assert {n for n in now if n.split("/")[0] in DERIVED} == derived.keys(), what
            if wanted:
                assert {n: now[n] for n in derived} == derived, f"other tables than before: {what}"
                assert now["history.jsonl"] == whole["history.jsonl"], f"history has moved: {what}"
        return Verdict(result.code == 0, result.err), wanted, what

    fuzz("rank", inputs(30), seed, one)


def check_history(before, now, what):
    """Whole lines stay where they were; half a line at the end is set aside."""
    *lines, last = before.rstrip(b"\n").split(b"\n") if isinstance(before, bytes) else [b""]
    try:
        strict(last)
        lines.append(last)
    except ValueError:
        assert last in now.get("history.jsonl.torn", b""), f"a torn line is lost: {what}"
    assert now["history.jsonl"].split(b"\n")[: len(lines)] == lines, f"history was rewritten: {what}"


def test_site(board, fresh, inputs, seed):
    whole = state(board)
    first = shown(board)
    check_pages(first)

    def one(rng):
        folder = fresh()
        name = choose(rng, whole)
        what = f"{name}: {spoil(rng, folder, name)}"
        before, wanted = state(folder), site_fate(folder, name, whole)
        try:
            site = shown(folder)
        except RexrankError as error:
            words = str(error)
            assert Path(name).with_suffix("").name in words, f"names no file: {what}: {words}"
            return Verdict(taken=False, words=words), wanted, what
        assert state(folder) == before, f"wrote something: {what}"
        check_pages(site)
        if wanted:
            assert site == first, f"other pages: {what}"
        return Verdict(taken=True), wanted, what

    fuzz("site", inputs(25), seed, one)


def shown(folder):
    """Every page and data file of the site, including the case browser's."""
    return pages(folder, URL) | dict(case_files(read_content(folder, URL)))


def check_pages(made):
    """Pages are UTF-8, data is JSON, the feed is XML."""
    for name, body in made.items():
        body.encode("utf-8")
        if name.endswith((".json", ".json.gz")):
            strict(body.encode())
    ET.fromstring(made["feed.xml"])
