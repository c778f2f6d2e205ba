"""The form of a file of answers (RX206, RX207, RX209, RX220–RX224): one letter, or nothing, for every question."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from evaluator.core.problems import Problems, Severity, pointer, visible
from evaluator.datasets.answer import LETTERS, Answer
from evaluator.submissions.parsing import line_of
from evaluator.submissions.rules.structure import convert_command, holds_reference, kind_of

EXAMPLE: Final = '{"<question id>": "A"}'
WANTED: Final = 'A, B, C or D, or an empty string ("") for a question without an answer'
QUESTION_ID: Final = r"[!-~](?:[ -~]{0,198}[!-~])?"
"""An id: printable ASCII, at most 200 characters, no space at its ends."""
MIN_ANSWERS: Final = 20
ONE_LETTER: Final = 0.9
"""From this share of one letter among at least `MIN_ANSWERS` answers, `one_letter` reports it."""

_ID: Final = re.compile(QUESTION_ID)
_OF_QUESTIONS: Final = frozenset(
    [
        "answer_key",
        "correct",
        "correct_answer",
        "correct_answer_explanation",
        "correct_option",
        "explanation",
        "findings",
        "gold_answer",
        "ground_truth_answer",
        "gt_answer",
        "impression",
        "model_prediction",
        "options",
        "right_answer",
        "solution",
    ]
)
"""Fields of question files, in lower case, that contain the key, and ReXrank's old name for the prediction."""


def holds_truth(field: str) -> bool:
    """Whether a field has the name of a question-file field that a scorer must not read from a submission.

    >>> [holds_truth(f) for f in ("correct_answer", "Findings", "model_prediction", "confidence")]
    [True, True, True, False]
    """
    return field.strip().lower() in _OF_QUESTIONS or holds_reference(field)


def read_answers(file: str, text: str, value: Any, dataset: str, problems: Problems) -> dict[str, Answer]:
    """The answers in a file's value, after reporting everything that is not one.

    Spaces around a letter and lower case are corrected, with a warning that counts them.
    """
    if not isinstance(value, dict):
        fix = f"write it with: rexrank convert ANSWERS --dataset {dataset} --out FOLDER"
        found = f"the file contains {kind_of(value)}"
        problems.add("RX206", file, found=found, wanted=f"an object: {EXAMPLE}", fix=fix)
        return {}
    if not value:
        fix = "add the answers, or leave the file out"
        problems.add("RX206", file, found="a file without any answers", wanted=EXAMPLE, fix=fix)
        return {}
    if fields := _fields_of_truth(value):
        _report_truth(file, fields, dataset, problems)
        return {}
    answers, odd = {}, []
    for question, content in value.items():
        letter = letter_of(content)
        if letter is None:
            _report_answer(file, text, question, content, dataset, problems)
        elif not _ID.fullmatch(question):
            _report_id(file, text, question, problems)
        else:
            answers[question] = Answer(letter)
            odd += [question] if letter != content else []
    _report_cleaned(file, text, odd, problems)
    return answers


def letter_of(content: Any) -> str | None:
    """The answer in a file's value, `None` if it is not one.

    >>> letter_of(" a "), letter_of(""), letter_of("E"), letter_of("\u0410"), letter_of(None)
    ('A', '', None, None, None)
    """
    if not isinstance(content, str):
        return None
    bare = content.strip()
    letter = bare.upper() if bare.isascii() else bare
    return letter if letter in LETTERS or not letter else None


def check_unanswered(file: str, answers: Mapping[str, Answer], problems: Problems) -> None:
    """RX223, a warning: questions with an empty answer, which count as wrong."""
    empty = [q for q, answer in answers.items() if answer.empty]
    if empty:
        problems.add(
            "RX223",
            file,
            severity=Severity.WARNING,
            pointer=pointer(empty[0]),
            found=f"{len(empty):,} of {len(answers):,} answers are empty",
            wanted="an answer to every question; a question without one counts as wrong and unanswered",
            fix="nothing, if the model gave none; otherwise check how the letter is extracted",
        )


