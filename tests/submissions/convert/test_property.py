"""The output of `convert` passes `validate`, and is the same for every format of the reports."""

from __future__ import annotations

import csv
import io
import json
from importlib import resources

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.packing import packed

from evaluator.datasets.registry import get_dataset
from evaluator.datasets.report import dump_predictions
from evaluator.datasets.sandbox.generate import submission_files
from evaluator.submissions.convert import Refused, convert
from evaluator.submissions.reading import validate_paths

IDS = sorted(
    json.loads(resources.files("evaluator.datasets.sandbox").joinpath("sandbox.json").read_text("utf-8"))
)
CARD = submission_files()["rexrank-sandbox/template/model.yaml"]

Rows = list[dict[str, str]]


def delimited(rows: Rows, separator=",", end="\n"):
    out = io.StringIO(newline="")
    # Quoted, because the csv module writes a bare carriage return unquoted, which counts as damage.
    writer = csv.DictWriter(
        out, list(rows[0]), delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL
    )
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def frame(rows: Rows):
    return pd.DataFrame(rows)


def parquet(rows: Rows):
    out = io.BytesIO()
    frame(rows).to_parquet(out)
    return out.getvalue()


def answers(rows: Rows):
    for row in rows:
        message = {"choices": [{"message": {"content": row["prediction"]}}]}
        yield {"custom_id": row["study_id"], "response": {"body": message}}


FORMATS = {
    "csv": lambda rows: delimited(rows).encode(),
    "csv, byte order mark": lambda rows: delimited(rows).encode("utf-8-sig"),
    "csv, crlf, utf-16": lambda rows: delimited(rows, end="\r\n").encode("utf-16"),
    "semicolons": lambda rows: delimited(rows, ";").encode(),
    "tabs": lambda rows: delimited(rows, "\t").encode(),
    "gzip": lambda rows: packed(delimited(rows).encode()),
    "map": lambda rows: json.dumps({r["study_id"]: r["prediction"] for r in rows}).encode(),
    "rexrank": lambda rows: json.dumps({r["study_id"]: {"model_prediction": r["prediction"]} for r in rows}).encode(),
    "list": lambda rows: json.dumps(rows, ensure_ascii=False).encode(),
    "lines": lambda rows: "\n".join(map(json.dumps, rows)).encode(),
    "wrapper": lambda rows: json.dumps({"data": rows}).encode(),
    "columns": lambda rows: json.dumps({c: {str(n): r[c] for n, r in enumerate(rows)} for c in rows[0]}).encode(),
    "lists of one": lambda rows: json.dumps({r["study_id"]: [r["prediction"]] for r in rows}).encode(),
    "batch": lambda rows: "\n".join(map(json.dumps, answers(rows))).encode(),
    "parquet": parquet,
    "paths": lambda rows: delimited([r | {"study_id": f"img/{r['study_id']}/0.png"} for r in rows]).encode(),
}  # fmt: skip

DEBRIS = st.sampled_from(
    ["\r\n", "\r", "\ufeff", "\u200b", "\u00ad", "\ufe0f", "\x00", "\u2028", "</s>", "<s>", "<unk>", "<pad>", "<eos>",
     "[PAD]", "<end_of_turn>", "<|im_end|>", "<image>", "\u202e", "\x07", "\ue000", "×", "•", "°", "µ", "肺野清晰", "\t",
     '"', '""', ",", ";", "'", "|", "\\", "{", "}", "[", "]", "None", "nan", "Findings:", "IMPRESSION:", "\n\n", "- ", "**",
     "<think>", "</think>", "Here is the report:\n", "Technique: PA.", "=", "#", "\n1. "]
)  # fmt: skip
PROSE = st.sampled_from(
    ["The lungs are clear.", "No effusion.", "Heart size is normal.", "small nodule", "Unchanged"]
)
HONEST = st.lists(st.one_of(PROSE, DEBRIS, PROSE), max_size=8).map(" ".join)
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def converted(tmp_path, content):
    source = tmp_path / "predictions"
    source.write_bytes(content)
    return convert(source, get_dataset("sandbox"), frozenset(IDS)).reports


def problems_of(tmp_path, reports):
    folder = tmp_path / "submissions" / "acme" / "m1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.yaml").write_text(CARD, "utf-8")
    (folder / "sandbox.json").write_text(dump_predictions(reports), "utf-8", newline="")
    return [p for p in validate_paths([folder], None).problems if p.severity == "error"]


def rows_of(texts):
    filled = [*texts, *["No acute findings."] * (len(IDS) - len(texts))]
    return [{"study_id": i, "prediction": t} for i, t in zip(IDS, filled, strict=True)]


@given(texts=st.lists(HONEST, min_size=1, max_size=20))
def test_honest_reports_with_debris_get_in_from_every_format(tmp_path, texts):
    rows = rows_of(texts)
    all_reports = {name: converted(tmp_path, write(rows)) for name, write in FORMATS.items()}
    first = all_reports["list"]
    assert set(first) == set(IDS)
    for name, reports in all_reports.items():
        assert reports == first, name
    assert problems_of(tmp_path, first) == []


@given(texts=st.lists(ANY, min_size=1, max_size=5), name=st.sampled_from(sorted(FORMATS)))
def test_any_text_is_written_so_that_it_validates_or_is_refused(tmp_path, texts, name):
    try:
        reports = converted(tmp_path, FORMATS[name](rows_of(texts)))
    except Refused:
        return
    assert problems_of(tmp_path, reports) == []


def damaged(name, at, patch):
    """A sound file of a format with a few bytes replaced."""
    data = FORMATS[name](rows_of(["a, b", 'c "d"']))
    return data[:at] + patch + data[at + 2 :]


PATCHED = st.builds(
    damaged, st.sampled_from(sorted(FORMATS)), st.integers(0, 400), st.binary(min_size=1, max_size=3)
)


@given(content=st.one_of(st.binary(max_size=200), PATCHED))
def test_any_bytes_are_read_or_refused(tmp_path, content):
    try:
        reports = converted(tmp_path, content)
    except Refused as error:
        failure = error
    else:
        failure = None
        assert reports
    assert failure is None or all(p and p.isprintable() for p in failure.problems)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_read(tmp_path, name):
    assert len(converted(tmp_path, FORMATS[name](rows_of([])))) == len(IDS)
