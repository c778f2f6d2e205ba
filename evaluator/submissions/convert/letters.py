"""The answer letter in a model's text: exactly one, or none and why.

Strong words decide over weak ones: a final answer, then "the answer is C", then "option C" or a choice, then
a letter that is marked like an option. All letters of the strongest kind present must agree. "A" as an
article, letters of words (Kerley B lines, vitamin D) and letters that are ruled out are not answers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from evaluator.submissions.convert.answers import answer_of
from evaluator.submissions.convert.cleaning import clean

_OPEN: Final = r"[\s*_`\"'(\[{$]{0,8}"
_LETTER: Final = _OPEN + r"([A-D])(?![\w'’]|-\w)"
_MORE: Final = re.compile(
    r"[\s*_`\"')\]}]{0,6}(?:,|/|&|\bor\b|\band\b)[\s*_`\"'(\[{]{0,6}(?:or\s+|and\s+)?([A-D])(?![\w'’-])"
)
_ALONE: Final = re.compile(r"[\s*_`\"'(\[{<]{0,8}([A-D])[\s*_`\"')\]}>.:,;!]{0,8}", re.IGNORECASE)
_IS: Final = r"(?:\s+(?:is|was|would\s+be|should\s+be|must\s+be))?\s*[*_]{0,3}\s*[:=]?\s*[*_]{0,3}\s*(?:(?:option|choice|letter)\s+)?"
_FINAL: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\bfinal\s+(?:answer|choice|option)\b" + _IS + _LETTER,
        r"\\boxed\{\s*(?:\\text\{\s*)?" + _LETTER,
        r"<(?:answer|choice)>" + _LETTER,
        r"\[\[\s*([A-D])\s*\]\]",
    )
)
_DECLARED: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:answer|ans)\b" + _IS + _LETTER,
        r"\"(?:answer|choice|option|letter|prediction)\"\s*:" + _LETTER,
        _LETTER
        + r"[\s*_`\"')\]}]{0,6}\s+is\s+(?:the\s+)?(?:correct|right|best)(?:\s+(?:answer|option|choice))?\b",
        r"\bcorrect\s+(?:option|choice|letter)\b" + _IS + _LETTER,
        r"\b(?:choose|chose|select|selected|pick|picked|go\s+with)\s+(?:(?:the\s+)?(?:option|choice|letter|answer)\s+)?"
        + _LETTER,
    )
)
_NAMED: Final = (re.compile(r"\b(?:option|choice|letter)\b\s*[:=]?\s*" + _LETTER, re.IGNORECASE),)
_HEADING: Final = (
    re.compile(
        r"(?m)^[ \t*_`\"'#>]{0,8}[(\[]?([A-D])(?:[)\]]?[.:)\]](?=\s|\*|$)|[ \t]+[-\u2013\u2014][ \t]|[)\]*_`\"']{1,4}(?=\s|$)|,(?=\s)|[ \t]*$)"
        r"(?!\s*(?:is|are|was|can|could|would|cannot|seems?)\b[^.\n]{0,12}\b(?:not|incorrect|wrong|excluded|unlikely|ruled)\b)"
    ),
)
"""A letter at the start of a line, marked like an option, whose text may follow."""
_INLINE: Final = (re.compile(r"[(\[]([A-D])[)\]]"), re.compile(r"\*\*([A-D])\*\*"))
_RULED_OUT: Final = re.compile(
    r"\b(?:not|nor|neither|cannot|except|incorrect|wrong|exclud\w{0,4}|eliminat\w{0,4}|unlikely|rules?\s+out|ruled\s+out)\b|n['’]t\b",
    re.IGNORECASE,
)
_ARTICLE: Final = re.compile(
    r"[\s]+(?!(?:because|since|as|due|given|which|for|based|where|with|is|and|or|,|\u2013|-)\b)[a-z]"
)
_OPTION_BEFORE: Final = re.compile(r"\b(?:option|choice|letter)\W{0,8}\Z", re.IGNORECASE)
_BY_STRENGTH: Final = (
    # what the patterns find, and whether a negation in the text invalidates it
    (_FINAL, False),
    (_DECLARED, False),
    (_NAMED, True),
    (_HEADING, False),
    (_INLINE, True),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A text's answer: its letter, or an empty string and `why` there is none."""

    letter: str
    why: str = ""


def read_letter(text: str) -> Reading:
    """The one letter that a model's text answers with.

    >>> [read_letter(t).letter for t in ("(b)", "Answer: B", "The answer is C because A is wrong", "A or B")]
    ['B', 'B', 'C', '']
    """
    bare = clean(answer_of(text).text)[0].strip()
    if not bare:
        return Reading("", "no text")
    if match := _ALONE.fullmatch(bare):
        return Reading(match[1].upper())
    denied = bool(_RULED_OUT.search(bare))
    for patterns, fragile in _BY_STRENGTH:
        letters = _letters(patterns, bare)
        if not letters:
            continue
        if len(letters) > 1:
            return Reading("", f"several letters: {', '.join(sorted(letters))}")
        if fragile and denied:
            return Reading("", "a letter next to words that rule something out")
        return Reading(letters.pop())
    return Reading("", "no letter")


def _letters(patterns: tuple[re.Pattern[str], ...], text: str) -> set[str]:
    """The letters that patterns find, with those that follow "or"; an article does not count."""
    letters = set()
    for match in (m for pattern in patterns for m in pattern.finditer(text)):
        letter, end = match[1], match.end(1)
        option = _OPTION_BEFORE.search(text, max(0, match.start(1) - 20), match.start(1))
        if letter in "aA" and not option and match.end() == end and _ARTICLE.match(text, end):
            continue
        letters.add(letter.upper())
        while more := _MORE.match(text, end):
            letters.add(more[1])
            end = more.end(1)
    return letters
