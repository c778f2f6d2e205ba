"""Answers in common formats: which column is read, what is counted, and what is never taken."""

from __future__ import annotations

import json

import pytest

from evaluator.datasets.question_references import Question
from evaluator.submissions.convert.answer_conversion import convert_answers
from evaluator.submissions.convert.columns import Wanted
from evaluator.submissions.convert.table import Refused

IDS = tuple(f"q{i:02}" for i in range(24))
LETTERS = {q: "ABCD"[i % 4] for i, q in enumerate(IDS)}
KNOWN = frozenset(IDS)
QUESTIONS = {
    q: Question(q, "DABC"[i % 4], "Presence Assessment", f"s{i // 2:02}", f"p{i // 4}", {})
    for i, q in enumerate(IDS)
}


def write(folder, content, name="answers.json"):
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def converted(folder, content, name="answers.json", **options):
    conversion = convert_answers(write(folder, content, name), **{"known": KNOWN, **options})
    return {q: a.value for q, a in conversion.answers.items()}, "\n".join(conversion.notes)


def rexrank(letter, i=0):
    """An entry of ReXrank's example file, with its fields besides the prediction."""
    return {
        "image_path": ["x.png"], "section_findings": "Clear.", "section_impression": "Normal.", "split": "test",
        "subject_id": f"p{i}", "context": "Age:50-60.", "question": "What is there?",
        "options": ["A. a", "B. b", "C. c", "D. d"], "correct_answer": "A", "category": "x", "subcategory": "y",
        "model_prediction": letter,
    }  # fmt: skip


def lines(rows):
    return "\n".join(map(json.dumps, rows)) + "\n"


def table(rows, header="question_id,prediction"):
    return header + "\n" + "\n".join(rows) + "\n"


FORMS = {
    "letters by id": ("a.json", LETTERS),
    "ReXrank's form by question": ("a.json", {q: rexrank(a) for q, a in LETTERS.items()}),
    "ReXrank's form in words": ("a.json", {q: rexrank(f"The answer is {a}.") for q, a in LETTERS.items()}),
    "objects": ("a.json", {q: {"answer": a} for q, a in LETTERS.items()}),
    "a list": ("a.json", [{"question_id": q, "response": f"({a})"} for q, a in LETTERS.items()]),
    "a wrapper": ("a.json", {"results": [{"id": q, "pred": a} for q, a in LETTERS.items()]}),
    "the hub's questions with a prediction": ("a.json", [{"id": q, "correct_answer": "A", "correct_answer_explanation": "because", "task_name": "x", "options": ["A. a"], "Findings": "x y z", "prediction": a} for q, a in LETTERS.items()]),
    "JSON Lines": ("a.jsonl", lines([{"id": q, "output": f"Answer: {a}"} for q, a in LETTERS.items()])),
    "batch output": ("a.jsonl", lines([{"custom_id": q, "response": {"body": {"choices": [{"message": {"content": a}}]}}} for q, a in LETTERS.items()])),
    "CSV": ("a.csv", table([f"{q},{a}" for q, a in LETTERS.items()])),
    "CSV with the key beside": ("a.csv", table([f"{q},B,{a}" for q, a in LETTERS.items()], "question_id,correct_answer,answer")),
    "CSV with a confidence": ("a.csv", table([f"{q},{a},0.5,1" for q, a in LETTERS.items()], "id,predicted_answer,confidence,is_correct")),
    "TSV": ("a.tsv", table([f"{q}\t{a.lower()}" for q, a in LETTERS.items()], "qid\tanswer")),
    "pandas by columns": ("a.json", {"question_id": dict(enumerate(LETTERS)), "prediction": dict(enumerate(LETTERS.values()))}),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_letters(tmp_path, form):
    name, content = FORMS[form]
    answers, notes = converted(tmp_path, content, name, questions=QUESTIONS)
    assert answers == LETTERS
    assert f"24 of {len(KNOWN)} questions" in notes


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"pandas by columns"}))
def test_ids_are_found_by_name_where_they_are_not_known(tmp_path, form):
    name, content = FORMS[form]
    answers, notes = converted(tmp_path, content, name, known=frozenset())
    assert answers == LETTERS
    assert "the dataset's ids are not known here" in notes


def test_an_excel_table(tmp_path):
    import pandas as pd

    path = tmp_path / "a.xlsx"
    pd.DataFrame({"question_id": list(LETTERS), "answer": list(LETTERS.values())}).to_excel(path, index=False)
    assert {q: a.value for q, a in convert_answers(path, KNOWN).answers.items()} == LETTERS


def test_texts_without_one_letter_are_listed_and_unanswered(tmp_path):
    content = {
        **LETTERS,
        "q00": "A or B",
        "q01": "I cannot tell.",
        "q02": "",
        "q03": None,
        "q04": "The answer is C.",
    }
    answers, notes = converted(tmp_path, content)
    assert [answers[f"q{i:02}"] for i in range(5)] == ["", "", "", "", "C"]
    assert (
        "2 texts do not contain exactly one letter (no letter in 2): unanswered, counted as wrong:" in notes
    )
    assert "  q00: no letter in 'A or B'" in notes
    assert "  q01: no letter in 'I cannot tell.'" in notes
    assert "2 questions without a text count as unanswered and wrong (first: q02, q03)" in notes
    assert "1 letter was extracted from text" in notes


