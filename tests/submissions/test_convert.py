"""Predictions in other formats, in the spellings that real files use."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.work import calls, grows_in_proportion

from evaluator.core.problems import RexrankError
from evaluator.datasets.report import StudyReport, dump_predictions
from evaluator.submissions.convert import convert, split_report


@pytest.mark.parametrize(
    ("text", "findings", "impression"),
    [
        ("Findings: a. Impression: b.", "a.", "b."),
        ("Findings:a.Impression:b.", "a.", "b."),
        ("FINDINGS:\na.\n\nIMPRESSION:\nb.", "a.", "b."),
        ("Findings : a . Impression : b .", "a .", "b ."),
        ("**Findings**: a **Impression**: b", "a", "b"),
        ("## FINDINGS: a\n## IMPRESSION: b", "a", "b"),
        ("FINDINGS a. IMPRESSION b", "a.", "b"),
        ("a. CONCLUSION: b", "a.", "b"),
        ("Impression: b. Findings: a.", "a.", "b."),
        ("FINDINGS AND IMPRESSION: a.", "a.", None),
        ("FINDINGS/IMPRESSION: a.", "a.", None),
        ("Findings and Impression: a. Impression: b.", "a.", "b."),
        ("IMPRESSION\nb\nFINDINGS\na", "a", "b"),
        ("<b>Findings:</b> a <b>Impression:</b> b", "a", "b"),
        ("[FINDINGS] a [IMPRESSION] b", "a", "b"),
        ("Findings\uff1aa\u3002Impression\uff1ab", "a\u3002", "b"),
        ("INDICATION: cough. FINDINGS: a. IMPRESSION: b.", "a.", "b."),
        ("FINAL REPORT\nFINDINGS: a\nIMPRESSION: b", "a", "b"),
        ("Heart normal. Other findings: a. Impression: b.", "Heart normal. Other findings: a.", "b."),
        ("NO IMPRESSION ON THE TRACHEA.", "NO IMPRESSION ON THE TRACHEA.", None),
        ("FINDINGS: A. IMPRESSION: B.", "A.", "B."),
        ("The heart makes an impression on the lung.", "The heart makes an impression on the lung.", None),
        ("Findings are normal.", "Findings are normal.", None),
        ("Impression: b.", "", "b."),
        ("", "", None),
    ],
)
def test_split(text, findings, impression):
    parts = split_report(text)
    assert (parts.findings, parts.impression) == (findings, impression)


@given(st.text())
def test_split_never_fails_and_invents_nothing(text):
    parts = split_report(text)
    assert parts.findings in text
    assert parts.impression is None or parts.impression in text


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_rexrank_json_leaves_the_references_behind(tmp_path):
    source = write(
        tmp_path / "p.json",
        {
            "b": {"model_prediction": "Findings: x Impression: y", "section_findings": "secret"},
            "a": {"model_prediction": None},
        },
    )
    done = convert(source)
    assert done.reports == {"b": StudyReport("x", "y"), "a": StudyReport("", "")}
    assert "secret" not in dump_predictions(done.reports)
    assert done.notes == (
        "1 reports split into findings and impression",
        "1 reports had no impression header; their whole text is findings, their impression empty (first: a)",
        "1 studies have no report; they are empty and score worst (first: a)",
    )


def test_csv_with_quotes_and_lines(tmp_path):
    source = write(tmp_path / "p.csv", 'study_id,report\n1,"a, ""b""\nc"\n2,d\n')
    done = convert(source)
    assert done.reports == {"1": StudyReport('a, "b"\nc'), "2": StudyReport("d")}
    assert done.notes == ("no impression header in any of 2 reports: they enter the findings track only",)


def test_csv_with_two_columns(tmp_path):
    done = convert(write(tmp_path / "p.csv", "id,findings,impression\n1,a,b\n"))
    assert done.reports == {"1": StudyReport("a", "b")}


def test_jsonl(tmp_path):
    done = convert(
        write(
            tmp_path / "p.jsonl",
            '{"id": 7, "prediction": "a"}\n\n{"study_id": "8", "findings": "b", "impression": "c"}\n',
        )
    )
    assert done.reports == {"7": StudyReport("a", ""), "8": StudyReport("b", "c")}
    assert "1 reports had no impression header" not in done.notes


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.json", "{", "is not JSON"),
        ("p.json", "3", "wanted an object of studies"),
        ("p.json", "{}", "holds no study"),
        ("p.json", "[{}]", "entry 1: no study id"),
        ("p.json", '{"a": "x", "a": "y"}', "the key 'a' stands twice in one object"),
        ("p.json", '{"\\ud83d": "x"}', "the study id holds half of a character"),
        ("p.json", {"a": {"findings": "x", "impression": 3}}, "the prediction is int, not a text"),
        ("p.json", "[" * 100_000, "is not JSON"),
        ("p.jsonl", '{"id": true, "report": "x"}', "line 1: no study id"),
        ("p.csv", "study_id,report\na,b,c\n", "line 2: more cells than columns"),
        ("p.csv", "study_id,report\n,b\n", "line 2: the study id is empty"),
        ("p.csv", "report,study_id\nb\n", "line 2: the study id is empty"),
        ("p.csv", "study_id;report\na;b\n", "separated by commas; found 'study_id;report'"),
        ("p.csv", "", "wanted a header"),
        ("p.json", {"a": {"section_findings": "x", "report": "y"}}, "study a: no prediction found"),
        ("p.json", {"a": {"model_prediction": 3}}, "the prediction is int, not a text"),
        ("p.jsonl", '{"prediction": "x"}', "line 1: no study id"),
        ("p.jsonl", "x", "line 1 is not JSON"),
        (
            "p.jsonl",
            '{"id": "1", "report": "a"}\n{"id": "1", "report": "b"}',
            "the study '1' was there before",
        ),
        ("p.csv", "a,b\n1,2\n", "wanted a header with study_id and report"),
        ("p.txt", "x", "wanted a .json, .csv or .jsonl file"),
    ],
)
def test_what_cannot_be_read_gives_a_sentence(tmp_path, name, content, message):
    with pytest.raises(RexrankError, match=message):
        convert(write(tmp_path / name, content))


def test_missing_and_damaged_files(tmp_path):
    with pytest.raises(RexrankError, match="cannot read"):
        convert(tmp_path / "none.json")
    (tmp_path / "p.json").write_bytes(b"\xff\xfe")
    with pytest.raises(RexrankError, match="not UTF-8"):
        convert(tmp_path / "p.json")


def test_what_could_not_be_split_or_was_left_out_is_said(tmp_path):
    rows = {
        "a": "INDICATION: cough. FINDINGS: x. IMPRESSION: y.",
        "b": "x \ud83d IMPRESSION: y.",
        "c": "clear",
        "d": {"findings": "x"},
    }
    done = convert(write(tmp_path / "p.json", rows))
    assert done.reports == {
        "a": StudyReport("x.", "y."),
        "b": StudyReport("x \ufffd", "y."),
        "c": StudyReport("clear", ""),
        "d": StudyReport("x", ""),
    }
    assert done.notes == (
        "2 reports split into findings and impression",
        "1 reports had no impression header; their whole text is findings, their impression empty (first: c)",
        "1 studies had no impression; it is empty (first: d)",
        "1 reports had other sections before the findings; these are left out (first: a)",
        "1 reports held halves of characters, now U+FFFD (first: b)",
    )


def test_a_list_of_entries(tmp_path):
    done = convert(write(tmp_path / "p.json", [{"study_id": "a", "report": "x"}, {"id": 2, "text": None}]))
    assert done.reports == {"a": StudyReport("x"), "2": StudyReport("")}


@pytest.mark.parametrize("unit", ["*", "findings ", "[", " ", "\n", "a.", "<b>", "IMPRESSION", "Findings:"])
def test_splitting_takes_work_in_proportion_to_any_text(unit):
    """A pattern that grew with the square would not end at two million characters."""

    def work(size):
        text = unit * (size // len(unit))
        return calls(lambda: split_report(text))

    assert grows_in_proportion(work, 100_000)
    split_report(unit * (2_000_000 // len(unit)))


def test_a_converted_file_is_converted_to_itself(tmp_path):
    reports = {"b": StudyReport("x\n\u2028", "y"), "a": StudyReport("Impression: z", "")}
    text = dump_predictions(reports)
    done = convert(write(tmp_path / "p.json", text))
    assert dump_predictions(done.reports) == text


REPORTS = st.dictionaries(
    st.text(min_size=1, max_size=6),
    st.builds(StudyReport, st.text(max_size=9), st.text(max_size=9)),
    max_size=5,
)


@given(REPORTS)
def test_dump_and_read_again(reports):
    text = dump_predictions(reports)
    body = json.loads(text)
    assert {k: StudyReport(v["findings"], v["impression"]) for k, v in body.items()} == reports
    assert list(body) == sorted(body)
    assert text.count("\n") == max(len(reports), 1) + 2
