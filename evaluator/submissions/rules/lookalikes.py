"""Letters of another script in the place of Latin ones (RX411)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import partial
from typing import Final

from evaluator.core.problems import Problems, pointer
from evaluator.submissions.parsing import line_of
from evaluator.submissions.rules.text import MAX_SCANNED

_CYRILLIC_OR_GREEK: Final = re.compile(
    "[\u0370-\u03ff\u0400-\u052f\u1c80-\u1c8f\u1f00-\u1fff\u2de0-\u2dff\ua640-\ua69f]"
)


def check_lookalikes(
    file: str, text: str, studies: Mapping[str, Mapping[str, str]], problems: Problems
) -> None:
    """RX411: no word imitates a Latin one; `text` is the file's, for line numbers."""
    for study, content in studies.items():
        for field, value in content.items():
            if value.isascii():
                continue
            # After NFKC, so that Greek from the mathematical alphabets is seen; most texts end here.
            folded = unicodedata.normalize("NFKC", value[:MAX_SCANNED])
            if _CYRILLIC_OR_GREEK.search(folded) and disguised(folded):
                problems.add(
                    "RX411",
                    file,
                    pointer=pointer(study, field),
                    line=partial(line_of, text, study),
                    found="a word that imitates Latin letters with those of another script",
                    wanted="words of one script: a reader and a metric should see the same",
                    fix="write the word with Latin letters",
                )


_TYPOGRAPHIC: Final = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-"})
_TOKEN: Final = re.compile(r"[^\W\d_]+")
_LOOK_ALIKES: Final = frozenset(
    "асеорхуіјѕһԁԛԝАВЕКМНОРСТУХІЈЅԌ"  # Cyrillic that reads as Latin
    "οιΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"  # Greek that does
)
_UNITS: Final = frozenset("μ")
"""Greek letters that honest reports write beside Latin ones (μm, after NFKC)."""


def foreign(text: str) -> bool:
    """Whether a character outside ASCII is left after NFKC and typographic punctuation are folded."""
    return not text.isascii() and not unicodedata.normalize("NFKC", text.translate(_TYPOGRAPHIC)).isascii()


def disguised(text: str) -> bool:
    """Whether a word imitates a Latin one with letters of another script (after UTS #39).

    True for a word that mixes Latin letters with Cyrillic or Greek ones, and for one made of
    look-alikes only; not for Greek letters that stand by themselves, nor for "μm".

    >>> disguised("nо effusion"), disguised("3 μm, β-blocker")
    (True, False)
    """
    if text.isascii():
        return False
    for word in _TOKEN.findall(unicodedata.normalize("NFKC", text)):
        if word.isascii():
            continue
        others = [
            c for c in word if not c.isascii() and c not in _UNITS and _script(c) in {"CYRILLIC", "GREEK"}
        ]
        latin = any(_script(c) == "LATIN" for c in word)
        if others and (latin or (len(word) > 1 and all(c in _LOOK_ALIKES for c in word))):
            return True
    return False


def _script(character: str) -> str:
    return unicodedata.name(character, "").partition(" ")[0]