def test_missing_and_surplus_questions_are_reported(tmp_path):
    content = {q: a for q, a in LETTERS.items() if q != "q07"} | {"zz": "A"}
    answers, notes = converted(tmp_path, content)
    assert "q07" not in answers
    assert "zz" not in answers
    assert "23 of 24 questions; missing q07 (each counts as wrong)" in notes
    assert "1 row left out, with an id that is not in the dataset (first: zz)" in notes


def test_studies_with_one_question_mean_that_question(tmp_path):
    single = {q: v for q, v in QUESTIONS.items() if int(q[1:]) % 2 == 0}
    content = {v.study: rexrank(LETTERS[q]) for q, v in single.items()}
    answers, notes = converted(tmp_path, content, known=frozenset(single), questions=single)
    assert answers == {q: LETTERS[q] for q in single}
    assert "12 study ids stand for the only question of the study" in notes


def test_studies_of_several_questions_are_refused_with_the_reason(tmp_path):
    content = {f"s{i:02}": rexrank("A") for i in range(12)}
    with pytest.raises(
        Refused, match=r"12 of the studies have several questions \('s00' has 2\).+such as 'q00'"
    ):
        converted(tmp_path, content, questions=QUESTIONS)
    with pytest.raises(Refused, match="no question id of the dataset is in any of the columns"):
        converted(tmp_path, content)


KEYS = [
    # files that contain only the correct answers
    {q: {"correct_answer": "A"} for q in IDS},
    {q: {"correct_answer": "A", "question": "Which?", "options": ["A. a", "B. b", "C. c", "D. d"], "Findings": "x y z"} for q in IDS},
    [{"id": q, "label": "A"} for q in IDS],
    [{"id": q, "ground_truth": "A", "category": "a b c"} for q in IDS],
    [{"id": q, "gt_answer": "A"} for q in IDS],
    [{"id": q, "answer_key": "A"} for q in IDS],
]  # fmt: skip


@pytest.mark.parametrize("content", KEYS)
def test_the_key_is_never_taken_for_answers(tmp_path, content):
    with pytest.raises(Refused, match="contains the correct answers"):
        converted(tmp_path, content)


def test_a_column_that_equals_the_references_is_refused_under_any_name(tmp_path):
    content = [{"id": q, "answer": v.answer} for q, v in QUESTIONS.items()]
    with pytest.raises(Refused, match="contains the correct answers: all 24 answers equal the references"):
        converted(tmp_path, content, questions=QUESTIONS)


REFUSED = {
    "two predictions": ([{"id": q, "prediction": "A", "pred": "B"} for q in IDS], "more than one column may contain the answers: 'prediction', 'pred'. Use --text-column prediction or --text-column pred"),
    "no answers": ([{"id": q, "score": 1} for q in IDS], "no answers found among the columns 'id', 'score'"),
    "reports": (dict.fromkeys(IDS, "The lungs are clear. No effusion."), "contains no letter, or several, in 24 of 24 texts"),
    "two answers of one question": ([{"id": "q00", "answer": "A"}, {"id": "q00", "answer": "B"}], "the question 'q00' appeared before"),
    "numbers": (dict.fromkeys(IDS, 1), "the prediction is a number"),
    "an empty object": ({}, "contains no studies"),
    "a list of letters": (["A", "B"], "list of texts without ids"),
    "NaN in an object twice": ('{"q00": "A", "q00": "B"}', "appears twice"),
    "broken JSON": ('{"q00": "A"', "is not JSON"),
    "nested": ({q: {"answer": {"x": {"y": 1}}} for q in IDS}, "not a text"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_unreadable_answers_are_refused_with_their_place(tmp_path, name):
    content, words = REFUSED[name]
    with pytest.raises(Refused) as failure:
        converted(tmp_path, content)
    assert words in str(failure.value)


def test_a_column_that_was_named_is_taken(tmp_path):
    content = [{"id": q, "prediction": "A", "second": LETTERS[q]} for q in IDS]
    assert converted(tmp_path, content, wanted=Wanted(text="second"))[0] == LETTERS
    with pytest.raises(Refused, match="are for reports"):
        converted(tmp_path, content, wanted=Wanted(findings="second"))


def test_the_same_text_twice_is_one_answer_and_counted(tmp_path):
    content = [{"id": q, "answer": "A"} for q in (*IDS, "q00")]
    answers, notes = converted(tmp_path, content)
    assert len(answers) == 24
    assert "1 question appears twice with the same text (first: q00)" in notes


def test_hidden_characters_of_a_text_are_printable_in_the_list(tmp_path):
    _, notes = converted(tmp_path, {**LETTERS, "q00": "see \u202eabove\x07 here"})
    assert notes.replace("\n", "").isprintable()
