"""What the integrity checks say about answers: one letter, another model's errors, accuracy by position, probing."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator.datasets.answer import LETTERS
from evaluator.scoring.integrity.answers import (
    check_letters,
    check_positions,
    check_probing,
    check_shared_wrong,
    check_unanswered,
    letter_shares,
    position_accuracy,
    wrong_kappa,
)
from evaluator.scoring.integrity.flags import Outcome
from evaluator.scoring.integrity.limits import limits

N = 400
RIGHT = list(np.random.default_rng(1).choice(list(LETTERS), N))
PULL = list(np.random.default_rng(2).choice(list(LETTERS), N))
"""A wrong option of each question that attracts every model."""


def model(accuracy, seed, pull=0.4):
    """Answers of an honest model: a share right, the others random or drawn to the attractive option as other
    models are."""
    rng = np.random.default_rng(seed)
    hits, lures = rng.random(N) < accuracy, rng.random(N) < pull
    guess = rng.choice(list(LETTERS), N)
    return [r if h else p if d else g for h, d, r, p, g in zip(hits, lures, RIGHT, PULL, guess, strict=True)]


def outcomes(flags):
    return [(f.code, f.outcome) for f in flags]


HONEST = [model(a, s) for a, s in ((0.9, 11), (0.8, 12), (0.65, 13), (0.4, 14), (0.25, 15))]


@pytest.mark.parametrize("k", range(len(HONEST)))
def test_honest_models_are_not_accused(k):
    answers = HONEST[k]
    ids = [str(i) for i in range(N)]
    flags = [
        *check_unanswered(ids, answers),
        *check_letters(answers, RIGHT),
        *check_positions(answers, RIGHT),
    ]
    for other in HONEST[:k] + HONEST[k + 1 :]:
        flags += check_shared_wrong(answers, other, RIGHT, name="a/b", same_team=False)
    assert flags == []


LETTER_CASES = [
    (["A"] * N, [("C24", Outcome.QUARANTINE)]),
    (["B"] * 370 + ["A"] * 30, [("C24", Outcome.QUARANTINE)]),
    (["C"] * 200 + HONEST[0][200:], [("C24", Outcome.BADGE)]),
    (["D"] * 19 + [""] * (N - 19), []),
    ([""] * N, []),
    (RIGHT, []),
]


@pytest.mark.parametrize(("answers", "expected"), LETTER_CASES)
def test_one_letter_more_often_than_it_is_right(answers, expected):
    assert outcomes(check_letters(answers, RIGHT)) == expected


def edited(answers, share, seed):
    """The answers, with a share of them corrected."""
    change = np.random.default_rng(seed).random(N) < share
    return [r if c else a for c, a, r in zip(change, answers, RIGHT, strict=True)]


def test_a_copy_is_held_and_named_also_with_edits():
    for share, outcome in ((0.0, Outcome.REJECT), (0.05, Outcome.QUARANTINE), (0.12, Outcome.QUARANTINE)):
        (flag,) = check_shared_wrong(
            edited(HONEST[2], share, 5), HONEST[2], RIGHT, name="acme/m1", same_team=False
        )
        assert (flag.code, flag.outcome) == ("C25", outcome)
        assert "what acme/m1 answered wrongly is answered alike" in flag.text
        assert flag.ids == ()


def test_a_variant_of_the_team_and_what_was_there_before_are_not_held():
    (flag,) = check_shared_wrong(HONEST[2], HONEST[2], RIGHT, name="me/m0", same_team=True)
    assert flag.outcome is Outcome.BADGE
    assert not check_shared_wrong(
        HONEST[2], HONEST[2], RIGHT, name="acme/m1", same_team=False, own=[HONEST[2]]
    )
    assert check_shared_wrong(HONEST[2], HONEST[2], RIGHT, name="acme/m1", same_team=False, own=[HONEST[3]])


def test_constants_agree_by_chance_alone():
    assert wrong_kappa(["A"] * N, ["A"] * N, RIGHT) == 0.0
    assert abs(wrong_kappa(["A"] * N, HONEST[3], RIGHT)) < 1e-12


def test_few_wrong_answers_prove_nothing():
    few = limits().answers.shared_wrong.wrong
    nearly = [("A" if r != "A" else "B") if i < few - 1 else r for i, r in enumerate(RIGHT)]
    assert wrong_kappa(nearly, nearly, RIGHT) is None
    assert not check_shared_wrong(RIGHT, RIGHT, RIGHT, name="a/b", same_team=False)


def test_an_unanswered_question_of_the_other_model_is_not_a_wrong_answer():
    silent = [""] * N
    assert wrong_kappa(silent, silent, RIGHT) is None
    assert wrong_kappa(silent, HONEST[3], RIGHT) == 0.0


def test_accuracy_by_position():
    shy = ["A" if r == "D" else r for r in RIGHT]
    (flag,) = check_positions(shy, RIGHT)
    assert (flag.code, flag.outcome) == ("C26", Outcome.BADGE)
    assert flag.text == "accuracy is 1.00 where A is right and 0.00 where D is"
    assert position_accuracy(shy, RIGHT) == {"A": 1.0, "B": 1.0, "C": 1.0, "D": 0.0}
    assert not check_positions(shy[:60], RIGHT[:60]), "fewer than twenty questions a letter"
    assert letter_shares(shy)["D"] == 0.0


def test_unanswered_questions_are_shown_and_hold_nobody():
    ids = [f"q{i}" for i in range(N)]
    assert not check_unanswered(ids, ["", *RIGHT[1:]])
    (flag,) = check_unanswered(ids, ["" if i < 8 else r for i, r in enumerate(RIGHT)])
    assert (flag.code, flag.outcome) == ("C2", Outcome.BADGE)
    assert flag.text == "8 of 400 questions have no answer and count as wrong"
    assert flag.ids == ("q0", "q1", "q2", "q3", "q4")


@pytest.mark.parametrize(("changed", "held"), [(0, False), (1, True), (7, True), (8, False), (200, False)])
def test_probing_is_a_run_that_differs_in_few_answers(changed, held):
    before = {str(i): r for i, r in enumerate(RIGHT)}
    after = {str(i): ("A" if r != "A" else "B") if i < changed else r for i, r in enumerate(RIGHT)}
    assert outcomes(check_probing(before, after)) == ([("C19", Outcome.QUARANTINE)] if held else [])
