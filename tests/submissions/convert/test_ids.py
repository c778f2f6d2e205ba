"""Which column has the ids and which study a cell means, with and without the dataset's list of ids."""

from __future__ import annotations

import json

import pytest

from evaluator.datasets.registry import get_dataset, ids_digest
from evaluator.submissions.convert.columns import Wanted
from evaluator.submissions.convert.ids import Matcher, describe_coverage, id_text, identify_studies
from evaluator.submissions.convert.table import MISSING, Refused, Row, Table

from .conftest import STUDIES

A, B = STUDIES
KNOWN = [A, B, "CXR106_IM-0042", "50414267", "55880001", "patient64541/study1"]

MEANT = [
    (A, A),
    (f" {A}\n", A),
    (A.lower(), A),
    ("cxr1004 im 5", A),
    (f"{A}.png", A),
    (f"{A}.nii.gz", A),
    (f"images/{A}.png", A),
    (f"{A}/0.png", A),
    (f"C:\\data\\{A}\\1.png", A),
    (f"/mnt/{A}/frontal/0.png", A),
    (f"{A}-1001", A),
    (f"{A}-0001-2001.png", A),
    (f"{A}_frontal", A),
    (f"{A}_PA.jpg", A),
    (f"{A}.view1", A),
    ([f"{A}/0.png", f"{A}/1.png"], A),
    ([f"{A}/0.png"], A),
    (50414267, "50414267"),
    (50414267.0, "50414267"),
    ("50414267.0", "50414267"),
    ("s50414267", "50414267"),
    ("files/p10/p10000032/s50414267/02aa804e-bde0afdd.dcm", "50414267"),
    ("patient64541/study1", "patient64541/study1"),
    # cells that identify no study
    ("CXR1004", None),
    ("CXR1004_IM", None),
    ("CXR1004_IM-00055", None),
    ("CXR10041_IM-0005", None),
    (f"{A}-rib-fracture", None),
    ([f"{A}/0.png", f"{B}/0.png"], None),
    ("", None),
    (None, None),
    (True, None),
    (float("nan"), None),
    (1.5, None),
    ({"a": A}, None),
    (MISSING, None),
    ("x" * 1_000, None),
]


@pytest.mark.parametrize(("cell", "study"), MEANT, ids=repr)
def test_the_study_a_cell_means(cell, study):
    assert Matcher(KNOWN)(cell) == study


def test_spellings_that_two_studies_share_mean_neither():
    assert Matcher(["a-01", "a_1"])("A 1") is None
    assert Matcher(["a-01", "a_1"])("a_1") == "a_1"


@pytest.mark.parametrize(
    ("cell", "text"), [(7, "7"), (7.0, "7"), (" a ", "a"), ("", None), (1e300, None), ([], None)]
)
def test_cells_as_ids(cell, text):
    assert id_text(cell) == text


def table(columns, rows):
    return Table(
        tuple(columns), tuple(Row(f"row {n}", tuple(r)) for n, r in enumerate(rows, start=1)), "a table"
    )


def small(n=2, digest=None):
    return get_dataset("mimic-cxr").model_copy(update={"n_studies": n, "ids_digest": digest})


def column_of(columns, rows, dataset=None, known=frozenset(), **wanted):
    match = identify_studies(table(columns, rows), dataset or small(), known, Wanted(**wanted))
    return columns[match.column], dict(match.studies)


UNKNOWN = [
    (["study_id", "x"], [["a", "t"], ["b", "t"]], "study_id", ["a", "b"]),
    (["x", "Study ID"], [["t t", "a"], ["t t", "b"]], "Study ID", ["a", "b"]),
    (["dicom_id", "report"], [["a", "t"], ["b", "t"]], "dicom_id", ["a", "b"]),
    (["subject_id", "study_id"], [[1, 10], [1, 11]], "study_id", ["10", "11"]),
    (["image_id", "id"], [["a", "x"], ["b", "x"]], "image_id", ["a", "b"]),
    (["(key)", "report"], [["a", "t"], ["b", "t"]], "(key)", ["a", "b"]),
    (["(key)", "study_id"], [["0", "a"], ["1", "b"]], "study_id", ["a", "b"]),
    (["case", "report"], [["a1", "long text"], ["a2", "long text"]], "case", ["a1", "a2"]),
    (["image_path"], [["p/s50414267/x.dcm"], ["p/s50414268/y.dcm"]], "image_path", ["x", "y"]),
    (["image_path"], [[["a/0.png"]], [["b/0.png"]]], "image_path", ["a", "b"]),
    (["study_id"], [["a.png"], ["b.png"]], "study_id", ["a", "b"]),
]


