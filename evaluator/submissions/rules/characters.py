"""Characters that a report may not contain (RX401–RX404): control, hidden and meaningless ones."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Characters of other categories that show nothing: joiners, fillers, variation selectors (Unicode's
# Default_Ignorable_Code_Point, less the Cf of the table below).
_IGNORABLE: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"
    + "".join(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
)
_CONTROL: Final = re.compile(r"[^\t\n\x20-\x7e]")
# ⚠️, 1️⃣: a chat model's emoji is a symbol with a selector, and 👩‍⚕️ joins two; what follows a letter hides.
_EMOJI_PART: Final = re.compile("(?<=[\u00a9\u00ae\u2000-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff#*0-9])[\ufe0e\ufe0f]"
                                "|(?<=[\ufe0f\U0001f000-\U0001faff])\u200d(?=[\u2000-\u2bff\U0001f000-\U0001faff])")  # fmt: skip
_CODE_OF: Final = {
    "Cc": "RX401",
    "Zl": "RX401",
    "Zp": "RX401",
    "Cf": "RX402",
    "Co": "RX404",
    "Cn": "RX404",
}
REFUSED_CHARACTERS: Final = {
    "RX401": ("a control character", "printable text, line breaks and tabs"),
    "RX402": ("an invisible character", "visible characters"),
    "RX403": ("a character that reverses the reading direction", "text that reads as it is stored"),
    "RX404": ("a private or unassigned character", "characters that Unicode defines"),
}
"""Per code what was found and what is wanted."""


def character_codes(text: str) -> dict[str, str]:
    r"""Per code (RX401–RX404) a character of `text` that breaks the rule: the first in the text.

    >>> character_codes("a\u200bb"), character_codes("\u26a0\ufe0f effusion")
    ({'RX402': '\u200b'}, {})
    """
    if text.isascii() and not _CONTROL.search(text):
        return {}
    plain = _EMOJI_PART.sub("", text) if "\ufe0f" in text or "\ufe0e" in text or "\u200d" in text else text
    codes: dict[str, str] = {}
    # tie: none, characters differ
    for character in sorted(set(plain), key=plain.index if len(plain) <= 4_000 else None):
        code = _code(character)
        if code is not None:
            codes.setdefault(code, character)
    return codes


def _code(character: str) -> str | None:
    if character in "\t\n" or " " <= character <= "~":
        return None
    if character in _IGNORABLE:
        return "RX402"
    return "RX403" if character in BIDI else _CODE_OF.get(unicodedata.category(character))
