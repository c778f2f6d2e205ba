"""Flags on the reports of a submission as a whole, in counts and ids, never in report text.

Codes C2–C26 are those of the documentation's table of integrity checks. What the reports show by themselves
(C2, C5, C7, C9, C10, C21) is found by `evaluator/submissions/rules`, with which `validate` warns in the same
words; copying and implausible scores have their own files. Limits are in `integrity.toml`, those on texts in
`submissions/rules/limits.toml`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Final

from evaluator.scoring.record import Diagnostics, IntegrityFlag
from evaluator.submissions.rules.degeneration import (
    length_flags,
    median_words,
    norm,
    repetition,
    report_flags,
    set_flags,
    share_text,
)
from evaluator.submissions.rules.lookalikes import outside_ascii

MAX_IDS: Final = 5
"""Study ids that a flag names; the rest are counted."""


class Outcome(StrEnum):
    """The consequence of a flag, in order of severity: shown, shown, reviewed by a person, refused."""

    PASS = "pass"  # noqa: S105 - an outcome
    BADGE = "badge"
    QUARANTINE = "quarantine"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Flag:
    """One finding: code of the check, consequence, a sentence with counts, and the first study ids."""

    code: str
    outcome: Outcome
    text: str
    ids: tuple[str, ...] = ()

    @property
    def entry(self) -> IntegrityFlag:
        """The flag in the form of a record."""
        return IntegrityFlag(code=self.code, outcome=self.outcome.value, text=self.text, ids=self.ids)


@dataclass(frozen=True, slots=True)
class Texts:
    """A board's texts in one order: ids, patients, references and predictions under the same protocol.

    `training`: training references, if a maintainer supplies them.
    """

    dataset: str
    ids: Sequence[str]
    patients: Sequence[str]
    references: Sequence[str]
    predictions: Sequence[str]
    training: Sequence[str] = ()

    @property
    def n(self) -> int:
        """Number of studies."""
        return len(self.ids)


def worst(flags: Iterable[Flag]) -> Outcome:
    """The most severe outcome of `flags`; pass for none."""
    order = list(Outcome)
    # tie: none, equal outcomes are one
    return max((f.outcome for f in flags), key=order.index, default=Outcome.PASS)


def text_flags(text: str) -> list[Flag]:
    """The flags of one report by itself: C7, C9 and C21, without ids; their texts say "reports".

    >>> [f.code for f in text_flags("Clear lungs. [Matched Findings]: 9")]
    ['C21']
    """
    return [Flag(f.check, Outcome(f.outcome), f.text) for f in report_flags(text)]


def describe(texts: Texts) -> Diagnostics:
    """Diagnostics shown for every model; shares in [0, 1], `None` where nothing can be said.

    `n_empty`; `distinct_fraction` of reports; `top1_share` of the most common one; `length_ratio`
    of median words to the references'; `exact_match` share; `repetition_mean` and `_max` of
    trigrams; `non_ascii` share. Copied spans: `evaluator.scoring.integrity.copying.describe_copying`.
    """
    reports = [norm(p) for p in texts.predictions]
    counts = Counter(reports)
    words = median(len(r.split()) for r in texts.references)
    repetitions = [r for p in texts.predictions if (r := repetition(p)) is not None]
    equal = sum(bool(p) and norm(r) == p for r, p in zip(texts.references, reports, strict=True))
    return Diagnostics(
        n_empty=sum(not p.strip() for p in texts.predictions),
        distinct_fraction=len(counts) / texts.n,
        top1_share=max(counts.values()) / texts.n,
        length_ratio=median(len(p.split()) for p in texts.predictions) / words if words else None,
        exact_match=equal / texts.n,
        repetition_mean=sum(repetitions) / len(repetitions) if repetitions else None,
        repetition_max=max(repetitions, default=None),
        non_ascii=sum(map(outside_ascii, texts.predictions)) / texts.n,
    )


def check_reports(texts: Texts) -> list[Flag]:
    """C2, C5, C7, C9, C10 and C21 of a submission's reports."""
    words = median_words(texts.predictions)
    flags = [
        *set_flags(texts.ids, texts.predictions, texts.dataset),
        *length_flags(describe(texts).length_ratio, words),
    ]
    flags.sort(key=lambda f: int(f.check[1:]))  # tie: the order found
    return [Flag(f.check, Outcome(f.outcome), f.text, f.ids[:MAX_IDS]) for f in flags]


def share_flag(code: str, outcome: Outcome, ids: Sequence[str], n: int, what: str) -> Flag:
    """A flag that counts `ids` among `n` reports and names the first few."""
    return Flag(code, outcome, share_text(len(ids), n, what), tuple(ids[:MAX_IDS]))


__all__ = [
    "MAX_IDS",
    "Flag",
    "Outcome",
    "Texts",
    "check_reports",
    "describe",
    "norm",
    "repetition",
    "share_flag",
    "text_flags",
    "worst",
]
