"""Splits a text into findings and impression: headers in common spellings, and tags.

A header counts where a section can start: at the start, on a line of its own, after a sentence, or marked up.
Within a sentence ("Prior impression:") it is just a word. The last impression header wins. Sections of other
names (EXAMINATION, INDICATION, TECHNIQUE, COMPARISON) are left out.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from evaluator.submissions.convert.table import names

_WINDOW: Final = 80
_NAME: Final = re.compile(
    r"(?:(?<![A-Za-z])|(?<=[a-z.])(?=(?-i:[A-Z])))(?:"
    r"(?P<both>findings?\s*(?:and|&|/|\+)\s*impressions?)"
    r"|(?P<impression>(?:impressions?|conclusions?)(?:\s*(?:and|&|/)\s*(?:recommendations?|plan|conclusions?|impressions?))?)"
    r"|(?P<findings>findings?)"
    r"|(?P<other>(?:reason\s+for\s+)?exam(?:ination)?|indications?|techniques?|comparisons?|procedure"
    r"|(?:clinical\s+)?(?:history|information|indications?)|reason\s+for\s+study|views?)"
    r")(?![A-Za-z])",
    re.IGNORECASE,
)
_MARK: Final = r"(?:\*{1,3}|_{1,3}|\]|</(?:b|strong|u|i|em|h[1-6])>)"
_END: Final = re.compile(
    rf"(?P<colon>[ \t]*(?:{_MARK}[ \t]*){{0,4}}[:\uff1a](?:[ \t]*{_MARK}(?=\s|\Z|[^*_\w])|[ \t]*\*{{1,3}}(?=\S)){{0,2}}\s*)"
    r"|(?P<dash>[ \t]*(?:\*{1,3}[ \t]*)?[-\u2013\u2014]{1,2}(?=\s|\Z)\s*)"
    rf"|(?P<marked>(?:[ \t]*{_MARK}){{1,4}}[ \t]*\n*)"
    r"|(?P<alone>[ \t]*(?:\n\s*|\Z))"
)
_OPENERS: Final = re.compile(
    r"(?:(?:\*{1,3}|_{1,3}|#{1,6}|\[|<(?:b|strong|u|i|em|h[1-6])>)[ \t]*){1,4}\Z", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"(?:\A|\n)[ \t]*(?:\d{1,2}[.)]|[-\u2022*>])[ \t]*\Z")
_BOUNDARY: Final = re.compile(
    "(?:\\A|\n|[.!?;\u3002][\"')\\]*_]{0,4}\\s|[.!?\u3002](?=[A-Z])|[:\uff1a]\\s|[*_#\\]>]{1,3}\\s|(?<!\\S)[*_#\\[]{1,6})"
)
_QUALIFIERS: Final = names(
    "final overall main key summary radiology radiologic radiological radiographic radiographical chest "
    "x-ray xray cxr imaging diagnostic detailed the & and"
)
_NO_HEADER: Final = names(
    "prior previous old earlier last clinical initial outside other additional incidental preliminary "
    "admitting referring working provisional comparison an a this that my his her their no of with and for "
    "new since from on in to per"
)
_TAG: Final = re.compile(
    r"<\s*(findings?|impressions?|conclusions?)\b[^<>]{0,80}>(.*?)(?:<\s*/\s*\1\s*>|(?=<\s*(?:findings?|impressions?|conclusions?)\b)|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_PREAMBLE: Final = re.compile(
    r"\W*(?:(?:final |radiology |chest x-?ray |radiographic )?report|exam(?:ination)?|indications?"
    r"|(?:clinical )?(?:history|information)|techniques?|procedure|comparisons?|reason for exam(?:ination)?|study|views?)\b",
    re.IGNORECASE,
)
_DANGLING: Final = re.compile(r"(?:\A|(?<=\s))[*#_]+\Z|\A[*#_]+(?=\s*\n)|\A#+\s")
_SENTENCE_END: Final = re.compile(r"[.!?\u3002](?:\s+|\Z)|\n|\Z")


class Section(StrEnum):
    """What a header announces."""

    FINDINGS = "findings"
    IMPRESSION = "impression"
    BOTH = "both"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Header:
    """One header: what it announces, its span in the text, and whether it is where a section can start."""

    section: Section
    start: int
    end: int
    top: bool


@dataclass(frozen=True, slots=True)
class Split:
    """A text in sections: `impression` is `None` where no header was found.

    `left_out`: text of other sections (indication, technique). `unsure`: headers are left in the text.
    """

    findings: str
    impression: str | None
    left_out: str = ""
    unsure: bool = False


def split_report(text: str) -> Split:
    """A report's sections by its headers or tags.

    >>> split_report("Findings:Clear.Impression:Normal.")
    Split(findings='Clear.', impression='Normal.', left_out='', unsure=False)
    >>> split_report("Unchanged. Prior impression: pneumonia.").impression is None
    True
    """
    tagged = _by_tags(text)
    if tagged is not None:
        return tagged
    headers = find_headers(text)
    impression = _last(headers, Section.IMPRESSION)
    findings = _first_findings(headers)
    if impression is None:
        return _with_findings(text, headers, findings, None, len(text))
    if findings and findings.start > impression.start and not _body(text, headers, 0, impression.start)[0]:
        section, first = _body(text, headers, impression.end, findings.start)
        rest, second = _body(text, headers, findings.end, len(text))
        return Split(rest, section, _joined(first, second))
    if findings and findings.start > impression.start:
        findings = None
    section, other = _body(text, headers, impression.end, len(text))
    split = _with_findings(text, headers, findings, section, impression.start)
    return Split(split.findings, section, _joined(split.left_out, other), split.unsure)


def _by_tags(text: str) -> Split | None:
    """The sections of `<findings>…</findings><impression>…</impression>`; `None` for a text without them."""
    if "<" not in text:
        return None
    parts: dict[str, str] = {}
    matches = list(_TAG.finditer(text))
    for match in matches:
        name = "findings" if match[1].casefold().startswith("finding") else "impression"
        if name in parts:
            return None
        parts[name] = _tidy(match[2])
    if not parts:
        return None
    outside = re.sub(
        r"</?[a-z]{1,20}>", "", text[: matches[0].start()] + text[matches[-1].end() :], flags=re.IGNORECASE
    )
    if "findings" not in parts and outside.strip():
        return Split(_tidy(outside), parts["impression"])
    return Split(parts.get("findings", ""), parts.get("impression"), _tidy(outside))


def find_headers(text: str) -> list[Header]:
    """The headers of a text in their order; those within a sentence only where it has no other of their kind."""
    shouting = text.isupper()
    quiet = not any(c.isupper() for c in text)
    headers = []
    at = 0
    for match in _NAME.finditer(text):
        if match.start() >= at and (header := _header(text, match, shouting=shouting, quiet=quiet)):
            headers.append(header)
            at = header.end
    top = {h.section for h in headers if h.top}
    return [h for h in headers if h.top or (h.section not in top and h.section is not Section.OTHER)]


def _header(text: str, match: re.Match[str], *, shouting: bool, quiet: bool) -> Header | None:
    section = Section(str(match.lastgroup))
    before = text[max(0, match.start() - _WINDOW) : match.start()]
    opener = _OPENERS.search(before)
    mark = opener is not None
    if opener:
        before = before[: opener.start()]
    number = _NUMBER.search(before)
    if number:
        before = before[: number.start()]
    at_start = not before.strip(" \t") or before.endswith("\n") or number is not None
    end = _END.match(text, match.end())
    kind = end.lastgroup if end else None
    words = _words_before(before) if not (at_start or mark) else []
    line = at_start or _qualified_line(before)
    begins = not words or all(w.casefold() in _QUALIFIERS for w in words)
    name = match.group()
    if kind == "marked" and not mark:
        kind = None
    if kind == "alone" and not (line or mark):
        kind = None
    if kind in {"dash", None} and section is Section.OTHER:
        return None
    if kind is None:
        if not (begins and name.isupper() and not shouting and section is not Section.OTHER):
            return None
        space = re.compile(r"[ \t]*").match(text, match.end())
        stop = space.end() if space else match.end()
    else:
        stop = end.end() if end else match.end()
    if kind == "dash" and not begins:
        return None
    start = _start_of(text, match.start(), opener, number, words if begins else [])
    if begins:
        return Header(section, start, stop, top=True)
    loose = kind == "colon" and (name[0].isupper() or quiet) and words[-1].casefold() not in _NO_HEADER
    return Header(section, start, stop, top=False) if loose else None


def _words_before(before: str) -> list[str]:
    """The words between the last place where a section may start and the header's name."""
    # tie: first found; whole numbers
    last = max(_BOUNDARY.finditer(before), key=lambda match: match.end(), default=None)
    rest = before[last.end() :] if last else before
    return rest.split() or ([] if last or not before.strip() else ["…"])


