"""Splitting into sections: a table for each rule, and what holds for any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.submissions.convert.sections import split_report

RULES = {
    "a word and a colon": [
        ("Findings: a. Impression: b.", "a.", "b."),
        ("Findings:a.Impression:b.", "a.", "b."),
        ("FINDINGS:\na.\n\nIMPRESSION:\nb.", "a.", "b."),
        ("Findings : a . Impression : b .", "a .", "b ."),
        ("FINDINGS : Lungs clear. IMPRESSION : Normal.", "Lungs clear.", "Normal."),
        ("findings : the lungs are clear . impression : no acute disease .", "the lungs are clear .", "no acute disease ."),
        ("Findings\uff1aa\u3002Impression\uff1ab", "a\u3002", "b"),
        ("a. CONCLUSION: b", "a.", "b"),
        ("FINDINGS: A. IMPRESSION: B.", "A.", "B."),
        ("The lungs are clear Impression: Normal", "The lungs are clear", "Normal"),
        ("1. Findings: a.\n2. Impression: b.", "a.", "b."),
        ("Findings: a.\nImpression and Recommendations: b.", "a.", "b."),
        ("Findings: a.\nImpression/Plan: b.", "a.", "b."),
    ],
    "a word alone": [
        ("IMPRESSION\nb\nFINDINGS\na", "a", "b"),
        ("Findings\na\nImpression\nb", "a", "b"),
        ("FINDINGS a. IMPRESSION b", "a.", "b"),
        ("FINDINGS\n\n- a\n- b\n\nIMPRESSION\n\n1. c", "- a\n- b", "1. c"),
    ],
    "a dash": [
        ("Findings - a. Impression - b.", "a.", "b."),
        ("Findings – a.\nImpression – b.", "a.", "b."),
        ("FINDINGS -- a.\nIMPRESSION -- b.", "a.", "b."),
        ("Findings - a.\nImpression: b.", "a.", "b."),
        ("Findings-based reading is normal.", "Findings-based reading is normal.", None),
    ],
    "markup": [
        ("**Findings**: a **Impression**: b", "a", "b"),
        ("**Findings:** a **Impression:** b", "a", "b"),
        ("**Findings:**\na\n\n**Impression:**\nb", "a", "b"),
        ("**Findings**\n\n- a\n\n**Impression**\n\n1. b", "- a", "1. b"),
        ("**Findings** a. **Impression** b.", "a.", "b."),
        ("__Findings:__ a\n__Impression:__ b", "a", "b"),
        ("*Findings:* a\n*Impression:* b", "a", "b"),
        ("***FINDINGS:*** a\n***IMPRESSION:*** b", "a", "b"),
        ("## FINDINGS: a\n## IMPRESSION: b", "a", "b"),
        ("### Findings\na\n### Impression\nb", "a", "b"),
        ("- **Findings:** a\n- **Impression:** b", "a", "b"),
        ("<b>Findings:</b> a <b>Impression:</b> b", "a", "b"),
        ("<h2>Findings</h2> a <h2>Impression</h2> b", "a", "b"),
        ("[FINDINGS] a [IMPRESSION] b", "a", "b"),
        ("Findings:\n- **Lungs:** clear\n\nImpression:\n- Normal", "- **Lungs:** clear", "- Normal"),
    ],
    "tags": [
        ("<findings>a</findings><impression>b</impression>", "a", "b"),
        ("<FINDINGS>\na\n</FINDINGS>\n<IMPRESSION>\nb\n</IMPRESSION>", "a", "b"),
        ("<report><findings>a</findings>\n<impression>b</impression></report>", "a", "b"),
        ("<impression>b</impression><findings>a</findings>", "a", "b"),
        ("<findings>a<impression>b", "a", "b"),
        ("<findings>a</findings>", "a", None),
        ("a\n<impression>b</impression>", "a", "b"),
        ('<findings lang="en">a</findings><impression>b</impression>', "a", "b"),
    ],
    "within a sentence it is no header; the last one wins": [
        ("Findings: a. Prior impression: x. Impression: b.", "a. Prior impression: x.", "b."),
        ("Indication: clinical impression: x. Findings: a. Impression: b.", "a.", "b."),
        ("Clinical impression: x.\nFindings: a.\nImpression: b.", "Clinical impression: x.\nFindings: a.", "b."),
        ("**Prior impression:** x. **Impression:** b.", "**Prior impression:** x.", "b."),
        ("Findings: a.\nPrevious Impression: x.\nImpression: b.", "a.\nPrevious Impression: x.", "b."),
        ("Findings: a. ED's Initial Impression: x. Impression: b.", "a. ED's Initial Impression: x.", "b."),
        ("Findings: a. The clinical impression: x was wrong. Impression: b.", "a. The clinical impression: x was wrong.", "b."),
        ("Unchanged since the prior impression: x.", "Unchanged since the prior impression: x.", None),
        ("The patient's Prior Impression: x. Lungs clear.", "The patient's Prior Impression: x. Lungs clear.", None),
        ("a. Other findings: b. Impression: c.", "a. Other findings: b.", "c."),
        ("NO IMPRESSION ON THE TRACHEA.", "NO IMPRESSION ON THE TRACHEA.", None),
        ("The heart makes an impression on the lung.", "The heart makes an impression on the lung.", None),
        ("Findings are normal.", "Findings are normal.", None),
        ("Findings: a. Impression: b. Findings: c. Impression: d.", "a. Impression: b. Findings: c.", "d."),
    ],
    "words that belong to a header": [
        ("a. Final Impression: b.", "a.", "b."),
        ("a. Overall impression: b.", "a.", "b."),
        ("Chest X-ray Findings: a. Radiological Impression: b.", "a.", "b."),
        ("**Key Findings:** a\n**Final Impression:** b", "a", "b"),
    ],
    "impression first": [
        ("Impression: b. Findings: a.", "a.", "b."),
        ("Impression: b.", "", "b."),
        ("COMPARISON: None.\nIMPRESSION: b.\nFINDINGS: a.", "a.", "b."),
    ],
    "both in one": [
        ("FINDINGS AND IMPRESSION: a.", "a.", None),
        ("FINDINGS/IMPRESSION: a.", "a.", None),
        ("Findings and Impression: a. Impression: b.", "a.", "b."),
    ],
    "other sections are left out": [
        ("INDICATION: cough. FINDINGS: a. IMPRESSION: b.", "a.", "b."),
        ("EXAMINATION: x. INDICATION: y. TECHNIQUE: z. COMPARISON: w. FINDINGS: a. IMPRESSION: b.", "a.", "b."),
        ("EXAMINATION: x\n\nINDICATION: y\n\nCOMPARISON: z\n\nThe lungs are clear.\n\nIMPRESSION: b.", "The lungs are clear.", "b."),
        ("Exam: x\nClinical history: y\nReason for exam: z\nFindings: a", "a", None),
        ("FINAL REPORT\nFINDINGS: a\nIMPRESSION: b", "a", "b"),
        ("**Technique:** PA view.\n**Findings:** a\n**Impression:** b", "a", "b"),
        ("FINDINGS: a. COMPARISON: 2019. IMPRESSION: b.", "a.", "b."),
        ("FINDINGS: a.\nTECHNIQUE: PA view.\nThe heart is normal.\nIMPRESSION: b.", "a.\nThe heart is normal.", "b."),
        ("FINDINGS: a. IMPRESSION: b. COMPARISON: None.", "a.", "b."),
        ("Findings: Comparison: 2019. Lungs clear. Impression: b.", "Lungs clear.", "b."),
        ("COMPARISON: None. The lungs are clear.", "The lungs are clear.", None),
        ("In comparison: no change. Views: two.", "In comparison: no change.", None),
        ("The technique is limited by rotation.", "The technique is limited by rotation.", None),
    ],
    "nothing": [("", "", None), (" \n", "", None), ("a", "a", None)],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "findings", "impression"), [(rule, *case)[1:] for rule, cases in RULES.items() for case in cases]
)
def test_split(text, findings, impression):
    parts = split_report(text)
    assert (parts.findings, parts.impression) == (findings, impression)


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("INDICATION: cough. FINDINGS: a. IMPRESSION: b.", "INDICATION: cough."),
        ("FINDINGS: a. COMPARISON: 2019. IMPRESSION: b.", "COMPARISON: 2019."),
        ("FINDINGS: a. IMPRESSION: b.", ""),
    ],
)
def test_what_is_left_out_is_known(text, left_out):
    assert split_report(text).left_out == left_out


WORDS = st.lists(
    st.sampled_from(
        ["Findings:", "Impression:", "FINDINGS", "impression", "**Impression**", "<findings>", "</findings>", "Technique:", "\n", "a.", "b", "Prior", "-", ":", "*", "[", "1."]
    ),
    max_size=20,
).map(" ".join)  # fmt: skip


@given(st.one_of(st.text(), WORDS))
def test_splitting_never_fails_and_invents_nothing(text):
    parts = split_report(text)
    rest = iter(text)
    findings = parts.findings if parts.impression is None else ""
    assert all(c.isspace() or c in rest for c in findings)
    assert set(f"{parts.findings}{parts.impression or ''}{parts.left_out}") <= set(text) | {" "}


@pytest.mark.parametrize(
    "unit",
    ["*", "findings ", "[", " ", "\n", "a.", "<b>", "IMPRESSION", "Findings:", "<think>", "<answer>", "<findings>", "</findings>", "report ", "Here is ", "**Impression:** ", "Technique: x. ", "```\n", "_", "# ", "sure "],
)  # fmt: skip
def test_splitting_takes_steps_in_proportion_to_the_text(unit):
    """No pattern backtracks: a text of 100,000 characters is split at all (a quadratic one would take hours)."""
    text = unit * (100_000 // len(unit))
    split_report(text)
