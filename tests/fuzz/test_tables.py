"""Tables of texts that people supply: pairs, predictions in other formats, references.

Each oracle reads the file independently: JSON with its own strictness, CSV by a state machine after RFC 4180.
"""

from __future__ import annotations

import contextlib
import json
import re

from support.fuzz import Verdict, command, damage_bytes, damage_value, fuzz

from evaluator.core.problems import RexrankError
from evaluator.datasets.references import load_references
from evaluator.datasets.registry import get_dataset

TEXTS = (
    "The heart is enlarged.", "No effusion, no pneumothorax.", 'He said "clear".', "Line one.\nLine two.", "", "nan",
    "Größe 3 cm", "a\x0cb", "a\u2028b", "tab\there", "x" * 300, "5", "=1+1",
)  # fmt: skip
MARK = "REFERENCETEXT"
"""Part of every reference; no prediction file that is written may contain it."""


class Refused(Exception):
    """The oracle's refusal."""


def strict_json(text: str, *, constants: bool = False):
    """The value of a JSON text without NaN and repeated keys. Raises `ValueError` or `RecursionError`."""

    def unique(pairs):
        if len({k for k, _ in pairs}) < len(pairs):
            raise Refused("a key twice")
        return dict(pairs)

    def constant(name):
        if not constants:
            raise Refused(name)
        return float(name)

    return json.loads(text, object_pairs_hook=unique, parse_constant=constant)


def csv_cells(text: str) -> list[list[str]]:  # noqa: C901 - a state machine
    """The rows of a CSV text after RFC 4180. Raises `Refused` for a quotation mark or carriage return out of place."""
    rows, row, cell, i = [], [], "", 0
    start = True
    while i < len(text):
        if start and text[i] == '"':
            i += 1
            while True:
                end = text.find('"', i)
                if end < 0:
                    raise Refused("an open quotation mark")
                cell += text[i:end]
                i = end + 1
                if text[i : i + 1] != '"':
                    break
                cell, i = cell + '"', i + 1
            if text[i : i + 1] not in {"", ",", "\n", "\r"}:
                raise Refused("text after a quotation mark")
            start = False
        elif text[i] == ",":
            row, cell, start, i = [*row, cell], "", True, i + 1
        elif text[i] in "\r\n":
            if text[i] == "\r" and text[i : i + 2] != "\r\n":
                raise Refused("a bare carriage return")
            i += 2 if text[i] == "\r" else 1
            rows.append([*row, cell])
            row, cell, start = [], "", True
        else:
            cell, start, i = cell + text[i], False, i + 1
    if row or cell or not start:
        rows.append([*row, cell])
    return [r for r in rows if r != [""]]


COLUMNS = ("id", "reference", "prediction")


def csv_text(rows, rng) -> str:
    """Rows as CSV: quoted where necessary, or everywhere."""
    everywhere, end = rng.random() < 0.3, rng.choice(["\n", "\r\n"])

    def cell(value):
        text = "" if value is None else str(value)
        plain = not everywhere and not re.search(r'[",\r\n]', text) and text
        return text if plain else '"' + text.replace('"', '""') + '"'

    return "".join(",".join(map(cell, row)) + end for row in rows)


def whole(text: str) -> bool:
    return not re.search("[\ud800-\udfff]", text)


def pair_ids(name: str, data: bytes) -> list[str] | None:
    """The ids in a file of pairs, `None` if either verdict will do. Raises for a file that must be refused."""
    text = data.decode("utf-8-sig")
    if name.endswith(".csv"):
        cells = csv_cells(text)
        if not cells or any(len(r) != len(cells[0]) for r in cells):
            raise Refused("rows of different lengths")
        rows = [dict(zip(cells[0], r, strict=True)) for r in cells[1:] if any(map(str.strip, r))]
        names = list(cells[0])
    else:
        rows = [strict_json(line) for line in text.split("\n") if line.strip()]
        if not all(isinstance(value, dict) for value in rows):
            raise Refused("no row")
        names = list(dict.fromkeys(k for row in rows for k in row))
    if [names.count(k) for k in COLUMNS] != [1, 1, 1]:
        # A column of another name may mean the same; the tests of the names cover which do.
        if len(names) >= len(COLUMNS):
            return None
        raise Refused("header")
    ids = [pair_id(row) for row in rows]
    if None in ids:
        return None
    if not all(ids) or not ids or len(set(ids)) < len(ids):
        raise Refused("no id, or one twice")
    return ids


def pair_id(row: dict) -> str | None:
    """The id of a row, `None` for a decimal number, as pandas writes integers in a column with a missing one."""
    study, texts = row["id"], (row["reference"], row["prediction"])
    if isinstance(study, float) and study.is_integer():
        return None
    if (
        isinstance(study, bool)
        or not isinstance(study, str | int)
        or not all(isinstance(t, str) for t in texts)
    ):
        raise Refused("types")
    if not all(map(whole, (str(study), *texts))):
        raise Refused("a lone surrogate")
    return str(study).strip("\ufeff\0 \t\r\n")


