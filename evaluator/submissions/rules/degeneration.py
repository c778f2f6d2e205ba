"""Problems of reports as a whole that show without references: C2, C5, C7, C9, C10 and C21.

`validate` warns of them and the integrity checks flag them, from here and in the same words.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import Final

from evaluator.submissions.rules.limits import text_limits
from evaluator.submissions.rules.lookalikes import disguised, other_script
from evaluator.submissions.rules.text_rules import TEXT_RULES, OutcomeName, fold

_NO_WORD: Final = re.compile(r"[^0-9a-z]+")
_ASCII_WORDS: Final = "".join(chr(i) if chr(i).isalnum() else " " for i in range(128))


@dataclass(frozen=True, slots=True)
class TextFlag:
    """One finding of a check: its code, consequence, a sentence with counts, and the ids concerned."""

    check: str
    outcome: OutcomeName
    text: str
    ids: tuple[str, ...] = ()


NULL_LIKE: Final = "null-like"
"""How the flag of a constant begins: such a row is not ranked."""
REPETITIVE: Final = TextFlag("C9", "badge", "repeat the same words")
_RULE_FLAGS: Final = [(r, TextFlag(r.check, r.outcome, r.what)) for r in TEXT_RULES if r.check]


def norm(text: str) -> str:
    """`text` for comparing reports: NFKC, lower case, letters and digits only, single spaces.

    >>> norm("No  Effusion; no PTX.")
    'no effusion no ptx'
    """
    return " ".join(_words(text))


def _words(text: str) -> list[str]:
    if text.isascii():
        return text.lower().translate(_ASCII_WORDS).split()
    return _NO_WORD.sub(" ", unicodedata.normalize("NFKC", text).lower()).split()


def repetition(text: str) -> float | None:
    """1 − distinct trigrams / trigrams of a report's words; `None` for a report too short to tell.

    For a report with an impression, the section that repeats itself more: an impression is meant to repeat
    the findings.

    >>> repetition("no acute change " * 10) > 0.8, repetition("clear lungs")
    (True, None)
    >>> repetition("Findings: The heart is of normal size and the lungs are clear. Impression: Heart of normal size, lungs are clear.")
    0.0
    """
    findings, _, impression = text.removeprefix("Findings: ").partition(" Impression: ")
    shares = [r for part in (findings, impression) if (r := _section_repetition(part)) is not None]
    return max(shares, default=None)


@lru_cache(maxsize=20_000)
def _section_repetition(section: str) -> float | None:
    """Cached for the sections of one file: both tracks need it, for the badge and for the mean."""
    words = _words(section)
    if len(words) < text_limits().repetition.min_words:
        return None
    return 1 - len(set(zip(words, words[1:], words[2:], strict=False))) / (len(words) - 2)


def report_flags(text: str) -> list[TextFlag]:
    """The flags of one report by itself: C7, C9 and C21, as words that complete "3 of 590 reports …".

    >>> [(f.check, f.outcome) for f in report_flags("Clear lungs. [Matched Findings]: 9")]
    [('C21', 'reject')]
    """
    flags = []
    if disguised(text):
        flags.append(TextFlag("C7", "reject", "imitate Latin letters with another script"))
    elif other_script(text):
        flags.append(TextFlag("C7", "badge", "contain letters that are neither Latin nor Greek"))
    if (repetition(text) or 0) > text_limits().repetition.badge:
        flags.append(REPETITIVE)
    folded = fold(text)
    flags += [flag for rule, flag in _RULE_FLAGS if rule.found_in(folded) is not None]
    return flags


def set_flags(ids: Sequence[str], reports: Sequence[str], dataset: str) -> list[TextFlag]:
    """The flags of all reports of a board: C2, C7, C9, C10 and C21, each with the ids of its reports."""
    n = len(ids)
    flags = _empty(ids, reports)
    by_report: dict[TextFlag, list[str]] = {}
    known = {text: report_flags(text) for text in set(reports)}
    for study, text in zip(ids, reports, strict=True):
        for flag in known[text]:
            by_report.setdefault(flag, []).append(study)
    # tie: the order found
    for flag, studies in sorted(by_report.items(), key=lambda item: _order(item[0])):
        outcome = flag.outcome
        limit = text_limits().characters.quarantine_share
        if (flag.check, outcome) == ("C7", "badge") and len(studies) > limit * n:
            outcome = "quarantine"
        flags.append(TextFlag(flag.check, outcome, share_text(len(studies), n, flag.text), tuple(studies)))
    return [*flags, *_repeated(reports, dataset), *collapse_flags(reports, dataset)]


def _order(flag: TextFlag) -> tuple[int, int]:
    return int(flag.check[1:]), -("pass", "badge", "quarantine", "reject").index(flag.outcome)


_SINGULAR: Final = {"are": "is", "have": "has", "contain": "contains", "say": "says"}
"""Verbs of flags in the singular."""


def share_text(k: int, n: int, what: str) -> str:
    """The wording of flags and warnings on reports: counts."""
    verb, _, rest = what.partition(" ")
    return f"{k:,} of {n:,} reports {_SINGULAR.get(verb, verb) if k == 1 else verb} {rest}"


def _empty(ids: Sequence[str], reports: Sequence[str]) -> list[TextFlag]:
    empty = [i for i, p in zip(ids, reports, strict=True) if not p.strip()]
    if not empty:
        return []
    many = len(empty) > text_limits().empty.quarantine_share * len(ids)
    outcome: OutcomeName = "quarantine" if many else "badge"
    return [TextFlag("C2", outcome, share_text(len(empty), len(ids), "are empty"), tuple(empty))]


def _repeated(reports: Sequence[str], dataset: str) -> list[TextFlag]:
    rules = text_limits().repetition
    known = {p: repetition(p) for p in set(reports)}
    shares = [r for p in reports if (r := known[p]) is not None]
    mean = sum(shares) / len(shares) if shares else 0.0
    if mean <= rules.quarantine_mean or dataset in rules.skip:
        return []
    return [TextFlag("C9", "quarantine", f"on average {mean:.0%} of a report's trigrams are repeats")]


def collapse_flags(reports: Sequence[str], dataset: str) -> list[TextFlag]:
    """C10: one report for many studies, or few distinct reports."""
    counts, n = Counter(map(norm, reports)), len(reports)
    rules, top, distinct = text_limits().collapse, max(counts.values(), default=0) / max(n, 1), len(counts)
    if n and top >= rules.null_like_share:
        return [TextFlag("C10", "badge", f"{NULL_LIKE}: one report for {top:.0%} of the studies")]
    limit = rules.datasets.get(dataset, rules.top_share)
    if (n >= rules.min_studies and top > limit) or distinct < rules.distinct_share * n:
        words = f"{distinct / n:.1%} distinct reports, one of them for {top:.0%} of the studies"
        return [TextFlag("C10", "badge", f"template collapse: {words}")]
    return []


def length_flags(ratio: float | None, words: float) -> list[TextFlag]:
    """C5 for a median of `words`, `ratio` times the references'; common medians are never held."""
    bounds = text_limits().length_ratio
    if ratio is None or bounds.low <= ratio <= bounds.high or common_length(words):
        return []
    text = f"reports are {ratio:.2f} times as long as the references and have a median of {words:g} words"
    return [TextFlag("C5", "quarantine", text)]


def common_length(words: float) -> bool:
    """Whether a median of this many words is common for report generators."""
    bounds = text_limits().length_ratio
    return bool(bounds.common_low <= words <= bounds.common_high)


def median_words(reports: Sequence[str]) -> float:
    """Median number of words; 0 without reports."""
    return median(len(p.split()) for p in reports) if reports else 0.0
