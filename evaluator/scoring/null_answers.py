"""Baselines of multiple choice: answers of systems that see no images, some of which do not even read the question.

A constant letter, a random one, and rules that read only the options. Many question sets can be beaten by
such rules; a board with baselines shows it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from evaluator.datasets.answer import LETTERS, Answer
from evaluator.datasets.question_references import Question

NULLS_VERSION: Final = "1"
TITLES: Final[Mapping[str, str]] = {
    **{f"always-{x.lower()}": f"Always {x}" for x in LETTERS},
    "random-answer": "Random answer (0.25 expected)",
    "longest-option": "Longest option",
    "normal-option": "Option naming no abnormality",
    "typical-option": "Option most similar to the others",
}
"""Titles by row; the last three read the options and are left out if the references have none."""
_WORDS: Final = re.compile(r"[a-z]+")
_ABNORMAL: Final = re.compile(
    r"\b(?:abnormal\w*|abscess\w*|acute|aneurysm\w*|atelecta\w*|blunt\w*|calcif\w*|cardiomegal\w*|cavit\w*|collaps\w*"
    r"|congest\w*|consolid\w*|cyst\w*|deviat\w*|dilat\w*|edema\w*|effusion\w*|elevat\w*|emphysem\w*|enlarg\w*|fibro\w*"
    r"|fluid|fractur\w*|granulom\w*|hern\w*|hyperinflat\w*|infect\w*|infiltrat\w*|interstitial|lesion\w*|lymphaden\w*"
    r"|mass|masses|metasta\w*|nodul\w*|oedema\w*|opaci\w*|pneumon\w*|pneumotho\w*|scar\w*|shift\w*|thicken\w*|tumou?r\w*)\b",
    re.IGNORECASE,
)
"""Words of abnormal findings in chest X-ray reports."""
_DENIED: Final = re.compile(
    r"\b(?:no|without|absence\s+of|absent|negative\s+for|free\s+of)\b[^.;,]*", re.IGNORECASE
)
_NORMAL: Final = re.compile(
    r"\b(?:normal\w*|clear|unremarkable|intact|no|none|without|absent)\b", re.IGNORECASE
)


def null_answers(questions: Mapping[str, Question], *, seed: str) -> dict[str, dict[str, Answer]]:
    """Per baseline (a key of `TITLES`), an answer to every question.

    `seed` names the dataset and its version; the same seed gives the same rows on any machine. Rules that
    read the options draw among equally good ones, and among all four if a question has none.
    """
    ids = sorted(questions)
    nulls = {f"always-{x.lower()}": dict.fromkeys(ids, Answer(x)) for x in LETTERS}
    letters = _rng(seed, "random-answer").integers(0, len(LETTERS), len(ids))
    nulls["random-answer"] = {i: Answer(LETTERS[k]) for i, k in zip(ids, letters, strict=True)}
    if any(q.options for q in questions.values()):
        for row, rule in RULES.items():
            rng = _rng(seed, row)
            nulls[row] = {i: Answer(_best(rule, questions[i].options, rng)) for i in ids}
    return nulls


def _rng(seed: str, what: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}|{what}|{NULLS_VERSION}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _best(
    rule: Callable[[Sequence[str]], list[float]], options: Sequence[str], rng: np.random.Generator
) -> str:
    """The letter of the option that a rule rates highest, drawn among ties."""
    values = rule(options) if options else [0.0] * len(LETTERS)
    best = max(values)
    alike = [x for x, value in zip(LETTERS, values, strict=True) if value >= best - 1e-9]  # tie: drawn
    return alike[int(rng.integers(len(alike)))]


def longest(options: Sequence[str]) -> list[float]:
    """The length of each option in characters."""
    return [float(len(option)) for option in options]


def normality(options: Sequence[str]) -> list[float]:
    """How few abnormalities each option names: minus the number of abnormal words that are not negated.

    Half a point is added for words that call something normal.

    >>> normality(["No effusion", "Large effusion", "Clear lungs", "Left side"])
    [0.5, -1.0, 0.5, 0.0]
    """
    return [
        -float(len(_ABNORMAL.findall(_DENIED.sub(" ", option)))) + 0.5 * bool(_NORMAL.search(option))
        for option in options
    ]


def typicality(options: Sequence[str]) -> list[float]:
    """How much each option shares with the others: the sum of its Jaccard similarities in words."""
    words = [set(_WORDS.findall(option.lower())) for option in options]
    return [
        sum(len(a & b) / max(1, len(a | b)) for j, b in enumerate(words) if j != i)
        for i, a in enumerate(words)
    ]


RULES: Final[Mapping[str, Callable[[Sequence[str]], list[float]]]] = {
    "longest-option": longest,
    "normal-option": normality,
    "typical-option": typicality,
}
"""Rules that read only the options: a value for each option; the highest is the answer."""


def probe_answers(questions: Mapping[str, Question], seed: str) -> dict[str, dict[str, Answer]]:
    """The three probes: the correct answers (`itself`), none (`empty`), another question's (`shuffled`)."""
    ids = sorted(questions)
    order = _rng(seed, "shuffled").permutation(len(ids))
    # A rotation of a random order: no question keeps its own answer.
    place = {ids[k]: ids[order[(j + 1) % len(ids)]] for j, k in enumerate(order)}
    return {
        "itself": {i: Answer(questions[i].answer) for i in ids},
        "empty": dict.fromkeys(ids, Answer("")),
        "shuffled": {i: Answer(questions[place[i]].answer) for i in ids},
    }
