"""Sentences of a report as RaTEScore sees them, without spaCy.

RaTEScore splits with medspacy's PyRuSH pipe, a rule engine that marks where sentences may begin and
end and lets wider marks displace narrower ones they touch. The marks that occur in radiology
reports are written here as regular expressions; the golden sentence lists of the official pipeline
are the proof of equality (tests/metrics/test_sentences.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

MIN_CHARACTERS: Final = 3
"""Shorter sentences are dropped, as the official code does."""
_SHORT_GAP: Final = 5
"""Text of at most so many characters between two sentences joins the one before."""

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
    r"{N}([.+/] {U})",
    r"{N}(-{S}++{U})",
    r"{A}(?:{S}++)?{N}++({U}{U}++:)",
    r"{A}{N}++({U}{L}++:)",
    r"{N}++({L}){L}++:",
    r"[{UL}]:{S}++{N}(\S)",
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
    (r"[{LL}]{L}(\.){S}++{U}", True),
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
    (r"({A})\Z", True),
    (r"{N}{D}++(\.){S}++{U}", False),
    (r"{S}(?:(?:M|m)(?:s|r|rs)|[Dd]r)(\.) ", False),
    (r"(,{W}++{L}{L})", False),
    (r"(,{W}++{D}++ )", False),
    (r"(;{W}++{L}{L})", False),
    (r"(\){W}++{L}{L})", False),
    (r"({S}++{U}{{1,4}}{W}++{L}{L})", False),
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
        for name in ("UL", "LL"):
            pattern = pattern.replace("[{" + name + "}]", "(?:" + "|".join(_CLASSES[c] for c in name) + ")")
        return re.compile("(?=" + pattern.format(**_CLASSES) + ")")

    return [build(p) for p in _BEGINS], [(build(p), real) for p, real in _ENDS]
