"""Damaged leaderboards: `rank` makes its own files again and names what it cannot do without; so does the site's reader.

The oracle reads each damaged file by itself, with the standard library and pandas, and says what must become
of it; what was not harmed must come out byte for byte as before.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pandas as pd
import pytest
from support.boards import URL, make_leaderboard
from support.damage import state
from support.fuzz import Verdict, command, damage_bytes, damage_value, fuzz, obstruct

from evaluator.core.problems import RexrankError
from evaluator.site.build import pages
from evaluator.site.content import read_content
from evaluator.site.model.cases import case_files

DERIVED = ("tables", "pairwise", "overview.json", "overview.csv")
"""What follows from records and per-study scores: damaged, it counts as absent."""
UNREAD = ("cases", "reported", "policy.json")
"""What ranking does not look at."""
IDENTITY = ("schema", "dataset", "track", "team", "model", "n")
PROBES = ("itself", "empty", "shuffled")
RELEASES = {"a" * 64: {"by": "someone", "why": "Looked at by hand."}}


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    folder = make_leaderboard(
        tmp_path_factory.mktemp("board") / "b", ["near-copy", "template"], "A model", "Clear lungs."
    )
    shutil.rmtree(folder / "store")
    (folder / "policy.json").write_text('{"runs": 2}')
    (folder / "releases.json").write_text(json.dumps(RELEASES))
    return folder


def spoil(rng, folder, name):
    """Harms a file; says how."""
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
    """One file, every kind of file as likely as any other."""
    kind = rng.choice(sorted({n.split("/")[0] for n in names}))
    return rng.choice([n for n in names if n.split("/")[0] == kind])


# --- the oracle --------------------------------------------------------------------------------------


def read(path):
    """The bytes of a regular file, `None` for anything else."""
    return path.read_bytes() if path.is_file() else None


def gone(path):
    return not path.exists() and not path.is_symlink()


def strict(data):
    """A JSON value; raises `ValueError` for what RFC 8259 or plain sense does not allow."""

    def once(pairs):
        if len({k for k, _ in pairs}) < len(pairs):
            raise ValueError("twice")
        return dict(pairs)

    def finite(text):
        if abs(float(text)) == float("inf"):
            raise ValueError("infinite")
        return float(text)

    def constant(name):
        raise ValueError(name)

    try:
        text = data.decode("utf-8")
        return json.loads(text, object_pairs_hook=once, parse_float=finite, parse_constant=constant)
    except (RecursionError, AttributeError) as error:
        raise ValueError("no JSON") from error


def same(one, other):
    """Whether two values are equal, types and all: 1 is neither 1.0 nor true."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def record_fate(path, whole, scores):  # noqa: PLR0911 - one a rule
    """What must become of a record: `True` taken as it was, `False` refused, `None` either will do."""
    try:
        value, was = strict(read(path)), strict(whole)
    except ValueError:
        return False
    if same(value, was):
        return True
    if not isinstance(value, dict) or any(not same(value.get(k), was[k]) for k in IDENTITY):
        return False
    if not isinstance(value.get("metrics"), dict):
        return False
    for key, entry in value["metrics"].items():
        mean = entry.get("mean") if isinstance(entry, dict) else None
        if type(mean) not in {int, float} or key not in scores:
            return False
        if abs(mean - scores[key].mean()) > 1e-6 and was["kind"] == "submission":
            return False
    return None


def frame_of(data):
    return pd.read_parquet(io.BytesIO(data))


def studies_fate(path, whole, record):
    was = frame_of(whole)
    try:
        value = frame_of(read(path))
    except Exception:  # noqa: BLE001 - whatever stops pandas
        return False if record["kind"] == "submission" else None
    if value.equals(was) and list(value.columns) == list(was.columns):
        return True
    if record["kind"] != "submission":
        return None  # of the null rows only the best one's are read
    if len(value) != record["n"] or "study_id" not in value or "patient" not in value:
        return False
    for key, entry in record["metrics"].items():
        if key not in value or not abs(value[key].astype(float).mean() - entry["mean"]) < 1e-6:
            return False
    return None


