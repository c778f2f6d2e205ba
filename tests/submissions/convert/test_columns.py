"""Never the reference: every table with a reference next to the prediction, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json

import pytest

from .conftest import PREDICTED, REFERENCE, STUDIES

A, B = STUDIES
P, R = PREDICTED, REFERENCE

# Columns besides `study_id` in order, with their contents; the column that is taken, or None for a refusal.
TABLES = [
    ({"report": R, "generated_report": P}, "generated_report"),
    ({"generated_report": P, "report": R}, "generated_report"),
    ({"text": R, "pred": P}, "pred"),
    ({"findings": R, "prediction": P}, "prediction"),
    ({"findings": R, "impression": R, "prediction": P}, "prediction"),
    ({"report": P, "ground_truth": R}, "report"),
    ({"ground_truth": R, "report": P}, "report"),
    ({"report": P, "reference": R}, "report"),
    ({"report": P, "target": R}, "report"),
    ({"report": P, "label": R}, "report"),
    ({"text": P, "labels": R}, "text"),
    ({"report": P, "gt_report": R}, "report"),
    ({"report": P, "Ground Truth": R}, "report"),
    ({"report": P, "groundTruth": R}, "report"),
    ({"REFERENCE": R, "PREDICTION": P}, "PREDICTION"),
    ({"gts": R, "res": P}, "res"),
    ({"refs": R, "hyps": P}, "hyps"),
    ({"reference_report": R, "predicted_report": P}, "predicted_report"),
    ({"ground_truth_report": R, "generated_report": P}, "generated_report"),
    ({"section_findings": R, "section_impression": R, "model_prediction": P}, "model_prediction"),
    ({"section_findings": R, "findings": P}, "findings"),
    ({"original_report": R, "report": P}, "report"),
    ({"output": P, "label": R}, "output"),
    ({"predict": P, "label": R, "prompt": "Describe the image in detail."}, "predict"),
    ({"prediction": P, "indication": "cough for three days", "comparison": "none of these"}, "prediction"),
    ({"prediction": P, "split": "test"}, "prediction"),
    ({"prediction": P, "correct": "true"}, "prediction"),
    ({"prediction": P, "notes": "seen by a resident today"}, "prediction"),
    ({"report": P, "model": "m"}, "report"),
    ({"report": P, "generated_tokens": 12}, "report"),
    # unclear which one
    ({"report": R, "text": P}, None),
    ({"report": R, "output": P}, None),
    ({"findings": R, "report": P}, None),
    ({"findings": R, "impression": R, "report": P}, None),
    ({"report": R, "my_model": P}, None),
    ({"report": R, "answer": P}, None),
    ({"prediction": R, "generated": P}, None),
    ({"report_pred": R, "prediction": P}, None),
    ({"model_a": R, "model_b": P}, None),
    ({"report": R, "caption": P}, None),
    ({"report": R, "split": "test"}, None),
    ({"report": R, "image_path": "a.png", "split": "test"}, None),
    ({"findings": R, "impression": R, "subset": "test"}, None),
    ({"impression": P}, None),
    ({"report": R, "prediction": 1}, None),
    ({"report": R, "pred": 0.7}, None),
    # no prediction at all
    ({"section_findings": R, "section_impression": R, "report": R}, None),
    ({"section_findings": R, "report": R, "image_path": "a.png"}, None),
    ({"ground_truth": R}, None),
    ({"reference": R, "target": R}, None),
    ({"gt_findings": R, "gt_impression": R}, None),
    ({"label": R, "prediction": 1}, None),
    ({"true_report": R}, None),
]


def as_csv(columns):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["study_id", *columns])
    for study in STUDIES:
        writer.writerow([study, *columns.values()])
    return out.getvalue()


def as_lines(columns):
    return "".join(json.dumps({"study_id": s, **columns}) + "\n" for s in STUDIES)


def as_map(columns):
    return dict.fromkeys(STUDIES, columns)


@pytest.mark.parametrize(
    ("columns", "taken"), TABLES, ids=lambda v: "+".join(v) if isinstance(v, dict) else str(v)
)
@pytest.mark.parametrize("form", [as_csv, as_lines, as_map], ids=lambda f: f.__name__)
def test_the_reference_is_never_taken(door, form, columns, taken):
    code, words, reports = door(form(columns))
    if taken is None:
        assert (code, reports) == (1, None), words
        assert "-column" in words
        return
    assert (code, reports) == (0, {s: {"findings": P} for s in STUDIES}), words
    assert f"text: column '{taken}'" in words
    rest = words.partition("ignored columns: ")[2].partition("\n")[0]
    assert rest == ", ".join(f"'{c}'" for c in columns if c != taken), words


@pytest.mark.parametrize(
    ("columns", "taken"),
    [t for t in TABLES if t[1] is None],
    ids=lambda v: "+".join(v) if isinstance(v, dict) else "",
)
def test_a_named_column_is_taken(door, columns, taken):
    texts = [c for c, v in columns.items() if v == P]
    for name in texts:
        code, words, reports = door(as_csv(columns), text_column=name)
        assert (code, reports) == (0, {s: {"findings": P} for s in STUDIES}), words


def test_an_ambiguous_choice_names_the_file_the_columns_and_the_option(door, tmp_path):
    output = door(as_csv({"report": R, "my text": P}))[1]
    assert output == (
        f"rexrank: {tmp_path / 'predictions'}: more than one column may contain the prediction: 'report', 'my text'. One of them may be the reference, so none is used. Use --text-column report or --text-column 'my text'.\nNothing was written.\n"
    )


def test_two_columns_of_one_name(door):
    table = f"study_id,report,report\n{A},{P},{R}\n{B},{P},{R}\n"
    code, words, _ = door(table)
    assert code == 1
    assert "'report', 'report' (columns 2 or 3)" in words
    assert door(table, text_column="report")[0] == 1
    assert door(table, text_column="2")[2] == {s: {"findings": P} for s in STUDIES}
    assert door(table.replace("study_id,report,report", "study_id,Report,report"))[0] == 1
    assert door(table.replace("study_id,report,report", "study_id,report,report.1"))[0] == 1
    assert door(f'[{{"study_id": "{A}", "report": "{P}", "report": "{R}"}}]')[0] == 1
    table = f"study_id,x,x,report\n{A},1,2,{P}\n"
    assert door(table)[2] == {A: {"findings": P}}


@pytest.mark.parametrize(
    ("columns", "options", "words"),
    [
        (
            {"report": P},
            {"text_column": "reprot"},
            "--text-column: there is no column 'reprot'; there are: 'study_id', 'report'.",
        ),
        ({"report": P}, {"id_column": "x"}, "--id-column: there is no column 'x'"),
        ({"a": P, "b": P}, {"impression_column": "b"}, "--impression-column needs --findings-column"),
        (
            {"a": P, "b": P},
            {"text_column": "a", "findings_column": "b"},
            "--text-column is for whole reports",
        ),
        (
            {"a": P, "b": P},
            {"id_column": "a", "text_column": "b"},
            "no study id of iu-xray is in the column 'a'",
        ),
    ],
)
def test_options_that_do_not_fit(door, columns, options, words):
    code, text, _ = door(as_csv(columns), **options)
    assert code == 1
    assert words in text


def test_columns_of_sections_are_named(door):
    reports = door(as_csv({"a": "x", "b": "y", "report": R}), findings_column="a", impression_column="B")[2]
    assert reports == {s: {"findings": "x", "impression": "y"} for s in STUDIES}
    assert door(as_csv({"a": "x", "b": R}), findings_column="a")[2] == {s: {"findings": "x"} for s in STUDIES}


def test_a_reference_name_is_used_only_if_given_and_with_a_note(door):
    code, words, reports = door(as_csv({"label": P}), text_column="label")
    assert (code, reports) == (0, {s: {"findings": P} for s in STUDIES})
    assert "'label' looks like the name of a reference column, and was used because you named it" in words


def test_a_datasets_annotation_file_is_refused(door):
    rows = [{"id": s, "report": R, "image_path": [f"{s}/0.png"], "split": "test"} for s in STUDIES]
    for content in (rows, {"train": rows, "val": rows, "test": rows}, {"test": rows}):
        assert door(content)[0] == 1


@pytest.mark.parametrize(
    "content",
    [
        {"ground_truth": [{"id": A, "report": R}, {"id": B, "report": R}]},
        {"annotations": [{"id": A, "caption": R}]},
        {"references": {A: R, B: R}},
        {"meta": {"n": 2}, "gts": {A: R, B: R}},
        {"data": {"targets": [{"id": A, "report": R}]}},
        {"gts": {A: [R]}, "res": {A: [R]}},
        {"ground_truth": {A: R}},
    ],
    ids=str,
)
def test_a_wrapper_with_a_name_of_references_is_refused(door, content):
    code, words, reports = door(content)
    assert (code, reports) == (1, None)
    assert "references are never" in words


def test_a_study_in_a_list_of_one_object(door):
    rows = {s: [{"reference": R, "prediction": P}] for s in STUDIES}
    code, words, reports = door(rows)
    assert (code, reports) == (0, {s: {"findings": P} for s in STUDIES})
    assert "ignored columns: 'reference'" in words


def sandbox_references():
    from importlib import resources

    return json.loads(
        resources.files("evaluator.datasets.sandbox").joinpath("sandbox.json").read_text("utf-8")
    )


@pytest.mark.parametrize("name", ["report", "prediction"])
def test_references_under_any_name_are_known_by_their_words(door, tmp_path, name):
    references = sandbox_references()
    folder = tmp_path / "references"
    folder.mkdir()
    (folder / "sandbox.json").write_text(json.dumps(references))
    rows = [{"id": s, name: v["section_findings"]} for s, v in references.items()]
    code, words, _ = door(rows, dataset="sandbox", references=folder)
    assert code == 1
    assert f"'{name}' contains the references" in words
    shifted = [{"id": a["id"], name: b[name]} for a, b in zip(rows, rows[7:] + rows[:7], strict=True)]
    assert door(shifted, dataset="sandbox", references=folder)[0] == 0
