"""The letter in a model's text: cases that are read, and cases that are not guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.submissions.convert.letters import read_letter

READ = [
    ("A", "A"), ("a", "A"), (" A ", "A"), ("(A)", "A"), ("A.", "A"), ("A)", "A"), ("[C]", "C"), ("**B**", "B"),
    ("'D'", "D"), ('"D".', "D"), ("`b`", "B"), ("A.</s>", "A"), ("<|assistant|> C", "C"), ("B\n", "B"),
    ("Answer: B", "B"), ("answer: b", "B"), ("**Answer:** B", "B"), ("Answer: (B)", "B"), ("Answer = D", "D"),
    ("ANSWER: **C**", "C"), ("Ans: C", "C"), ("Answer: option B", "B"),
    ("The answer is C because A is not seen.", "C"),
    ("The answer is C because A is wrong and B is ruled out", "C"),
    ("The correct answer is (D).", "D"), ("The best answer would be B.", "B"), ("the answer is b.", "B"),
    ("The answer is A because the lungs are clear.", "A"), ("The answer is A, since there is no effusion.", "A"),
    ("The answer is: A", "A"), ("Answer: A. The lungs are clear", "A"), ("Answer: A\nNo effusion is seen.", "A"),
    ("A. The lungs are clear", "A"), ("B) Effusion", "B"), ("C: Nodule", "C"), ("D - Edema", "D"), ("(B) Effusion", "B"),
    ("A. The heart is not enlarged.", "A"), ("B) There isn't an effusion", "B"), ("(C) No edema, not even mild", "C"),
    ("D\nThe image shows edema.", "D"), ("A, the lungs are clear", "A"), ("**C.** Nodule", "C"),
    ("The image shows an effusion, so it is (B).", "B"), ("I think the image shows **B**", "B"),
    ("I would choose B.", "B"), ("I select option C", "C"), ("I'd go with D", "D"),
    ("Option B", "B"), ("Option B fits best.", "B"), ("B is correct.", "B"), ("(C) is the correct option.", "C"),
    ("A. Clear\nB. Effusion\nC. Nodule\nD. Edema\nAnswer: C", "C"),
    ("Option A is less likely. Final answer: D", "D"),
    ("The answer is A. Wait. Final answer: C", "C"),
    (r"\boxed{B}", "B"), (r"So \boxed{\text{B}}.", "B"), ("<answer>C</answer>", "C"), ("[[B]]", "B"), ("It is not (A), hence [[D]]", "D"), ("Hm. <answer> (C) </answer>", "C"),
    ("<think>A or B? The answer is A.</think>\nB", "B"), ("<think>not A</think> Answer: D", "D"),
    ('{"answer": "B"}', "B"), ('```json\n{"answer": "B", "reason": "no A"}\n```', "B"),
    ("The correct option is B", "B"), ("The correct choice: C", "C"),
    ("Kerley B lines are there. Answer: C", "C"), ("Option A is wrong, option C is right", "C"),
]  # fmt: skip

NOT_GUESSED = [
    ("", "no text"), ("  \n", "no text"), ("nan", "no text"), ("None", "no text"), ("<think>A", "no text"),
    ("A or B", ""), ("A, B", ""), ("(A) or (C)", "several letters: A, C"), ("A and B", ""),
    ("Answer: A or B", "several letters: A, B"), ("Answer: A/B", "several letters: A, B"), ("Answer: A, B and C", "several letters: A, B, C"),
    ("The answer is B. The answer is C.", "several letters: B, C"),
    ("Final answer: A. Final answer: B.", "several letters: A, B"),
    ("A. Clear\nB. Effusion\nC. Nodule\nD. Edema", "several letters: A, B, C, D"),
    ("Option A fits, option C fits", "several letters: A, C"),
    ("The answer is not A", ""), ("(A) is incorrect", "rule something out"), ("A. is wrong", "no letter"), ("It is not (A), nor edema", "rule something out"), ("It cannot be (B)", "rule something out"), ("Not option C", "rule something out"),
    ("A large effusion is seen", "no letter"), ("A right effusion.", "no letter"), ("The answer is A large effusion", "no letter"),
    ("Answer: a small nodule", "no letter"), ("Kerley B lines", "no letter"), ("Vitamin D", "no letter"), ("C-spine hardware", "no letter"),
    ("D-dimer", "no letter"), ("Hepatitis B. No effusion.", "no letter"), ("The lungs are clear.", "no letter"),
    ("E", "no letter"), ("Answer: E", "no letter"), ("AB", "no letter"), ("1", "no letter"), ("2.", "no letter"), ("All of the above", "no letter"),
    ("\u0410", "no letter"), ("\uff21", "no letter"), ("Answer: \u0412", "no letter"),
    ("I cannot answer this question.", "no letter"), ("A patient with B symptoms", "no letter"),
    ("Abnormal", "no letter"), ("Clear", "no letter"), ("Answer: Bilateral", "no letter"), ("answer: d'accord", "no letter"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "letter"), READ)
def test_one_letter_is_read(text, letter):
    assert (read_letter(text).letter, read_letter(text).why) == (letter, "")


@pytest.mark.parametrize(("text", "why"), NOT_GUESSED)
def test_what_is_not_one_letter_is_not_guessed(text, why):
    reading = read_letter(text)
    assert reading.letter == ""
    assert why in reading.why
    assert reading.why


@given(st.text(alphabet="ABCDabcd.,()*: \nansweroptinot'\"", max_size=40))
def test_a_letter_that_is_read_stands_in_the_text(text):
    reading = read_letter(text)
    assert bool(reading.letter) != bool(reading.why)
    assert reading.letter.lower() in text.lower()


@given(
    st.sampled_from("ABCD"),
    st.sampled_from("ABCD"),
    st.sampled_from(["{} or {}", "Answer: {} or {}", "({}) and ({})", "Option {}. Option {}."]),
)
def test_two_letters_are_never_one(first, second, form):
    expected = first if first == second else ""
    assert read_letter(form.format(first, second)).letter in {expected, ""}


@pytest.mark.parametrize(
    "text", ["(" * 50_000, "answer " * 20_000, "A or " * 20_000, "*" * 100_000, "option " + "(" * 50_000]
)
def test_long_texts_take_no_time_that_grows_with_their_square(text):
    assert read_letter(text).letter in {"", "A"}
