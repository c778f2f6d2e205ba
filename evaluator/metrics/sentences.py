"""Sentences of a report as RaTEScore sees them, without spaCy.

RaTEScore splits with medspacy's PyRuSH pipe, a rule engine that marks where sentences may begin and end, with
wider marks displacing narrower ones that they touch. The marks that occur in radiology reports are written
here as regular expressions; the golden sentence lists of the official pipeline verify equality
(tests/metrics/test_sentences.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

MIN_CHARACTERS: Final = 3
"""Shorter sentences are dropped, as the official code does."""
_SHORT_GAP: Final = 5
"""Text of at most this many characters between two sentences joins the one before."""

_CLASSES: Final = {
    "S": r"[ \t\xa0]",  # space or tab
    "N": r"[\n\r]",
    "W": r"[\s\x7f-\U0010ffff]",  # any space or non-ASCII character
    "D": r"\d",
    "U": r"[A-ZÀ-ÖØ-Þ]",
    "L": r"[a-zªµºß-öø-ÿ]",
    "A": r"\S",
    "P": r"[!-/:-@\[-`{-~]",
}

# Upper-case letters in braces are the classes above; the group is the mark. A repetition takes the
# whole run or exactly one character, never something between.
_BEGINS: Final = (
    r"\A(?:{S}{{1,51}}+)?({U}|{D})",
    r"(?:{L}{L}?|\)|{D}|{L}\)|{D}\)| mL)\.{S}++({U})",
    r"{U}{U}{U}\.{S}++({U}){L}",
    r"\.{W}++((?:The|This|this|Now) )",
    r"\.{S}++(The)",
    r"\.{S}++({D}\.{S}++{U})",
    r"\.{S}++({D}\.{U})",
    r"[?!]{S}++({U}){L}",
    r"[?!]{S}++({D})",
    r"{L}{L}\.{W}++({L}++)",
    r"{L}{L}\.{N}++({D}++)",
    r"{L}+\.{W}++({D})\){S}++{U}",
    r"{L}{W}++({D})\){S}++{U}",
    r"{N}++(?:{S}{{2,4}})?({U})",
    r"{N}(-{U})",
    r"{N}({D}++\.{S}++{L})",
    r"{N}({D}++)\.{S}++{U}",
    r"{N}({D}++\.{U})",
    r"{N}{S}++({D}\.{S}++{U})",
    r"{A}{N}++({D}\.{S}++{U})",
    r"{N}({D}{D}?\){S}++{U})",
    r"{N}({D}{D}?\){S}++{L})",
    r"{N}([-#*?] (?:{L}|{U}))",
    r"{N}([.+/]? {U})",
    r"{N}(-{S}++{U})",
    r"{A}(?:{S}++)?{N}++({U}{U}++:)",
    r"{A}{N}++({U}{L}++:)",
    r"{N}++({L}){L}++:",
    r"(?:{U}|{L}):{S}++{N}({A})",
    r"{L}:{N}++({A})",
    r"{U}:{N}++({D})",
    r"(F)INDINGS:",
    r"{N}++(Follow)",
    r"{L}++{S}++\.{S}++({U}{L}++)",
    r"{D}++{S}++\.{S}++({U})",
    r"{L}\.\"{S}++({U})",
)

# (pattern, whether it is a real end): a false end only keeps real ones away.
_ENDS: Final = (
    (r"{A}(\.) {{1,51}}+", True),
    (r"{L}{L}(\.){S}++{U}", True),
    (r"{D}(\.){S}++{U}", True),
    (r"\)(\.){S}++{U}", True),
    (r"{U}{U}{U}(\.){S}++{U}{L}", True),
    (r"{L}(\.){S}++I", True),
    (r"(\.{S}++{D}\.{S}++{U})", True),
    (r"(\.){S}++The", True),
    (r"{L}(\.{S}++{D}\.{U})", True),
    (r"(?:{L}|{D}|{U}|\)|\])(\.){N}", True),
    (r"{L}(\.){S}++{N}", True),
    (r"(?:{L}|{U}|{D})(:)(?:{S}++)?{N}", True),
    (r"({A}{N}{N})", True),
    (r"({A}{S}++{N}{N})", True),
    (r"{L}({L})(?:{S}++)?{N}++{U}", True),
    (r"{L}({L}){N}++ {U}", True),
    (r"({L}){N}- (?:{L}|{U})", True),
    (r"({L}{N}++{L}{L}++:)", True),
    (r"({S}++{N}{N}++{S}++{U})", True),
    (r"({A})(?:{S}++)?{N}++{U}{U}++:", True),
    (r"({A}){N}++{U}{L}++:", True),
    (r"({P}){W}++(?:Findings|FINDINGS):", True),
    (r"((?:{L}|{U}|{D})){W}++(?:Findings|FINDINGS|Indication|INDICATION|Reason|REASON):", True),
    (r"(?:{L}|{U}|{D})(\?){W}++", True),
    (r"{L}++{L}(\.){W}++{D}\){S}++{U}", True),
    (r"({L}){W}++{D}{D}?\)", True),
    (r"(?:{D}|{L}|{U})({S}++{N}++{D}{D}?\.{S}++(?:{U}|{L}))", True),
    (r"{L}++{S}++(\.){S}++{U}{L}++", True),
    (r"{L}\.(\"){S}++{U}", True),
    (r"({A}){W}++\Z", True),
    (r"{N}{D}++(\.){S}++{U}", False),
    (r"({S}(?:[Mm]s|[Mm]r|[Mm]rs|[Dd]r)\. )", False),
    (r"(,{W}++{L}{L})", False),
    (r"(,{W}++{D}++ )", False),
    (r"(;{W}++{L}{L})", False),
    (r"(\){W}++{L}{L})", False),
    (r"{S}++{U}{{1,3}}({U}){W}++{L}{L}", False),
    (r"(A{W}++(?:{L}{L}|{D}++ ))", False),
    (r"({L}(?:{S}++)?{N}++(?:{S}++)?{L})", False),
    (r"({D}++){W}++(?:cm |m |mg |ml |week|month|year)", False),
)


@dataclass(slots=True)
class _Mark:
    begin: int
    end: int
    real: bool


@cache
def _compiled() -> tuple[list[re.Pattern[str]], list[tuple[re.Pattern[str], bool]]]:
    def build(pattern: str) -> re.Pattern[str]:
        return re.compile("(?=" + pattern.format(**_CLASSES) + ")")

    return [build(p) for p in _BEGINS], [(build(p), real) for p, real in _ENDS]


def _marks(pairs: list[tuple[int, int, int, bool]]) -> list[_Mark]:
    """The real marks that do not touch a wider one, in order of discovery."""
    marks: list[_Mark] = []
    tree: list[tuple[int, int, int]] = []
    for _, begin, end, real in pairs:
        touched = [
            t
            for t in tree
            if (t[0] < end and t[1] > begin) or (t[0] == begin and (begin == end or t[1] == begin))
        ]
        if not touched:
            tree.append((begin, end if tree else end - 1, len(marks)))
            marks.append(_Mark(begin, end, real))
            continue
        at = max(touched)[2]  # tie: none, whole numbers
        if end - begin > marks[at].end - marks[at].begin:
            marks[at] = _Mark(begin, end, real)
            tree.append((begin, end, at))
    return [mark for mark in marks if mark.real]


def _found(text: str) -> tuple[list[_Mark], list[_Mark]]:
    begins, ends = _compiled()
    starts = [(m.start(), m.start(1), m.end(1), True) for p in begins for m in p.finditer(text)]
    stops = [(m.start(), m.start(1), m.end(1), real) for p, real in ends for m in p.finditer(text)]
    # tie: the order found; whole numbers
    return _marks(sorted(starts, key=lambda m: m[0])), _marks(sorted(stops, key=lambda m: m[0]))


def _trimmed(text: str, begin: int, end: int) -> tuple[int, int] | None:
    """The span without leading space and trailing punctuation; `None` for fewer than two characters."""
    first = next((i for i in range(begin, end) if not text[i].isspace()), None)
    if first is None:
        return None
    for last in range(end - 1, first, -1):
        if text[last].isalnum() or text[last] in '.!?)]"':
            return first, last + 1
    return None


def _fill(spans: list[list[int]], text: str, begin: int, end: int) -> None:
    """Makes unclaimed text a sentence of its own, or adds it to the previous one if it is short."""
    gap = _trimmed(text, begin, end)
    if gap is None:
        return
    if gap[1] - gap[0] > _SHORT_GAP:
        spans.append(list(gap))
    elif spans:
        spans[-1][1] = gap[1]


def _paired(text: str, begins: list[_Mark], ends: list[_Mark]) -> list[list[int]]:
    """Sentences from the begin marks and, for each, the last end mark before the next begin."""
    spans: list[list[int]] = []
    start = stop = cursor = 0
    open_ = False
    for i, mark in enumerate(begins):
        if not open_:
            start = mark.begin
            if start < stop:
                continue
            open_ = True
        elif mark.begin < stop:
            continue
        _fill(spans, text, spans[-1][1] if spans else 0, start)
        following = begins[i + 1].begin if i + 1 < len(begins) else None
        for k in range(cursor, len(ends)):
            more = k + 1 < len(ends)
            if following is not None and more and following < ends[k].begin + 1:
                break
            stop, cursor = len(text[: ends[k].begin + 1].rstrip()), k
            if stop < start:
                continue
            if not open_:
                spans[-1] = [start, stop]
                continue
            spans.append([start, stop])
            open_ = False
            if following is not None and not (more and following > ends[k + 1].end):
                break
    return spans


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Character spans of the sentences of `text`, in order; empty when no mark finds one."""
    begins, ends = _found(text)
    spans = _paired(text, begins, ends)
    if not spans:
        whole = _trimmed(text, 0, len(text))
        return [whole] if whole and whole[1] - whole[0] > _SHORT_GAP else []
    if head := _trimmed(text, 0, spans[0][0]):
        if spans[0][0] <= ends[0].begin:
            spans[0][0] = head[0]
        else:
            spans.insert(0, list(head))
    _fill(spans, text, spans[-1][1], len(text))
    return [(begin, end) for begin, end in spans]


def split_sentences(text: str) -> list[str]:
    """The sentences RaTEScore's entity model is given: stripped, at least `MIN_CHARACTERS` long.

    A text without any mark is one sentence; an empty or blank one has none.
    """
    spans = sentence_spans(text) or [(0, len(text))]
    parts = [text[begin:end].strip() for begin, end in spans]
    return [part for part in parts if len(part) >= MIN_CHARACTERS]
