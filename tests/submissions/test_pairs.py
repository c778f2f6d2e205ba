"""Files of pairs: every format has one meaning; all problems are named at once, each with its line."""

from __future__ import annotations

import gzip
import io

import pandas as pd
import pytest

from evaluator.core.problems import InputError
from evaluator.scoring.engine import as_pairs
from evaluator.submissions import pairs
from evaluator.submissions.pairs import read_pairs

ROWS = [
    {"id": "1", "reference": "No effusion,\nno \u2028 pneumothorax.", "prediction": "No\x0ceffusion."},
    {"id": "b", "reference": "x", "prediction": ""},
]
FRAME = pd.DataFrame(ROWS)


def csv(frame, **options):
    return frame.to_csv(index=False, **options).encode()


def parquet(frame):
    target = io.BytesIO()
    frame.to_parquet(target)
    return target.getvalue()


FORMS = {
    "CSV": csv(FRAME),
    "CSV with a byte order mark": b"\xef\xbb\xbf" + csv(FRAME),
    "CSV of Windows": csv(FRAME, lineterminator="\r\n"),
    "semicolons": csv(FRAME, sep=";"),
    "tabs": csv(FRAME, sep="\t"),
    "packed": gzip.compress(csv(FRAME)),
    "lines of JSON": FRAME.to_json(orient="records", lines=True).encode(),
    "a JSON list": FRAME.to_json(orient="records").encode(),
    "JSON by columns": FRAME.to_json().encode(),
    "Parquet": parquet(FRAME),
    "other names": csv(FRAME.set_axis(["study_id", "ground_truth_report", "generated_report"], axis=1)),
    "further columns": csv(FRAME.assign(model="m", split="test")),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_format_gives_the_same_rows(tmp_path, form):
    (tmp_path / "pairs").write_bytes(FORMS[form])
    assert read_pairs(tmp_path / "pairs") == ROWS


def test_standard_input_is_a_file_too(monkeypatch):
    monkeypatch.setattr(pairs.sys, "stdin", io.TextIOWrapper(io.BytesIO(FORMS["semicolons"])))
    assert read_pairs(pairs.Path("-")) == ROWS


@pytest.mark.parametrize("name", ["patient", "Patient_ID", "subject_id"])
def test_a_column_of_patients_comes_along(tmp_path, name):
    (tmp_path / "p.csv").write_bytes(csv(FRAME.assign(**{name: [7, 7]})))
    assert [row["patient"] for row in read_pairs(tmp_path / "p.csv")] == ["7", "7"]


BAD = {
    "JSON without its first mark": (
        ';"id": "1", "reference": "a", "prediction": "b"}\n{"id": "2", "reference": "a", "prediction": "b"}\n',
        "line 1 is damaged JSON",
    ),
    "an empty id": (
        'id,reference,prediction\n"",a,b\n',
        "line 2: the id is empty; every row needs one of its own",
    ),
    "an id of a NUL": ('{"id": "\\u0000", "reference": "a", "prediction": "b"}', "the id is empty"),
    "an id without end": (
        f"id,reference,prediction\n{'x' * 3000},a,b\n",
        "line 2: the id has 3,000 characters; at most",
    ),
    "no names": (',""\n', "the header names no column"),
    "nothing": ("", "is empty"),
    "blank lines": ("\n \n", "is empty"),
    "a header alone": ("id,reference,prediction\n", "contains no pairs"),
    "an empty list": ("[]", "contains no pairs"),
    "one column too few": ("id,reference\n1,a\n", "no prediction; every row needs id, reference, prediction"),
    "a surplus cell": ("id,reference,prediction\n1,a,b,c\n", "line 2: more cells than columns"),
    "a missing cell": ("id,reference,prediction\n1,a\n", "line 2: fewer cells than columns"),
    "one name twice": ("id,reference,prediction,reference\n1,a,b,c\n", "may each contain the reference"),
    "two candidates": ("id,reference,pred,hyp\n1,a,b,c\n", "'pred', 'hyp' may each contain the prediction"),
    "an open quotation mark": ('id,reference,prediction\n1,"a,b\n2,c,d\n', "quotation mark"),
    "no JSON": ('{"id": 1, "reference"\n', "is not JSON"),
    "a key twice": ('{"id": 1, "id": 2, "reference": "a", "prediction": "b"}\n', "appears twice"),
    "a field missing": (
        '{"id": 1, "reference": "a", "prediction": "b"}\n{"id": 2, "reference": "a"}\n',
        "line 2: no prediction",
    ),
    "a number for a text": (
        '{"id": 1, "reference": "a", "prediction": 3}\n{"id": 2, "reference": null, "prediction": ""}\n',
        "line 2: the reference must be text",
    ),
    "not a valid id": ('[{"id": null, "reference": "a", "prediction": "b"}]', "the id must be a text"),
    "a fraction for an id": ('[{"id": 1.5, "reference": "a", "prediction": "b"}]', "the id must be a text"),
    "an id twice": (
        "id,reference,prediction\n1,a,b\n1,c,d\n",
        "line 3: the id '1' appeared before, at line 2",
    ),
    "a lone surrogate": (
        '[{"id": 1, "reference": "\\ud83d", "prediction": "b"}]',
        "a lone surrogate",
    ),
    "no patient": (
        '[{"id": 1, "reference": "a", "prediction": "b", "patient": null}]',
        "the patient must be",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_in_words(tmp_path, case):
    text, message = BAD[case]
    (tmp_path / "pairs.x").write_text(text, "utf-8")
    with pytest.raises(InputError) as refusal:
        read_pairs(tmp_path / "pairs.x")
    assert message in str(refusal.value)
    assert str(refusal.value).startswith(str(tmp_path / "pairs.x"))


NOTES = {
    "another name": ("study_id,reference,prediction\n1,a,b\n", ["column 'study_id' was taken for the id"]),
    "marks around a name": (
        '{"{id": "1", "reference": "a", "prediction": "b"}\n', ["column '{id' was taken for the id"]
    ),
    "ids with NULs": (
        "id,reference,prediction\n\0\x001,a,b\n2,a,b\n", ["spaces or marks around 1 of 2 ids were taken off"]
    ),
    "nothing to tell": ("ID,Reference, prediction\n1,a,b\n", []),
}  # fmt: skip


@pytest.mark.parametrize("case", NOTES)
def test_differences_between_the_file_and_what_was_read_are_reported(tmp_path, case):
    text, notes = NOTES[case]
    (tmp_path / "pairs.x").write_text(text, "utf-8")
    lines = []
    assert read_pairs(tmp_path / "pairs.x", lines.append)[0]["id"] == "1"
    assert lines == notes


def test_an_encoding_is_not_guessed(tmp_path):
    (tmp_path / "p.csv").write_bytes("id,reference,prediction\n1,3°,3°\n".encode("cp1252"))
    with pytest.raises(InputError, match="not UTF-8, but perhaps Windows-1252"):
        read_pairs(tmp_path / "p.csv")
    (tmp_path / "p.csv").write_bytes("id,reference,prediction\n1,3°,3°\n".encode("utf-16"))
    assert read_pairs(tmp_path / "p.csv") == [{"id": "1", "reference": "3°", "prediction": "3°"}]


def test_every_problem_is_named_in_one_pass(tmp_path):
    (tmp_path / "p.jsonl").write_text(
        '{"id": 1, "reference": "a", "prediction": 3}\n{"id": 1, "reference": 4, "prediction": "b"}\n'
    )
    with pytest.raises(InputError) as refusal:
        read_pairs(tmp_path / "p.jsonl")
    assert str(refusal.value).count("p.jsonl, line") == 3
    rows = "".join(f'{{"id": {i}, "reference": 0, "prediction": "b"}}\n' for i in range(30))
    (tmp_path / "p.jsonl").write_text(rows)
    with pytest.raises(InputError, match="and 10 more like these"):
        read_pairs(tmp_path / "p.jsonl")


@pytest.mark.parametrize("ages", [["82", ""], [82, None]])
def test_what_is_known_about_the_patient_is_kept(tmp_path, ages):
    frame = FRAME.assign(Age=pd.Series(ages, dtype=object), indication=["fall", "cough"])
    for name, data in (
        ("p.csv", csv(frame)),
        ("p.jsonl", frame.to_json(orient="records", lines=True).encode()),
    ):
        (tmp_path / name).write_bytes(data)
        rows = read_pairs(tmp_path / name)
        assert [(row["age"], row["indication"]) for row in rows] == [("82", "fall"), ("", "cough")]
        assert [p.context for p in as_pairs(rows, "clean")] == [
            (("Age", "82"), ("Indication", "fall")),
            (("Indication", "cough"),),
        ]
