"""Letters of other scripts: those that imitate Latin ones (RX411, C7), and texts in other scripts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Final

from evaluator.core.problems import Problems, pointer
from evaluator.datasets.protocol import scored_part
from evaluator.datasets.report import StudyReport
from evaluator.submissions.parsing import line_of

_LOOK_ALIKE_SCRIPTS: Final = frozenset(
    {"CYRILLIC", "GREEK", "COPTIC", "ARMENIAN", "CHEROKEE", "LISU", "GEORGIAN"}
)
"""Scripts with letters that look like Latin ones; first words of their letters' names."""
_TOKEN: Final = re.compile(r"[^\W\d_]+")
_TYPOGRAPHIC: Final = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-"})
_LOOK_ALIKES: Final = frozenset(
    "асеорхуіјѕһԁԛԝАВЕКМНОРСТУХІЈЅԌ"  # Cyrillic that looks like Latin
    "οιΑΒΕΖΗΙΚΜΝΟΡΤΥΧ"  # Greek that does
)
_MEDICAL_GREEK: Final = frozenset("αβγδεζηθκλμπστφψωΓΔΘΛΞΠΣΦΨΩ")
"""Greek letters that stand for themselves in medicine: TNFα, NFκB, kΩ, μm."""
_NO_LATIN_LIKENESS: Final = frozenset("βδθλμξπφψΓΔΘΛΞΠΣΦΨΩ")
_GREEK_WORD: Final = re.compile(
    "(?:tnf|ifn|tgf|ppar|pdgf|hif|gm|er|interferon|amyloid|integrin|tumor|t?cell)[αβγδεκ]{1,2}r?|i?nfκb|[kmg]?ω|μ(?:m|g|l|s|mol|sv|gy|v|a|w|ci|kat|bq|hz|pa|iu)"
)
"""Medical words with a Greek letter, in lower case: some models write no capitals, some only capitals."""


def disguised(text: str) -> bool:
    """Whether a word imitates a Latin one with letters of another script (after UTS #39).

    True for a word that mixes Latin letters with Cyrillic ones or with Greek ones that do not stand for
    themselves, and, in a text of Latin letters, for one made of look-alikes only. Not for medical
    Greek: a letter by itself, beside capitals, in a unit or in a known word.

    >>> disguised("nо effusion"), disguised("cleαr"), disguised("3 μm, β-blocker, TNFα, kΩ, NFκB")
    (True, True, False)
    """
    if text.isascii():
        return False
    words = [w for w in _TOKEN.findall(unicodedata.normalize("NFKC", text)) if not w.isascii()]
    if any(_mixed(word) for word in words):
        return True
    foreign = [w for w in words if any(_script(c) in {"CYRILLIC", "GREEK"} for c in w)]
    only = [all(c in _LOOK_ALIKES for c in w) for w in foreign if len(w) > 1]
    # In a Russian or Greek report, such words occur among others that do not look Latin.
    return bool(only) and all(only)


def _mixed(word: str) -> bool:
    if _GREEK_WORD.fullmatch(word.lower()) or not any(_script(c) == "LATIN" for c in word):
        return False
    others = [i for i, c in enumerate(word) if not c.isascii() and _script(c) in _LOOK_ALIKE_SCRIPTS]
    return any(not _stands_for_itself(word, i) for i in others)


def _stands_for_itself(word: str, i: int) -> bool:
    """Whether the letter at `i` of a word with Latin letters is medical Greek and not a look-alike."""
    letter, before, after = word[i], word[i - 1 : i], word[i + 1 : i + 2]
    if letter not in _MEDICAL_GREEK:
        return False
    if not after and letter in _NO_LATIN_LIKENESS:
        return True
    return not (before.islower() or after.islower())


def other_script(text: str) -> bool:
    """Whether a letter is neither Latin nor Greek; symbols, accents, units and emoji do not count.

    >>> other_script("3 × 4 mm, Köhler, ±½ • α"), other_script("双肺清晰")
    (False, True)
    """
    if text.isascii():
        return False
    letters = {c for c in unicodedata.normalize("NFKC", text) if not c.isascii() and c.isalpha()}
    return any(_script(c) not in {"LATIN", "GREEK", "MODIFIER"} for c in letters)


def outside_ascii(text: str) -> bool:
    """Whether a character outside ASCII is left after NFKC and typographic punctuation are folded."""
    return not text.isascii() and not unicodedata.normalize("NFKC", text.translate(_TYPOGRAPHIC)).isascii()


@lru_cache(maxsize=4096)
def _script(character: str) -> str:
    return unicodedata.name(character, "").partition(" ")[0]


def check_lookalikes(file: str, text: str, studies: Mapping[str, StudyReport], problems: Problems) -> None:
    """RX411: no word imitates a Latin one; `text` is the file's, for line numbers."""
    for study, report in studies.items():
        for field, value in report.fields.items():
            if disguised(scored_part(value)):
                problems.add(
                    "RX411",
                    file,
                    pointer=pointer(study, field),
                    line=partial(line_of, text, study),
                    found="a word that imitates Latin letters with another script",
                    wanted="words of one script: a reader and a metric should see the same; medical Greek (TNFα, μm, kΩ) is fine",
                    fix="write the word with Latin letters",
                )