def over_lines(name: str, data: bytes) -> bool:
    """Whether a file is whole JSON values that are not one per line, which may be read as well."""
    if name.endswith(".csv"):
        return False
    values = 0
    try:
        lines = text = data.decode("utf-8-sig").strip()
        while text:
            values += 1
            _, end = json.JSONDecoder().raw_decode(text)
            text = text[end:].lstrip()
    except (ValueError, RecursionError):
        return False
    return values != sum(bool(line.strip()) for line in lines.split("\n"))


def test_pairs(tmp_path, inputs, seed):
    def one(rng):
        rows = [
            {"id": rng.choice([f"s{i}", i]), "reference": rng.choice(TEXTS), "prediction": rng.choice(TEXTS)}
            for i in range(rng.randrange(4))
        ]
        if rng.random() < 0.3 and rows:
            rows = damage_value(rng, rows)
        name = rng.choice(["pairs.jsonl", "pairs.csv"])
        good = isinstance(rows, list) and all(isinstance(r, dict) for r in rows)
        if name == "pairs.csv" and good:
            header = list(rows[0]) if rows else ["id", "reference", "prediction"]
            header = header + rng.choice([[], [], ["note"], ["id"]])
            data = csv_text([header, *([r.get(k) for k in header] for r in rows)], rng).encode(
                "utf-8", "replace"
            )
        else:
            values = rows if isinstance(rows, list) else [rows]
            data = "\n".join(json.dumps(r) for r in values).encode()
        if rng.random() < 0.5:
            data = damage_bytes(rng, data)
        path = tmp_path / name
        path.write_bytes(data)
        result = command("metric", "bleu_2", "--pairs", path)
        try:
            wanted = pair_ids(name, data)
            usable = None if wanted is None else True
        except (Refused, ValueError, KeyError, TypeError, IndexError, RecursionError):
            wanted, usable = None, None if over_lines(name, data) or b"\r\r" in data else False
        if wanted is not None and result.code == 0:
            assert list(json.loads(result.out)["scores"]["bleu_2"]) == sorted(wanted), data
        if result.code:
            assert result.code == 1, result
            # Which columns were taken may be said first.
            notes, _, problem = result.err.partition("rexrank: ")
            assert all(n.startswith("note: ") for n in notes.splitlines()), result.err
            assert problem.startswith(str(path)), result.err
            assert not result.out
        return Verdict(result.code == 0, result.err), usable, f"{name} {data[:300]!r}"

    fuzz("pairs", inputs(200), seed, one)


def test_convert(tmp_path, inputs, seed):
    def one(rng):
        name, data, exact = prediction_file(rng)
        spoilt = rng.random() < 0.7
        if spoilt:
            data = (
                damage_bytes(rng, data)
                if rng.random() < 0.7 or name.endswith(".csv")
                else spoil_json(rng, name, data)
            )
        path, out = tmp_path / name, tmp_path / "out.json"
        path.write_bytes(data)
        out.unlink(missing_ok=True)
        result = command("convert", path, "--dataset", "sandbox", "--out", out)
        usable = None if spoilt else True
        if not decodable(name, data):
            usable = False
        if result.code:
            assert result.code in {1, 2}, result
            assert str(path) in result.err, result.err
            assert not out.exists(), "something was written all the same"
            return Verdict(taken=False, words=result.err), usable, f"{name} {data[:300]!r}"
        text = out.read_text("utf-8")
        reports = strict_json(text)
        assert reports, "no study"
        assert MARK not in text or spoilt, "a reference was carried along"
        assert all(set(r) <= {"findings", "impression"} and "findings" in r for r in reports.values()), text
        assert all(isinstance(t, str) for r in reports.values() for t in r.values()), text
        assert len({len(r) for r in reports.values()}) == 1, "impressions for some"
        if not spoilt:
            assert set(reports) == set(exact)
            for study, words in exact.items():
                assert all(w in json.dumps(reports[study], ensure_ascii=False) for w in words.split()), (
                    study,
                    reports[study],
                )
        return Verdict(taken=True), usable, f"{name} {data[:300]!r}"

    fuzz("convert", inputs(200), seed, one)


def decodable(name: str, data: bytes) -> bool:
    """Whether a file is text, and JSON if it says so, by the most lenient reading."""
    for encoding in ("utf-8-sig", "utf-16", *(["cp1252"] if name.endswith(".csv") else [])):
        with contextlib.suppress(ValueError, RecursionError):
            text = data.decode(encoding)
            if name.endswith(".json"):
                json.loads(text)
            if name.endswith(".jsonl"):
                [json.loads(line) for line in text.split("\n") if line.strip()]
            return bool(text.strip())
    return name.endswith((".json", ".jsonl"))  # several values one after the other: either will do