def sanity_fate(path, whole):  # noqa: PLR0911 - one a rule
    if gone(path):
        return None
    try:
        value = strict(read(path))
    except ValueError:
        return False
    if same(value, strict(whole)):
        return True
    if not isinstance(value, dict) or not isinstance(value.get("metrics"), dict):
        return False
    for entry in value["metrics"].values():
        if not isinstance(entry, dict) or not isinstance(entry.get("signature"), str):
            return False
        if any(type(entry.get(p)) not in {int, float} for p in PROBES):
            return False
    return None


def releases_fate(path):  # noqa: PLR0911 - one a rule
    if gone(path):
        return True
    try:
        value = strict(read(path))
    except ValueError:
        return False
    if same(value, RELEASES):
        return True
    if not isinstance(value, dict) or not all(re.fullmatch("[0-9a-f]{64}", k) for k in value):
        return False
    for entry in value.values():
        if not isinstance(entry, dict) or entry.keys() != {"by", "why"}:
            return False
        if not all(isinstance(v, str) and v.strip() for v in entry.values()):
            return False
    return None


def history_fate(path, whole):
    if gone(path):
        return None
    data = read(path)
    if data is None:
        return False
    if data == whole:
        return True
    for line in data.rstrip(b"\n").split(b"\n")[:-1]:
        try:
            event = strict(line)
        except ValueError:
            return False
        if not isinstance(event, dict):
            return False
    return None


def rank_fate(folder, name, whole):
    """What ranking must do with a damaged file: `True` go on as if nothing were, `False` name it."""
    kind, path = name.split("/")[0], folder / name
    if kind in DERIVED or kind in UNREAD:
        return True
    if kind == "records":
        scores = frame_of(whole[name.replace("records", "studies").replace(".json", ".parquet")])
        return None if gone(path) else record_fate(path, whole[name], scores)
    if kind == "studies":
        record = name.replace("studies", "records").replace(".parquet", ".json")
        if name not in read_by_rank(whole):
            return None
        return studies_fate(path, whole[name], strict(whole[record]))
    if kind == "sanity":
        return sanity_fate(path, whole[name])
    return releases_fate(path) if kind == "releases.json" else history_fate(path, whole[name])


def read_by_rank(whole):
    """Per-study scores without which there is no table: those of ranked models."""
    tables = [strict(b) for n, b in whole.items() if n.startswith("tables/") and n.endswith(".json")]
    return {
        f"studies/{t['dataset']}/{t['track']}/{r['team']}__{r['model']}.parquet"
        for t in tables
        for r in t["rows"]
    }


def together(fates):
    """What must become of several harmed files: one that is refused is enough."""
    return False if False in fates else None if None in fates else True


def named(words, folder, name):
    """Whether words tell which file is meant: by its path, or a record or board by its name."""
    team, _, model = Path(name).stem.partition("__")
    also = f"{team}/{model}" if model else Path(name).stem
    return str(folder / name) in words or also in words


# --- the fuzzers -------------------------------------------------------------------------------------


@pytest.fixture
def fresh(board, tmp_path):
    """Gives the leaderboard anew, unharmed."""

    def make():
        folder = tmp_path / "b"
        shutil.rmtree(folder, ignore_errors=True)
        return shutil.copytree(board, folder)

    return make


REMEMBERED = ["store", "ranked"]


def test_rank(board, fresh, inputs, seed):
    whole = state(board)
    made = {n: b for n, b in whole.items() if n.split("/")[0] in DERIVED}

    def one(rng):
        folder = fresh()
        names = sorted({choose(rng, whole) for _ in range(rng.choice([1, 1, 2, 3]))})
        what = ", ".join(f"{n}: {spoil(rng, folder, n)}" for n in names)
        fates = {n: rank_fate(folder, n, whole) for n in names}
        before = {n: b for n, b in state(folder).items() if n.split("/")[:2] != REMEMBERED}
        done = command("rank", "--leaderboard", folder, "--store", folder / "store")
        # What the runner's store remembers of a board that was ranked is no part of the leaderboard.
        now, wanted = (
            {n: b for n, b in state(folder).items() if n.split("/")[:2] != REMEMBERED},
            together(fates.values()),
        )
        if done.code:
            assert now == before, f"a partial write: {what}"
            assert any(named(done.err, folder, n) for n in names), f"names none: {what}: {done.err}"
            # Without sound records and releases nobody knows who has a rank, and so which scores are read.
            blind = any(n.startswith(("records", "releases")) and fates[n] is not True for n in names)
            must = [n for n in names if fates[n] is False and not (blind and n.startswith("studies"))]
            unnamed = [n for n in must if not named(done.err, folder, n)]
            assert not unnamed, f"does not name {unnamed}: {done.err}"
        else:
            kept = {
                n: b for n, b in before.items() if n.split("/")[0] not in DERIVED and n != "history.jsonl"
            }
            assert kept.items() <= now.items(), f"touched what is not its own: {what}"
            check_history(before.get("history.jsonl", b""), now, what)
            assert {n for n in now if n.split("/")[0] in DERIVED} == made.keys(), what
            if wanted:
                assert {n: now[n] for n in made} == made, f"other tables than before: {what}"
                assert now["history.jsonl"] == whole["history.jsonl"], f"history has moved: {what}"
        return Verdict(done.code == 0, done.err), wanted, what

    fuzz("rank", inputs(30), seed, one)


