"""The two text protocols."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.datasets.protocol import clean_report, clean_section, make_pairs, pair_texts
from evaluator.datasets.references import Reference


def reference(findings="Clear.", impression="Normal.", study="1"):
    return Reference(study, findings, impression, "p", {})


def report(findings="Clear.", impression="Normal."):
    return SimpleNamespace(findings=findings, impression=impression)


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


def test_a_study_the_submission_lacks_is_compared_with_nothing():
    references = {"b": reference(study="b"), "a": reference(study="a")}
    pairs = make_pairs(references, {"b": report()}, "findings", "clean")
    assert pairs == [("a", "Clear.", ""), ("b", "Clear.", "Clear.")]


def test_studies_without_a_reference_in_the_track_are_left_out():
    references = {"a": reference(None), "b": reference()}
    assert [p[0] for p in make_pairs(references, {}, "findings", "clean")] == ["b"]
    assert [p[0] for p in make_pairs(references, {}, "report", "clean")] == ["a", "b"]


@given(st.text())
def test_clean_is_idempotent_on_whitespace_and_never_fails(text):
    once = clean_section(text)
    assert once == " ".join(once.split())
    assert "\n" not in once