def _qualified_line(before: str) -> bool:
    line = before.rpartition("\n")[2]
    return all(w.casefold() in _QUALIFIERS for w in line.split())


def _start_of(
    text: str, start: int, opener: re.Match[str] | None, number: re.Match[str] | None, words: list[str]
) -> int:
    """Where a header begins, including its markup, number and the words that belong to it."""
    if opener:
        start -= len(opener.group())
    if number:
        start -= len(number.group().lstrip("\n"))
    for word in reversed(words):
        start = text.rindex(word, 0, start)
    if words and (marks := _OPENERS.search(text[max(0, start - _WINDOW) : start])):
        start -= len(marks.group())
    return start


def _last(headers: list[Header], section: Section) -> Header | None:
    return next((h for h in reversed(headers) if h.section is section), None)


def _first_findings(headers: list[Header]) -> Header | None:
    return next((h for h in headers if h.section in {Section.FINDINGS, Section.BOTH}), None)


def _with_findings(
    text: str, headers: list[Header], findings: Header | None, impression: str | None, stop: int
) -> Split:
    """The findings before `stop`; text before their header is left out if it is another section."""
    if findings is None or findings.start > stop:
        body, other = _body(text, headers, 0, stop)
        return Split(body, impression, other)
    before = text[: findings.start]
    rest, other = _body(text, headers, findings.end, stop)
    if not before.strip(" \t\n*#_"):
        return Split(rest, impression, other)
    if _PREAMBLE.match(before) and not any(
        h.section is Section.IMPRESSION and h.end <= findings.start for h in headers
    ):
        return Split(rest, impression, _joined(_tidy(before), other))
    body, other = _body(text, headers, 0, stop)
    return Split(body, impression, other, unsure=True)


def _body(text: str, headers: list[Header], start: int, stop: int) -> tuple[str, str]:
    """A section's text without sections of other names inside it, and those sections.

    An inner section ends with its line or sentence: what follows may be findings again.
    """
    own, other = [], []
    at = start
    for header in headers:
        if header.section is not Section.OTHER or not at <= header.start < stop:
            continue
        end = _end_of_other(text, headers, header, stop)
        own.append(text[at : header.start])
        other.append(text[header.start : end])
        at = end
    own.append(text[at:stop])
    body = _tidy("".join(own))
    return body, _tidy(" ".join(part.strip() for part in other))


def _end_of_other(text: str, headers: list[Header], header: Header, stop: int) -> int:
    after = bisect_left(headers, header.end, key=lambda h: h.start)
    following = headers[after].start if after < len(headers) else stop
    match = _SENTENCE_END.search(text, header.end)
    end = match.end() if match else stop
    return min(end, following, stop)


def _joined(*parts: str) -> str:
    return " ".join(p for p in parts if p)


def _tidy(text: str) -> str:
    """The text without outer space and without remains of a neighbouring header."""
    return _DANGLING.sub("", text.strip()).strip()