def check_history(before, now, what):
    """Lines that were whole stay where they were; half a line at the end is put aside."""
    *lines, last = before.rstrip(b"\n").split(b"\n") if isinstance(before, bytes) else [b""]
    try:
        strict(last)
        lines.append(last)
    except ValueError:
        assert last in now.get("history.jsonl.torn", b""), f"a torn line is lost: {what}"
    assert now["history.jsonl"].split(b"\n")[: len(lines)] == lines, f"history was rewritten: {what}"


def pairs_of(data: object) -> object:
    """The rows of a file of pairs, or `None` for what is no such file; bytes around them say nothing."""
    try:
        return pd.read_parquet(io.BytesIO(data)).to_dict("list")
    except Exception:  # noqa: BLE001 - whatever a damaged file makes the library raise
        return None


def site_fate(folder, name, whole):  # noqa: C901, PLR0911, PLR0912 - one a kind of file
    """What the site's reader must do with a damaged file: `True` make the same pages, `False` name it."""
    kind, path = name.split("/")[0], folder / name
    if kind in {"overview.json", "overview.csv", "policy.json", "releases.json", "sanity"}:
        return True
    if kind == "studies":
        if read(path) is None:
            return None  # a model without them has no case browser
        record = name.replace("studies", "records").replace(".parquet", ".json")
        return studies_fate(path, whole[name], strict(whole[record]))
    if kind == "pairwise":
        if read(path) is None or read(path) == whole[name]:
            return True  # without them no models are compared
        return None if pairs_of(read(path)) == pairs_of(whole[name]) else False
    if kind == "tables":
        if read(path) == whole[name]:
            return True
        if not name.endswith(".json") or read(path) is None:
            return False
        try:
            return True if same(strict(read(path)), strict(whole[name])) else None
        except ValueError:
            return False
    if kind == "records":
        if "baseline__" in name:
            return True
        scores = frame_of(whole[name.replace("records", "studies").replace(".json", ".parquet")])
        fate = record_fate(path, whole[name], scores)
        # The mean is the table's; nobody reads the record's beside the per-study scores here.
        return fate if fate or read(path) is None or not parsed(path) else None
    if kind == "history.jsonl":
        return history_fate(path, whole[name])
    if kind == "reported" and read(path) is not None:
        try:
            read(path).decode("utf-8")
        except ValueError:
            return False
    return True if read(path) == whole[name] else None


def parsed(path):
    try:
        strict(read(path))
    except ValueError:
        return False
    return True


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
            made = shown(folder)
        except RexrankError as error:
            words = str(error)
            assert Path(name).with_suffix("").name in words, f"names no file: {what}: {words}"
            return Verdict(taken=False, words=words), wanted, what
        assert state(folder) == before, f"wrote something: {what}"
        check_pages(made)
        if wanted:
            assert made == first, f"other pages: {what}"
        return Verdict(taken=True), wanted, what

    fuzz("site", inputs(40), seed, one)


def shown(folder):
    """Every page and data file of the site, the case browser's as well."""
    return pages(folder, URL) | dict(case_files(read_content(folder, URL)))


def check_pages(made):
    """Pages are UTF-8, data is JSON, the feed is XML."""
    for name, body in made.items():
        body.encode("utf-8")
        if name.endswith(".json"):
            strict(body.encode())
    ET.fromstring(made["feed.xml"])
