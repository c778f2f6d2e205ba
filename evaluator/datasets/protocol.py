"""Text protocols: how a reference and a prediction become the two strings that metrics compare.

`compat` takes the strings as the official scorer does. `clean`, the board's default, removes accidents of
formatting on both sides, so that a score reflects content.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

ProtocolName = Literal["clean", "compat"]

_HEADER: Final = re.compile(
    r"^\s*(?:findings(?:\s+and\s+impression)?|impression|conclusion)\s*:\s*", re.IGNORECASE
)
_LATER_HEADER: Final = re.compile(r"\b(?:impression|conclusion)\s*:\s*", re.IGNORECASE)
_DE_IDENTIFIED: Final = re.compile(r"\bX{2,}\b|_{2,}")
_SENTENCE_START: Final = re.compile(r"(^|[.!?:]\s+|\d\.\s+)([a-z])")
_WORDS_FOR_NOTHING: Final = frozenset({"none", "none.", "nan", "nan."})
MAX_WORDS: Final = 600
MAX_CHARACTERS: Final = 4_000
"""The most that is scored of a predicted section, about twice the longest reference; a runaway decoder writes more."""
MIN_LETTERS_FOR_CAPITALS: Final = 8
"""An all-capitals section is re-cased only if it has at least this many letters: "NAD." stays."""
CAPITALS_SHARE: Final = 0.9


def scored_part(text: str) -> str:
    """The part of a predicted section that is scored: the text itself, or its first words within both limits.

    >>> len(scored_part("no effusion " * 500).split())
    600
    """
    if len(text) < 2 * MAX_WORDS:
        return text
    words = text.strip()[: 4 * MAX_CHARACTERS].split()
    if len(text) <= MAX_CHARACTERS and len(words) <= MAX_WORDS:
        return text
    return " ".join(words[:MAX_WORDS])[:MAX_CHARACTERS]


def clean_section(text: str | None) -> str:
    r"""A section as the clean protocol compares it; empty for a missing one.

    NFC, whitespace collapsed, its own header removed, all-capitals text sentence-cased, the
    literal words "None" and "nan" treated as nothing.

    >>> clean_section("FINDINGS:  THE LUNGS ARE CLEAR.\nNO EFFUSION.")
    'The lungs are clear. No effusion.'
    """
    if text is None:
        return ""
    flat = " ".join(unicodedata.normalize("NFC", text).split())
    flat = _HEADER.sub("", flat, count=1)
    if flat.lower() in _WORDS_FOR_NOTHING:
        return ""
    return _sentence_case(flat) if _is_capitals(flat) else flat


def clean_report(text: str) -> str:
    """A whole report of unknown sections as the clean protocol compares it.

    As `clean_section`, but the "Findings:" header stays where an "Impression:" follows it, so that
    two-section reports keep their shape.

    >>> clean_report("Findings: Clear.  Impression: Normal."), clean_report("Findings: Clear.")
    ('Findings: Clear. Impression: Normal.', 'Clear.')
    """
    header = _HEADER.match(text)
    if header and _LATER_HEADER.search(text, header.end()):
        findings, impression = _LATER_HEADER.split(text[header.end() :], maxsplit=1)
        return f"Findings: {clean_section(findings)} Impression: {clean_section(impression)}"
    return clean_section(text)


def _is_capitals(text: str) -> bool:
    letters = [c for c in _DE_IDENTIFIED.sub("", text) if c.isalpha()]
    upper = sum(c.isupper() for c in letters)
    return len(letters) >= MIN_LETTERS_FOR_CAPITALS and upper / len(letters) > CAPITALS_SHARE


def _sentence_case(text: str) -> str:
    """Lower case except for the first letter of each sentence; de-identified `XXXX` is kept."""
    placeholders = _DE_IDENTIFIED.findall(text)
    lowered = _SENTENCE_START.sub(lambda m: m[1] + m[2].upper(), text.lower())
    if not placeholders:
        return lowered
    marks = iter(placeholders)
    return re.sub(r"\bx{2,}\b|_{2,}", lambda _: next(marks), lowered, flags=re.IGNORECASE)