def check_one_letter(file: str, answers: Mapping[str, Answer], problems: Problems) -> None:
    """RX224, a warning: nearly all answers are one letter."""
    if sentence := one_letter([a.value for a in answers.values()]):
        problems.add(
            "RX224",
            file,
            severity=Severity.WARNING,
            found=f"{sentence} (C24 at scoring: the entry is held until a maintainer has reviewed it)",
            wanted="answers that depend on the question",
            fix="check how the letter is extracted from the model's text; a parser may mistake the word A in a sentence for an answer",
        )


def one_letter(letters: Sequence[str]) -> str | None:
    """The wording of the flag if nearly all given answers are the same letter; `None` if they are not.

    >>> one_letter(["A"] * 19 + ["B"])
    'the answer is A to 95% of 20 questions'
    """
    answers = [letter for letter in letters if letter]
    if len(answers) < MIN_ANSWERS:
        return None
    # tie: none, two letters cannot both have nine tenths
    letter, n = Counter(answers).most_common(1)[0]
    share = n / len(answers)
    if share < ONE_LETTER:
        return None
    return f"the answer is {letter} to {share:.0%} of {len(answers):,} questions"


def _fields_of_truth(value: Mapping[str, Any]) -> list[str]:
    """Fields of references, in a question or in the whole file (a table by columns), sorted."""
    fields = {k for v in value.values() if isinstance(v, dict) for k in v}
    fields |= {k for k, v in value.items() if isinstance(v, dict | list)}
    return sorted(filter(holds_truth, fields))


def _report_truth(file: str, fields: list[str], dataset: str, problems: Problems) -> None:
    names = ", ".join(fields[:8]) + (", …" if len(fields) > 8 else "")
    problems.add(
        "RX209",
        file,
        found=f"fields that belong to the questions or to ReXrank's old format: {names}",
        wanted=f"answers only: {EXAMPLE}; correct answers never travel in a submission",
        fix=f"run: {convert_command(file, dataset)} (it replaces the file; do not commit the old one)",
    )


def _report_answer(
    file: str, text: str, question: str, content: Any, dataset: str, problems: Problems
) -> None:
    """Reports a value that is not an answer (RX206, RX207, RX220)."""
    code, found, fix = "RX220", "", 'write only the letter, or "" where the model produced none'
    if isinstance(content, dict | list):
        code, found = "RX206", f"the answer is {kind_of(content)}"
        fix = f"write only the letter; or run: {convert_command(file, dataset)}"
    elif not isinstance(content, str):
        code, found = "RX207", f"the answer is {kind_of(content)}"
    elif len(content.strip()) == 1 and not content.isascii():
        letter = content.strip()
        found = (
            f"the answer is '{letter}' (U+{ord(letter):04X}), which is not one of the Latin letters A to D"
        )
    elif len(content.strip()) == 1:
        found = f"the answer is '{visible(content.strip())}'"
    else:
        found = f"the answer is the text '{visible(content, 40)}'"
        fix = f"write only the letter; or run: {convert_command(file, dataset)}"
    line = partial(line_of, text, question)
    problems.add(code, file, pointer=pointer(question), line=line, found=found, wanted=WANTED, fix=fix)


def _report_id(file: str, text: str, question: str, problems: Problems) -> None:
    problems.add(
        "RX221",
        file,
        pointer=pointer(question),
        line=partial(line_of, text, question),
        found=f"a question id of {len(question):,} characters: '{visible(question)}'",
        wanted="an id of the dataset: 1 to 200 printable ASCII characters, without leading or trailing spaces",
        fix="write the ids exactly as in the dataset",
    )


def _report_cleaned(file: str, text: str, questions: list[str], problems: Problems) -> None:
    if questions:
        problems.add(
            "RX222",
            file,
            severity=Severity.WARNING,
            pointer=pointer(questions[0]),
            line=partial(line_of, text, questions[0]),
            found=f"{len(questions):,} answers in lower case or with spaces around them",
            wanted='only a capital letter, such as "A"',
            fix="nothing to do: each is read as its capital letter",
        )
