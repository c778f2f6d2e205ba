"""Files of answers: what is corrected, what is refused, every problem in one pass, and hostile files."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.core.problems import Problems, Severity
from evaluator.datasets.answer import LETTERS
from evaluator.submissions.answers import AnswerFile
from evaluator.submissions.parsing import UNUSABLE, decode, parse_json
from evaluator.submissions.rules.answers import (
    check_one_letter,
    check_unanswered,
    letter_of,
    one_letter,
    read_answers,
)

FILE = "submissions/acme/m1/rexvqa.json"
GOOD = {"q1": "A", "q2": "B", "q3": ""}


def read(data):
    """The answers of a file's bytes, and its problems."""
    problems = Problems()
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    text = decode(FILE, raw, problems)
    value = parse_json(FILE, text, problems) if text is not None else UNUSABLE
    answers = {} if value is UNUSABLE else read_answers(FILE, text, value, "rexvqa", problems)
    check_unanswered(FILE, answers, problems)
    check_one_letter(FILE, answers, problems)
    return answers, problems


def codes(problems, severity=Severity.ERROR):
    return [p.code for p in problems if p.severity is severity]


def test_a_good_file():
    answers, problems = read(json.dumps(GOOD))
    assert {q: a.value for q, a in answers.items()} == GOOD
    assert problems.ok
    assert codes(problems, Severity.WARNING) == ["RX223"]
    assert "1 of 3 answers are empty" in next(iter(problems)).found
    assert answers["q3"].empty
    assert answers["q1"].fields == {"answer": "A"}


REFUSED = [
    # value of a question, code, part of the message
    ("E", "RX220", "the answer is 'E'"),
    ("1", "RX220", "'1'"),
    ("A.", "RX220", "the text 'A.'"),
    ("AB", "RX220", "the text 'AB'"),
    ("A, B", "RX220", "the text"),
    ("Answer: B", "RX220", "rexrank convert submissions/acme/m1/rexvqa.json --dataset rexvqa"),
    ("\u0410", "RX220", "U+0410"),
    ("\uff21", "RX220", "U+FF21"),
    ("\u0391", "RX220", "U+0391"),
    ("\u24b6", "RX220", "U+24B6"),
    ("A\u200b", "RX220", "\\u200b"),
    ("\u202eA", "RX220", "\\u202e"),
    ("A" * 10_000, "RX220", "…"),
    (None, "RX207", "null"),
    (1, "RX207", "a number"),
    (0.5, "RX207", "a number"),
    (True, "RX207", "true or false"),
    (["A"], "RX206", "a list"),
    ({"answer": "A"}, "RX206", "an object"),
    ({}, "RX206", "an object"),
]


@pytest.mark.parametrize(("value", "code", "words"), REFUSED)
def test_an_invalid_answer_is_named_with_its_place(value, code, words):
    answers, problems = read(json.dumps({**GOOD, "q4": value}, indent=0))
    assert codes(problems) == [code]
    (problem,) = (p for p in problems if p.severity is Severity.ERROR)
    assert (problem.file, problem.pointer, problem.line) == (FILE, "/q4", 5)
    assert words in problem.found + problem.fix
    assert "A, B, C or D" in problem.wanted
    assert set(answers) == set(GOOD), "the others are read all the same"


def test_every_problem_comes_in_one_pass():
    value = {"q1": "E", " q2": "A", "q3": None, "q4": {"answer": "A"}, "q5": "a", "q6": "", "q7": "B"}
    answers, problems = read(json.dumps(value))
    assert sorted(codes(problems)) == ["RX206", "RX207", "RX220", "RX221"]
    assert sorted(codes(problems, Severity.WARNING)) == ["RX222", "RX223"]
    assert {q: a.value for q, a in answers.items()} == {"q5": "A", "q6": "", "q7": "B"}


CLEANED = [("a", "A"), (" B ", "B"), ("\tc\n", "C"), ("d ", "D"), ("  ", ""), ("\u00a0A", "A")]


