"""Every quirk of ReXrank's public data files."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.core.problems import RexrankError
from evaluator.core.typed import view
from evaluator.datasets.references import (
    Planted,
    age_group,
    check_references,
    load_references,
    manifest,
    parse_references,
)
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.report_references import section

SMALL = get_dataset("mimic-cxr").model_copy(update={"n_studies": 2, "tracks": {"findings": 1, "report": 2}})


def parse(studies, dataset=SMALL):
    return parse_references(dataset, json.dumps(studies).encode())


@pytest.mark.parametrize(
    "value", [None, float("nan"), "", "  ", "None", "none.", "nan", "NaN", "/", 3, [], {}]
)
def test_every_spelling_of_missing(value):
    assert section(value) is None


def test_sections_keep_their_raw_text():
    assert section(" Clear.\nNo effusion. ") == " Clear.\nNo effusion. "


def test_bare_nan_tokens_are_read():
    data = b'{"1": {"section_findings": NaN, "section_impression": "Normal.", "subject_id": 7}, "2": {}}'
    references = parse_references(SMALL, data)
    assert references.studies["1"].findings is None
    assert references.studies["1"].impression == "Normal."
    assert references.studies["1"].patient == "7"
    assert references.studies["2"].patient == "2"


def test_tracks_count_what_can_be_scored():
    references = parse(
        {"1": {"section_findings": "Clear.", "subject_id": 1}, "2": {"section_impression": "Normal."}}
    )
    report = check_references(references)
    assert report.tracks == {"findings": 1, "report": 2}
    assert report.problems == ()


def test_wrong_counts_are_reported():
    report = check_references(parse({"1": {"section_findings": "Clear."}}))
    assert report.problems == (
        "1 study found, 2 wanted",
        "1 study with a reference in the findings + impression track, 2 wanted",
    )


@pytest.mark.parametrize(
    ("value", "context", "expected"),
    [
        (77.0, "", "65-79"),
        (float("nan"), "Age:77.0.Gender:F.", "65-79"),
        (None, "Age:50-60.Gender:M.Indication: pain", "40-64"),
        (None, "Age:20-Oct.Gender:M", None),
        (None, "Age:None.", None),
        (17, "", "<18"),
        (18, "", "18-39"),
        (200, "", None),
        (True, "", None),
        (None, "", None),
    ],
)
def test_ages(value, context, expected):
    assert age_group(value, context) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"frontal_lateral": ["Frontal", "Lateral"]}, {"view": "frontal+lateral"}),
        ({"frontal_lateral": ["Frontal"], "image_path": ["a", "b"]}, {"view": "frontal"}),
        ({"frontal_lateral": [float("nan")]}, {}),
        ({"ap_pa": "AP", "sex": "Female", "race": "White"}, {"view": "AP", "sex": "F", "race": "White"}),
        (
            {"context": "Age:50-60.Gender:M.Indication: painComparison: None."},
            {"sex": "M", "age_group": "40-64", "prior": "no"},
        ),
        ({"context": "Comparison: ___."}, {"prior": "yes"}),
        ({"context": float("nan"), "sex": "Unknown"}, {}),
    ],
)
def test_subgroups_that_can_be_read(fields, expected):
    assert parse({"1": fields}).studies["1"].subgroups == expected


@pytest.mark.parametrize("data", [b"\xff", b"{", b"[]", b'{"1": "text"}', b"[" * 100_000])
def test_an_invalid_reference_file_gives_a_sentence(data):
    with pytest.raises(RexrankError):
        parse_references(SMALL, data, name="refs.json")


def test_the_wrong_split_is_refused():
    with pytest.raises(RexrankError, match="not the 590 of iu-xray"):
        parse_references(get_dataset("iu-xray"), b'{"1": {}}')


def test_missing_file_says_how_to_get_it(tmp_path):
    with pytest.raises(RexrankError, match="Open-i"):
        load_references(get_dataset("iu-xray"), tmp_path)
    with pytest.raises(RexrankError, match="REXRANK_REFERENCES"):
        load_references(get_dataset("iu-xray"), None)


def test_manifest_holds_ids_and_no_text():
    references = parse({"b": {"section_findings": "secret words"}, "a": {}})
    body = view(manifest(references))
    assert body["ids"] == ["a", "b"]
    assert "secret" not in json.dumps(body)


def test_sandbox_ships_with_the_package():
    references = load_references(get_dataset("sandbox"), None)
    assert check_references(references).problems == ()
    assert len({r.patient for r in references.studies.values()}) >= 30


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5).filter(str.strip),
        st.dictionaries(
            st.sampled_from(["section_findings", "context", "age", "frontal_lateral", "sex", "subject_id"]),
            st.none() | st.floats() | st.text(max_size=9) | st.lists(st.text(max_size=3)),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_no_study_breaks_the_loader(studies):
    if any(isinstance(fields.get("subject_id"), list) for fields in studies.values()):
        with pytest.raises(RexrankError, match="subject_id"):
            parse(studies)
    else:
        assert set(parse(studies).studies) == set(studies)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": {}, "a": {"section_findings": "x"}}', "the key 'a' appears twice"),
        ('{"a": {"age": 1, "age": 2}}', "the key 'age' appears twice"),
        ("{}", "must be an object of studies"),
        ('{" ": {}}', "a study has no id"),
        ('{"a": {"section_findings": "\\ud83d"}}', "a lone surrogate"),
        ('{"a": {"subject_id": [1]}}', "the subject_id of 'a' is neither a text nor a number"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_a_damaged_file_is_refused_with_its_place(text, said):
    with pytest.raises(RexrankError, match=re.escape(said)):
        parse_references(get_dataset("mimic-cxr"), text.encode(), "refs/mimic-cxr.json")


@pytest.mark.parametrize("patient", [None, "", "nan", float("nan"), float("inf")])
def test_unknown_patients_are_not_one(patient):
    studies = parse({"a": {"subject_id": patient}, "b": {"subject_id": patient}}).studies
    assert [s.patient for s in studies.values()] == ["a", "b"]


def test_planted_items_are_read_next_to_the_references(tmp_path):
    dataset = get_dataset("iu-xray")
    studies = {f"s{i}": {"section_findings": "Clear."} for i in range(2)}
    bare = dataset.model_copy(update={"ids_digest": None})
    (tmp_path / "iu-xray.json").write_text(json.dumps(studies))
    assert load_references(bare, tmp_path).planted == Planted()
    path = tmp_path / "iu-xray.planted.json"
    path.write_text(json.dumps({"strings": ["a-b"], "swapped": ["s1"]}))
    assert load_references(bare, tmp_path).planted == Planted(strings=("a-b",), swapped=("s1",))
    for bad in ("{", "[]", '{"strings": "a"}', '{"strings": [""]}', '{"other": []}'):
        path.write_text(bad)
        with pytest.raises(RexrankError, match=r"planted\.json"):
            load_references(bare, tmp_path)
