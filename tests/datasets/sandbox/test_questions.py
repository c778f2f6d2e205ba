"""The sandbox's questions: the same bytes from the same seed, five skills, the reports' patients, honest models."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from importlib import resources

from evaluator.datasets.answer import LETTERS
from evaluator.datasets.question_references import read_question
from evaluator.datasets.sandbox.questions import (
    DATASET,
    READERS,
    answers,
    answers_text,
    questions,
    questions_text,
)
from evaluator.datasets.sandbox.studies import references, studies
from evaluator.datasets.skills import SKILLS
from evaluator.submissions.answers import AnswerFile

READ = {q: read_question(q, entry, "sandbox-vqa.json") for q, entry in json.loads(questions_text()).items()}


def test_the_shipped_file_is_what_the_generator_writes():
    shipped = resources.files("evaluator.datasets.sandbox").joinpath(f"{DATASET}.json").read_text("utf-8")
    assert shipped == questions_text()
    assert questions_text(1) != questions_text()


def test_about_two_hundred_questions_of_five_uneven_skills():
    counts = Counter(q.skill for q in READ.values())
    assert 180 <= len(READ) <= 240
    assert set(counts) == {s.name for s in SKILLS}
    assert min(counts.values()) >= 20
    assert max(counts.values()) > 2 * min(counts.values()), "rare and common skills"
    assert min(Counter(q.answer for q in READ.values()).values()) > len(READ) / 6


def test_the_patients_and_studies_are_those_of_the_reports():
    assert {q.study for q in READ.values()} == set(references())
    assert {q.patient for q in READ.values()} == {s.patient for s in studies()}


def test_every_question_has_four_different_options():
    for question in READ.values():
        assert len({o.lower() for o in question.options}) == len(LETTERS), question.id


def test_the_models_come_in_their_order():
    def accuracy(model):
        letters = answers(model)
        right = [letters[q].value == question.answer for q, question in READ.items()]
        return sum(right) / len(right)

    shares = [accuracy(model) for model in READERS]
    assert shares == sorted(shares, reverse=True)
    assert all(a - b > 0.05 for a, b in itertools.pairwise(shares))
    assert any(a.empty for a in answers("reader").values())


def test_their_files_are_sorted_one_question_a_line():
    for model in READERS:
        text = answers_text(model)
        file = AnswerFile.model_validate_json(text).root
        assert list(file) == sorted(READ)
        assert text.count("\n") == len(READ) + 2
        assert file == {q: a.value for q, a in answers(model).items()}


def test_the_generator_gives_no_option_away():
    """A text-only rule that picks the longest option is hardly better than chance."""
    longest = [max(range(4), key=lambda i: len(q.options[i])) for q in READ.values()]
    right = [LETTERS[i] == q.answer for i, q in zip(longest, READ.values(), strict=True)]
    assert sum(right) / len(right) < 0.4
    assert len(questions()) == len(READ)
