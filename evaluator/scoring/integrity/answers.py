"""Whether answers to multiple-choice questions come from the questions: C2, C19 and C24 to C26.

Answers are letters in the order of the questions, an empty string for none. Only C25 and C26 need the correct
answers; no flag names a question in a way that reveals its answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from evaluator.datasets.answer import LETTERS
from evaluator.scoring.integrity.flags import MAX_IDS, Flag, Outcome
from evaluator.scoring.integrity.limits import limits
from evaluator.submissions.rules.answers import MIN_ANSWERS, one_letter

Letters = Sequence[str]
"""A model's answers, or the correct ones, in the order of the questions."""


def letter_shares(answers: Letters) -> dict[str, float]:
    """The share of each letter among the answers given; empty if there are none.

    >>> letter_shares(["A", "A", "B", "D", ""])
    {'A': 0.5, 'B': 0.25, 'C': 0.0, 'D': 0.25}
    """
    letters = [a for a in answers if a]
    counts = Counter(letters)
    return {letter: counts[letter] / len(letters) for letter in LETTERS} if letters else {}


def position_accuracy(answers: Letters, right: Letters) -> dict[str, float]:
    """The share of correct answers by correct letter; a letter that is never correct is left out.

    >>> position_accuracy(["A", "A", "B"], ["A", "B", "B"])
    {'A': 1.0, 'B': 0.5}
    """
    totals = Counter(right)
    hits = Counter(r for a, r in zip(answers, right, strict=True) if a == r)
    return {letter: hits[letter] / totals[letter] for letter in LETTERS if totals[letter]}


def wrong_kappa(mine: Letters, theirs: Letters, right: Letters) -> float | None:
    """Cohen's kappa, at most 1, of two models' answers on the questions that the other, `theirs`, answered wrongly.

    1: the same letters throughout; about 0: chance level, as for a model that always says A. `None` with too
    few such questions.
    """
    both = [(a, b) for a, b, r in zip(mine, theirs, right, strict=True) if b and b != r]
    if len(both) < limits().answers.shared_wrong.wrong:
        return None
    n = len(both)
    agreed = sum(a == b for a, b in both) / n
    first, second = Counter(a for a, _ in both), Counter(b for _, b in both)
    chance = sum(first[x] * second[x] for x in LETTERS) / n**2
    return (agreed - chance) / (1 - chance) if chance < 1 else 0.0


def check_unanswered(ids: Sequence[str], answers: Letters) -> list[Flag]:
    """C2, a badge: more than a few unanswered questions; they already count as wrong."""
    empty = [i for i, a in zip(ids, answers, strict=True) if not a]
    if len(empty) <= limits().answers.unanswered * len(ids):
        return []
    text = f"{len(empty)} of {len(ids)} questions have no answer and count as wrong"
    return [Flag("C2", Outcome.BADGE, text, tuple(empty[:MAX_IDS]))]


def check_letters(answers: Letters, right: Letters) -> list[Flag]:
    """C24: nearly all answers are one letter (held), or a letter is given far more often than it is correct (badge)."""
    if sentence := one_letter(answers):
        return [Flag("C24", Outcome.QUARANTINE, sentence)]
    shares, wanted = letter_shares(answers), letter_shares(right)
    if sum(map(bool, answers)) < MIN_ANSWERS:
        return []
    # tie: first letter
    odd = max(LETTERS, key=lambda x: shares[x] - wanted.get(x, 0.0))
    due = wanted.get(odd, 0.0)
    if shares[odd] - due <= limits().answers.letters.excess:
        return []
    text = f"the answer is {odd} to {shares[odd]:.0%} of the questions; it is right for {due:.0%}"
    return [Flag("C24", Outcome.BADGE, text)]


def check_shared_wrong(
    mine: Letters, theirs: Letters, right: Letters, *, name: str, same_team: bool, own: Sequence[Letters] = ()
) -> list[Flag]:
    """C25, at most one flag: `mine` are wrong in the same way as those of the earlier model `name`.

    `same_team`: a variant of the team's own model, which gets a badge. `own`: the team's answers from before
    `name` existed; agreement that they already had is not held against it.
    """
    rules = limits().answers.shared_wrong
    kappa = wrong_kappa(mine, theirs, right)
    if kappa is None or kappa < rules.kappa:
        return []
    if any((wrong_kappa(before, theirs, right) or 0.0) >= rules.kappa for before in own):
        return []
    outcome = Outcome.REJECT if kappa >= rules.reject_kappa else Outcome.QUARANTINE
    text = f"what {name} answered wrongly is answered alike, kappa {kappa:.2f} beyond chance"
    return [Flag("C25", Outcome.BADGE if same_team else outcome, text)]


def check_positions(answers: Letters, right: Letters) -> list[Flag]:
    """C26, a badge: accuracy depends on the correct letter by more than a model's skill explains."""
    rules = limits().answers.positions
    totals = Counter(right)
    shares = {x: s for x, s in position_accuracy(answers, right).items() if totals[x] >= rules.least}
    if len(shares) < 2:
        return []
    # tie: first letter
    best, worst = max(shares, key=lambda x: shares[x]), min(shares, key=lambda x: shares[x])
    gap = shares[best] - shares[worst]
    error = float(np.sqrt(sum(shares[x] * (1 - shares[x]) / totals[x] for x in (best, worst))))
    if gap < rules.gap or gap <= rules.errors * error:
        return []
    text = f"accuracy is {shares[best]:.2f} where {best} is right and {shares[worst]:.2f} where {worst} is"
    return [Flag("C26", Outcome.BADGE, text)]


def check_probing(before: Mapping[str, str], after: Mapping[str, str]) -> list[Flag]:
    """C19: two runs of a team on a withheld dataset that differ in very few answers."""
    changes = sum(before[i] != after[i] for i in before.keys() & after.keys())
    if not 0 < changes < limits().probing.share * len(after):
        return []
    text = f"{changes} of {len(after)} answers changed since an earlier run of the team"
    return [Flag("C19", Outcome.QUARANTINE, text)]
