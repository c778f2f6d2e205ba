"""The report within a chat model's answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.submissions.convert.answers import answer_of

ANSWERS = [
    ("<think>Small heart?</think>Clear.", "Clear.", "thoughts"),
    ("<think>a</think>b<think>c</think>\nClear.", "Clear.", "thoughts"),
    ("thinking without a start</think>\nClear.", "Clear.", "thoughts"),
    ("<thinking>a</thinking>\n<answer>Clear.</answer>", "Clear.", "thoughts, tags of an answer"),
    ("<think>never ends", "", "thoughts without an end"),
    (
        "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Clear.",
        "Clear.",
        "thoughts",
    ),
    ("Here is the report:\n\nClear.", "Clear.", "an introduction"),
    ("Here's the radiology report for the chest X-ray:\n\nClear.", "Clear.", "an introduction"),
    ("Sure! Here is the report:\nClear.", "Clear.", "an introduction"),
    ("Certainly. Here are the findings based on the image:\nClear.", "Clear.", "an introduction"),
    ("Based on the provided chest X-ray, here is the report:\nClear.", "Clear.", "an introduction"),
    ("Below is the structured report.\n\nClear.", "Clear.", "an introduction"),
    ("**Here is the report:**\n\nClear.", "Clear.", "an introduction"),
    ("Here is the report:\n```\nClear.\n```", "Clear.", "an introduction, a code fence"),
    ("```\nClear.\n```", "Clear.", "a code fence"),
    ("Radiology Report:\nClear.", "Clear.", "a title"),
    ("**Chest X-ray Report**\n\nClear.", "Clear.", "a title"),
    ("# Final Report\nClear.", "Clear.", "a title"),
    ("Report: Clear.", "Clear.", "a title"),
    ("Here is the report:", "Here is the report:", ""),
    ("The report of 2019 is not here: clear.", "The report of 2019 is not here: clear.", ""),
    ("Here is a small nodule. Report to follow.", "Here is a small nodule. Report to follow.", ""),
    ("Heart < 50 % of the chest.", "Heart < 50 % of the chest.", ""),
    ("Clear.", "Clear.", ""),
]


@pytest.mark.parametrize(("text", "answer", "wrapped"), ANSWERS)
def test_the_report_within_an_answer(text, answer, wrapped):
    report = answer_of(text)
    assert (report.text, report.wrapped) == (answer, wrapped)


@given(st.text())
def test_an_answer_is_part_of_the_text(text):
    assert answer_of(text).text in text


@pytest.mark.parametrize(
    "unit", ["<think>", "<answer>", "report ", "Here is ", "```\n", "_", "# ", "sure ", " ", "\n"]
)
def test_answers_take_steps_in_proportion_to_the_text(unit):
    """No pattern backtracks: a text of 100,000 characters is read at all (a quadratic one would take hours)."""
    answer_of(unit * (100_000 // len(unit)))