@pytest.mark.parametrize(("given_as", "expected"), CLEANED)
def test_case_and_outer_spaces_are_corrected_and_counted(given_as, expected):
    answers, problems = read(json.dumps({"q1": given_as, "q2": "A"}))
    assert answers["q1"].value == expected
    (warning,) = (p for p in problems if p.code == "RX222")
    assert warning.severity is Severity.WARNING
    assert warning.found.startswith("1 answers")
    assert problems.ok


TRUTH = [
    {"q1": {"correct_answer": "A", "model_prediction": "B"}},
    {"q1": {"model_prediction": "B"}},
    {"q1": {"answer": "A", "Findings": "Clear."}},
    {"q1": {"answer": "A", "correct_answer_explanation": "x"}},
    {"q1": {"options": ["A. x"], "answer": "A"}},
    {"q1": {"pred": "A", "label": "B"}},
    {"q1": "A", "q2": {" Correct_Answer ": "B"}},
    {"correct_answer": {"q1": "A"}, "prediction": {"q1": "B"}},
    {"section_findings": ["x"]},
]


@pytest.mark.parametrize("value", TRUTH)
def test_a_file_with_correct_answers_is_refused_as_a_whole(value):
    answers, problems = read(json.dumps(value))
    assert codes(problems) == ["RX209"]
    assert answers == {}
    (problem,) = problems
    assert (
        "rexrank convert submissions/acme/m1/rexvqa.json --dataset rexvqa --out submissions/acme/m1"
        in problem.fix
    )


HOSTILE = [
    (b'{"q1": "A", "q1": "B"}', "RX202"),
    (b'{"q1": NaN}', "RX203"),
    (b'{"q1": Infinity}', "RX203"),
    (b'{"q1": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", "RX204"),
    (b'{"q1": "\\ud83d"}', "RX205"),
    (b'{"q1": "A"', "RX201"),
    (b'["A", "B"]', "RX206"),
    (b'"A"', "RX206"),
    (b"{}", "RX206"),
    (b"null", "RX206"),
    (b'\xef\xbb\xbf{"q1": "A"}', "RX106"),
    (b'{"q1": "\xff"}', "RX106"),
    (b'{"": "A"}', "RX221"),
    (b'{"q\\u0000": "A"}', "RX221"),
    (b'{"q\\n1": "A"}', "RX221"),
    (b'{"q1 ": "A"}', "RX221"),
    (json.dumps({"q" * 201: "A"}).encode(), "RX221"),
    ('{"q\u0430": "A"}'.encode(), "RX221"),
    (b'{"q1": ' + b"1" * 5_000 + b"}", "RX201"),
]


@pytest.mark.parametrize(("data", "code"), HOSTILE)
def test_hostile_files_are_named_and_never_raise(data, code):
    _, problems = read(data)
    assert code in codes(problems)
    assert all(p.found.isprintable() and p.pointer.isprintable() for p in problems)


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.none() | st.text(max_size=4) | st.integers() | st.lists(st.text(max_size=2), max_size=2),
        max_size=6,
    )
)
def test_what_is_read_keeps_the_schema(value):
    answers, _ = read(json.dumps(value))
    if answers:
        AnswerFile.model_validate({q: a.value for q, a in answers.items()})


@given(st.text(max_size=4))
def test_a_letter_is_read_from_nothing_but_itself(text):
    letter = letter_of(text)
    assert letter is None or letter == text.strip().upper()
    assert letter is None or letter in {*LETTERS, ""}


@pytest.mark.parametrize(
    ("letters", "said"),
    [
        (["A"] * 20, "the answer is A to 100% of 20 questions"),
        (["D"] * 18 + ["A", "B", ""], "the answer is D to 90% of 20 questions"),
        (["A"] * 17 + ["B"] * 3, None),
        (["A"] * 19, None),
        ([""] * 40, None),
    ],
)
def test_one_letter_for_nearly_all(letters, said):
    assert one_letter(letters) == said
    _, problems = read(json.dumps({f"q{i}": letter for i, letter in enumerate(letters)}))
    assert ("RX224" in codes(problems, Severity.WARNING)) == bool(said)
