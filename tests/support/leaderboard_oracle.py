"""What must happen to a damaged file of a leaderboard, in `rank` and in the site's reader.

Each file is read by itself, with the standard library and pandas.
"""

from __future__ import annotations

import io
import json
import re

import pandas as pd

DERIVED = ("tables", "pairwise", "overview.json", "overview.csv")
"""Files derived from records and per-study scores: if damaged, they count as absent."""


UNREAD = ("cases", "reported")
"""Files that ranking does not read."""


IDENTITY = ("schema", "dataset", "track", "team", "model", "n")


PROBES = ("itself", "empty", "shuffled")


RELEASES = {"a" * 64: {"by": "someone", "why": "Looked at by hand."}}


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
    """What must happen to a record: `True` read as before, `False` refused, `None` either is fine."""
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
        return None  # only the best baseline's are read
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
    """What ranking must do with a damaged file: `True` continue as if nothing had happened, `False` name it."""
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
    """What must happen to several damaged files: one refused file is enough."""
    return False if False in fates else None if None in fates else True


def pairs_of(data: object) -> object:
    """The rows of a file of pairs, or `None` for any other file; the bytes around them do not matter."""
    try:
        return pd.read_parquet(io.BytesIO(data)).to_dict("list")
    except Exception:  # noqa: BLE001 - whatever a damaged file makes the library raise
        return None


def site_fate(folder, name, whole):  # noqa: C901, PLR0911, PLR0912 - one a kind of file
    """What the site's reader must do with a damaged file: `True` make the same pages, `False` name it."""
    kind, path = name.split("/")[0], folder / name
    if kind in {"overview.json", "overview.csv", "releases.json", "sanity"}:
        return True
    if kind == "studies":
        if read(path) is None:
            return None  # a model without them has no case browser
        record = name.replace("studies", "records").replace(".parquet", ".json")
        return studies_fate(path, whole[name], strict(whole[record]))
    if kind == "pairwise":
        if gone(path) or read(path) == whole[name]:
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
