"""What the publisher recomputes: forged texts, references, history, BLEU-2, and files that expand when read."""

from __future__ import annotations

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluator.core.files import dump_json, write_text
from evaluator.core.problems import RexrankError
from evaluator.core.typed import view
from evaluator.datasets.registry import get_dataset
from evaluator.github.bundle import check_bundle
from evaluator.github.recompute import objection_to_references, objection_to_texts, read_scores
from evaluator.scoring.case_texts import CASES_SCHEMA, CaseTexts
from evaluator.scoring.records import Board

WORDS = "quillwort text of a reference"
PLACE = "cases/sandbox/{}/strangers__careful.json"
TRUTH = "cases/sandbox/{}/references.json"
STUDIES = "studies/sandbox/findings/strangers__careful.parquet"


@pytest.fixture
def main(refreshed):
    """The checkout of main that belongs to the bundle."""
    return refreshed.parent / "clone"


def refused(bundle, main, why):
    with pytest.raises(RexrankError, match=why) as error:
        check_bundle(bundle, main)
    assert WORDS not in str(error.value)


def test_the_real_bundle_is_what_main_gives(bundle, main):
    assert check_bundle(bundle, main)


@pytest.mark.parametrize("track", ["findings", "report"])
@pytest.mark.parametrize(
    ("place", "why"),
    [(PLACE, "main's submission does not"), (TRUTH, "the references on main")],
)
def test_no_text_is_published_that_main_does_not_give(bundle, main, track, place, why):
    path = bundle / place.format(track)
    value = json.loads(path.read_text())
    value["texts"][sorted(value["texts"])[3]] = WORDS
    write_text(path, dump_json(value))
    refused(bundle, main, why)


def texts(dataset, by_study):
    return CaseTexts(
        schema=CASES_SCHEMA,
        dataset=dataset,
        track="findings",
        protocol="clean",
        references_sha256="0",
        texts=by_study,
    )


def test_texts_of_a_model_that_main_does_not_have_are_refused():
    board = Board(get_dataset("sandbox"), "findings")
    assert "does not have" in (objection_to_texts(texts("sandbox", {}), board, None) or "")


def test_references_of_other_datasets_are_compared_with_mains(tmp_path):
    board = Board(get_dataset("iu-xray"), "findings")
    value = texts("iu-xray", {"a": "x"})
    assert objection_to_references(value, board, tmp_path) is None
    write_text(tmp_path / "leaderboard/cases/iu-xray/findings/references.json", dump_json(view(value)))
    assert objection_to_references(value, board, tmp_path) is None
    assert "differs from main's" in (
        objection_to_references(texts("iu-xray", {"a": WORDS}), board, tmp_path) or ""
    )


@pytest.mark.parametrize("field", ["id", "name"])
def test_the_history_names_what_main_knows(bundle, main, field):
    path = bundle / "history.jsonl"
    event = json.loads(path.read_text().splitlines()[0])
    event[field] = "strangers/nobody" if field == "id" else WORDS
    path.write_text(path.read_text() + json.dumps(event) + "\n")
    refused(bundle, main, "main does not have")


def test_bleu_is_recomputed(bundle, main):
    """Same mean, other studies: only the texts reveal it."""
    frame = pd.read_parquet(bundle / STUDIES)
    frame.assign(bleu_2=frame["bleu_2"].to_numpy()[::-1]).to_parquet(bundle / STUDIES, index=False)
    refused(bundle, main, "a BLEU-2 that does not match")


def swollen(path, n):
    """A few bytes that expand to many: one long text, stored once."""
    table = pa.table({"study_id": pa.array(["x" * 400_000] * n), "bleu_2": pa.array([0.5] * n)})
    pq.write_table(table, path, compression="zstd")


def test_a_file_that_expands_too_far_is_not_read(tmp_path):
    path = tmp_path / "x.parquet"
    swollen(path, 60)
    assert path.stat().st_size < 100_000
    with pytest.raises(RexrankError, match=r"long text|more than"):
        read_scores(path, 60, 8)


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"study_id": ["a", "b", "c"]}),
        pa.table({"study_id": [["a"], ["b"]]}),
        pa.table({"study_id": [b"a", b"b"]}),
        pa.table({f"c{i}": ["a", "b"] for i in range(9)}),
        pa.Table.from_arrays([pa.array([0.1, 0.2]), pa.array([0.3, 0.4])], ["bleu_2", "bleu_2"]),
    ],
    ids=["rows", "lists", "bytes", "columns", "a name twice"],
)
def test_other_rows_columns_and_types_are_not_read(tmp_path, table):
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(RexrankError, match="other"):
        read_scores(tmp_path / "x.parquet", 2, 8)
