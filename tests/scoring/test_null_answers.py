"""Baselines of multiple choice: what each answers, the same on any machine, and what a biased dataset shows."""

from __future__ import annotations

import json

import pytest

from evaluator.datasets.answer import LETTERS
from evaluator.datasets.question_references import Question, read_question
from evaluator.datasets.sandbox.questions import questions_text
from evaluator.scoring.null_answers import (
    RULES,
    TITLES,
    longest,
    normality,
    null_answers,
    probe_answers,
    typicality,
)

QUESTIONS = {q: read_question(q, entry, "x") for q, entry in json.loads(questions_text()).items()}


def accuracy(row, questions=QUESTIONS):
    return sum(row[q].value == question.answer for q, question in questions.items()) / len(questions)


def made(n, options, right="B"):
    return {f"q{i}": Question(f"q{i}", right, "Presence Assessment", "s", "p", {}, options) for i in range(n)}


def test_every_row_answers_every_question():
    rows = null_answers(QUESTIONS, seed="sandbox-vqa|x")
    assert set(rows) == set(TITLES)
    for answers in rows.values():
        assert set(answers) == set(QUESTIONS)
        assert {a.value for a in answers.values()} <= set(LETTERS)
    for letter in LETTERS:
        constant = rows[f"always-{letter.lower()}"]
        assert {a.value for a in constant.values()} == {letter}
        assert accuracy(constant) == sum(q.answer == letter for q in QUESTIONS.values()) / len(QUESTIONS)


def test_the_same_seed_gives_the_same_rows_in_any_order():
    rows = null_answers(QUESTIONS, seed="a")
    assert null_answers(dict(reversed(QUESTIONS.items())), seed="a") == rows
    assert null_answers(QUESTIONS, seed="b")["random-answer"] != rows["random-answer"]


def test_a_random_answer_is_right_in_a_quarter_of_many_questions():
    questions = made(8_000, (), "C")
    row = null_answers(questions, seed="s")["random-answer"]
    assert accuracy(row, questions) == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / 8_000) ** 0.5)


def test_without_options_there_are_no_rules_that_read_them():
    assert set(null_answers(made(3, ()), seed="s")) == set(TITLES) - set(RULES)
    mixed = made(2, ()) | {
        "z": Question("z", "A", "Presence Assessment", "s", "p", {}, ("a", "bb", "c", "d"))
    }
    assert null_answers(mixed, seed="s")["longest-option"]["z"].value == "B"


RULE_CASES = [
    (longest, ("a", "bbb", "cc", "d"), "B"),
    (normality, ("Large pleural effusion", "Left lower lobe nodule", "No acute abnormality", "Edema"), "C"),
    (normality, ("No effusion, dense consolidation", "Clear lungs", "Fracture", "Mass"), "B"),
    (normality, ("Cardiomegaly and edema", "Cardiomegaly", "Edema, effusion", "Two nodules and a mass"), "B"),
    (typicality, ("left effusion", "right effusion", "small right effusion", "fracture"), "B"),
]


@pytest.mark.parametrize(("rule", "options", "letter"), RULE_CASES)
def test_the_option_that_each_rule_prefers(rule, options, letter):
    values = rule(options)
    assert LETTERS[values.index(max(values))] == letter


def test_ties_are_drawn_and_favour_no_letter():
    questions = made(4_000, ("aa", "bb", "cc", "dd"))
    for rule in RULES:
        row = null_answers(questions, seed="s")[rule]
        for letter in LETTERS:
            share = sum(a.value == letter for a in row.values()) / len(row)
            assert share == pytest.approx(0.25, abs=0.03)


def test_a_dataset_that_reveals_its_answers_is_exposed_by_a_rule():
    questions = made(50, ("mass", "no acute abnormality of any kind at all", "edema", "nodule"))
    rows = null_answers(questions, seed="s")
    assert accuracy(rows["longest-option"], questions) == accuracy(rows["normal-option"], questions) == 1.0


def test_the_sandbox_reveals_no_answer():
    rows = null_answers(QUESTIONS, seed="s")
    assert all(accuracy(row) < 0.45 for row in rows.values())


def test_the_probes_of_the_sanity_bands():
    probes = probe_answers(QUESTIONS, "s")
    assert accuracy(probes["itself"]) == 1.0
    assert accuracy(probes["empty"]) == 0.0
    assert 0.1 < accuracy(probes["shuffled"]) < 0.5
    assert all(a.empty for a in probes["empty"].values())