@pytest.mark.parametrize(("columns", "rows", "column", "studies"), UNKNOWN)
def test_ids_that_are_not_known_here(columns, rows, column, studies):
    assert column_of(columns, rows) == (column, dict(enumerate(studies)))


def test_the_digest_decides_between_columns_and_ways_to_read_a_path():
    rows = [["a", "p/s50414267/x.dcm"], ["b", "p/s50414268/y.dcm"]]
    digest = ids_digest(["50414267", "50414268"])
    dataset = small(2, digest)
    assert column_of(["image_path"], [r[1:] for r in rows], dataset)[1] == {0: "50414267", 1: "50414268"}
    dataset = small(2, ids_digest(["c", "d"]))
    assert column_of(["study_id", "id"], [["a", "c"], ["b", "d"]], dataset)[0] == "id"


@pytest.mark.parametrize(
    ("columns", "rows", "words"),
    [
        (["p", "q"], [["a1", "b1"], ["a2", "b2"]], "more than one column may contain the study ids: 'p', 'q'. Use --id-column NAME"),
        (["p", "q"], [["a b", "c d"], ["e f", "g h"]], "no column contains the study ids"),
        (["id", "ID"], [["a", "b"], ["c", "d"]], "two id columns have the same name"),
        (["study_id"], [["a/0.png"], ["a/1.png"], ["a/2.png"]], "the ids are paths"),
        (["study_id"], [["a"], [""]], "row 2: the study id is empty"),
        (["study_id"], [], "no rows"),
        ([], [[]], "no study id"),
    ],
)  # fmt: skip
def test_no_or_several_columns_of_ids(columns, rows, words):
    with pytest.raises(Refused) as failure:
        column_of(columns, rows)
    assert words in str(failure.value)


def test_a_named_column_of_ids():
    rows = [["a", "b"], ["c", "d"]]
    assert column_of(["id", "x"], rows, id="x") == ("x", {0: "b", 1: "d"})
    known = frozenset({"b", "d", "a"})
    assert column_of(["id", "x"], rows, known=known)[0] == "x"
    assert column_of(["id", "x"], rows, known=known, id="id")[0] == "id"


def test_coverage_in_words():
    iu = get_dataset("iu-xray")
    known = frozenset({"a", "b", "c"})
    assert describe_coverage(["a", "b", "c"], (), iu, known) == ["3 of 3 studies of iu-xray"]
    assert describe_coverage(["a", "b"], ("x",), iu, known) == [
        "2 of 3 studies; missing c (rexrank validate rejects the file until they are added)",
        "1 row left out, with an id that is not in iu-xray (first: x)",
    ]
    assert describe_coverage(["a", "b"], (), small(2), frozenset())[0].startswith(
        "2 studies, as many as mimic-cxr has;"
    )
    assert describe_coverage(["a"], (), small(2), frozenset())[0].startswith(
        "1 study, not the 2 that mimic-cxr has;"
    )
    words = describe_coverage(["a", "b"], (), small(2, ids_digest(["a", "b"])), frozenset())
    assert words == ["2 of 2 studies; the digest of their ids is the dataset's"]


def test_references_at_hand_give_the_ids_that_are_not_public(door, tmp_path):
    folder = tmp_path / "references"
    folder.mkdir()
    studies = {f"5{n:07}": {"section_findings": f"Finding {n}.", "section_impression": "x"} for n in range(3)}
    (folder / "mimic-cxr.json").write_text(json.dumps(studies))
    rows = [{"dicom": f"p10/s{i}/{n}.dcm", "pred": "Clear."} for n, i in enumerate(list(studies)[:2])]
    code, words, reports = door(rows, dataset="mimic-cxr", references=folder)
    assert (code, set(reports)) == (0, {"50000000", "50000001"})
    assert "2 of 3 studies; missing 50000002" in words
    code, words, reports = door([{"id": "a", "pred": "x"}], dataset="mimic-cxr")
    assert (code, set(reports)) == (0, {"a"})
    assert "1 study, not the 2,347 that mimic-cxr has" in words
