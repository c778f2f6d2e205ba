"""The two text protocols."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.datasets.protocol import clean_report, clean_section
from evaluator.datasets.references import References
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.report import StudyReport
from evaluator.datasets.report_references import Reference, pair_texts


def reference(findings="Clear.", impression="Normal.", study="1"):
    return Reference(study, findings, impression, "p", {})


def report(findings="Clear.", impression="Normal."):
    return StudyReport(findings, impression)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ""),
        ("", ""),
        ("None", ""),
        ("nan", ""),
        ("Findings: None", ""),
        (" Clear.\n\tNo  effusion. ", "Clear. No effusion."),
        ("FINDINGS: Clear.", "Clear."),
        ("Impression : Normal.", "Normal."),
        ("Conclusion: Normal.", "Normal."),
        ("cafe\u0301", "caf\u00e9"),
        ("THE LUNGS ARE CLEAR. NO EFFUSION.", "The lungs are clear. No effusion."),
        ("1. NO ACUTE DISEASE. 2. STABLE HEART.", "1. No acute disease. 2. Stable heart."),
        ("NAD.", "NAD."),
        ("XXXX XXXX.", "XXXX XXXX."),
        ("THE XXXX LUNGS ARE CLEAR.", "The XXXX lungs are clear."),
        ("There is ___ seen on AP view.", "There is ___ seen on AP view."),
    ],
)
def test_clean_section(text, expected):
    assert clean_section(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Findings: Clear.  Impression: Normal.", "Findings: Clear. Impression: Normal."),
        ("FINDINGS:Clear.IMPRESSION:Normal.", "Findings: Clear. Impression: Normal."),
        ("Findings: Clear.", "Clear."),
        ("Clear lungs.", "Clear lungs."),
    ],
)
def test_clean_report(text, expected):
    assert clean_report(text) == expected


@pytest.mark.parametrize(
    ("ref", "pred", "track", "protocol", "expected"),
    [
        (reference(), report(), "findings", "compat", ("Clear.", "Clear.")),
        (reference(" A\nb "), report("x  y"), "findings", "compat", (" A\nb ", "x  y")),
        (reference(" A\nb "), report("x  y"), "findings", "clean", ("A b", "x y")),
        (reference(), report(), "report", "compat", ("Findings: Clear. Impression: Normal.",) * 2),
        (
            reference(None),
            report(),
            "report",
            "compat",
            ("Findings: None Impression: Normal.", "Findings: Clear. Impression: Normal."),
        ),
        (reference(None), report(), "report", "clean", ("Impression: Normal.", "Impression: Normal.")),
        (reference("Clear.", None), report(), "report", "clean", ("Findings: Clear.", "Findings: Clear.")),
        (reference(), report("", ""), "report", "clean", ("Findings: Clear. Impression: Normal.", "")),
        (
            reference(),
            report("", "Normal."),
            "report",
            "clean",
            ("Findings: Clear. Impression: Normal.", "Impression: Normal."),
        ),
    ],
)
def test_pair_texts(ref, pred, track, protocol, expected):
    assert pair_texts(ref, pred, track, protocol) == expected


def pairs_of(references, reports, track):
    return References(get_dataset("sandbox"), references, "d").pairs(reports, track, "clean")


def test_a_missing_study_is_compared_with_an_empty_text():
    references = {"b": reference(study="b"), "a": reference(study="a")}
    pairs = pairs_of(references, {"b": report()}, "findings")
    assert [(p.id, p.reference, p.prediction) for p in pairs] == [
        ("a", "Clear.", ""),
        ("b", "Clear.", "Clear."),
    ]


def test_studies_without_a_reference_in_the_track_are_left_out():
    references = {"a": reference(None, study="a"), "b": reference(study="b")}
    assert [p.id for p in pairs_of(references, {}, "findings")] == ["b"]
    assert [p.id for p in pairs_of(references, {}, "report")] == ["a", "b"]
    assert [p.id for p in pairs_of(references, {}, "impression")] == ["a", "b"]
    assert pairs_of({"a": reference(impression=None)}, {}, "impression") == []


@pytest.mark.parametrize("protocol", ["clean", "compat"])
def test_the_impression_track_compares_impressions_alone(protocol):
    impression = StudyReport(impression="IMPRESSION: Normal.")
    plain = ("Normal.", "Normal." if protocol == "clean" else "IMPRESSION: Normal.")
    assert pair_texts(reference(impression="Normal."), impression, "impression", protocol) == plain
    assert pair_texts(reference(None, impression="Normal."), report("x", "y"), "impression", protocol) == (
        "Normal.",
        "y",
    )


@given(st.text())
def test_clean_is_idempotent_on_whitespace_and_never_fails(text):
    once = clean_section(text)
    assert once == " ".join(once.split())
    assert "\n" not in once