def spoil_json(rng, name, data):
    if name.endswith(".json"):
        return json.dumps(damage_value(rng, json.loads(data))).encode()
    lines = [json.loads(line) for line in data.decode().split("\n") if line.strip()]
    k = rng.randrange(len(lines))
    lines[k] = damage_value(rng, lines[k])
    return "\n".join(map(json.dumps, lines)).encode()


def prediction_file(rng):
    """(file name, bytes, words of each study's report) of a sound file in one of the common formats."""
    words = ["Heart is normal.", "Lungs are clear.", "No effusion seen.", "Mild edema."]
    exact = {f"sandbox-{i:04d}": rng.choice(words) for i in range(1, rng.randrange(2, 6))}
    reference = f"{MARK} of the study."
    kind = rng.choice(["sections", "published", "csv", "jsonl"])
    if kind == "sections":
        return (
            "p.json",
            json.dumps({k: {"findings": v, "impression": ""} for k, v in exact.items()}).encode(),
            exact,
        )
    if kind == "published":
        rows = {k: {"model_prediction": v, "section_findings": reference} for k, v in exact.items()}
        return "p.json", json.dumps(rows).encode(), exact
    if kind == "csv":
        rows = [["study_id", "report", "ground_truth"], *([k, v, reference] for k, v in exact.items())]
        return "p.csv", csv_text(rows, rng).encode(), exact
    rows = [{"study_id": k, "prediction": v, "ground_truth": reference} for k, v in exact.items()]
    return "p.jsonl", "\n".join(map(json.dumps, rows)).encode(), exact


REFERENCE_ROWS = {
    "p1/s1": {
        "section_findings": "The heart is normal.", "section_impression": "Normal.", "age": 67.0, "sex": "F",
        "subject_id": "10", "patient_id": 10, "context": "Age:50-60.Gender:M. Indication: cough. Comparison: None.",
        "frontal_lateral": ["Frontal", "Lateral"], "comparison": None, "race": "WHITE", "image_path": ["a.png"],
    },
    "p1/s2": {
        "section_findings": "None.", "section_impression": " Clear. ", "age": float("nan"), "sex": None, "ap_pa": "AP",
        "subject_id": "10", "patient_id": float("nan"), "context": float("nan"), "comparison": "12/3/2010",
    },
    "p2/s1": {"section_findings": float("nan"), "section_impression": "/", "subject_id": 7.0, "context": "Age:20-Oct."},
}  # fmt: skip
MISSING = {"", "none", "none.", "nan", "nan.", "null", "/", "n/a"}


def reference_texts(data: bytes, cluster: str | None) -> dict[str, list[str | None]]:
    """Both sections of every study. Raises for a file that must be refused."""
    raw = strict_json(data.decode("utf-8"), constants=True)
    if not isinstance(raw, dict) or not raw or not all(isinstance(v, dict) for v in raw.values()):
        raise Refused("no object of objects")
    texts = {}
    for study, fields in raw.items():
        pair = [fields.get("section_findings"), fields.get("section_impression")]
        if not whole(study) or not all(whole(t) for t in pair if isinstance(t, str)):
            raise Refused("a lone surrogate")
        if not study.strip():
            raise Refused("not a valid id")
        patient = fields.get(cluster) if cluster else None
        if isinstance(patient, bool | list | dict) or (isinstance(patient, str) and not whole(patient)):
            raise Refused("a patient that is no text")
        texts[study] = [t if isinstance(t, str) and t.strip().lower() not in MISSING else None for t in pair]
    return texts


def test_references(tmp_path, inputs, seed):
    def one(rng):
        dataset = get_dataset(rng.choice(["rexgradient", "mimic-cxr", "chexpert-plus"]))
        data = json.dumps(REFERENCE_ROWS, allow_nan=True).encode()
        if rng.random() < 0.6:
            data = json.dumps(damage_value(rng, REFERENCE_ROWS)).encode()
        if rng.random() < 0.5:
            data = damage_bytes(rng, data)
        path = tmp_path / f"{dataset.id}.json"
        path.write_bytes(data)
        try:
            wanted = reference_texts(data, dataset.cluster)
        except (Refused, ValueError, RecursionError):
            wanted = None
        what = f"{dataset.id} {data[:300]!r}"
        try:
            references = load_references(dataset, tmp_path)
        except RexrankError as error:
            words = str(error) if str(path) in str(error) else f"no file: {error}"
            return Verdict(taken=False, words=words), wanted is not None, what
        assert wanted is not None, f"wrongly taken: {what}"
        assert {i: [r.findings, r.impression] for i, r in references.studies.items()} == wanted, what
        for study in references.studies.values():
            assert isinstance(study.patient, str)
            assert study.patient, study
            assert all(isinstance(v, str) and v for v in study.subgroups.values()), study
        return Verdict(taken=True), True, what

    fuzz("references", inputs(600), seed, one)
