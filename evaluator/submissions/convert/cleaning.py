r"""What is removed from a report when a file is converted: one table of kinds, each counted.

These are leftovers of tools, not of radiology: line ends, invisible characters, a decoder's tokens,
missing values that were turned into words. Nothing here changes a word of a report.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

DECODER_TOKENS: Final = re.compile(
    r"<\|[A-Za-z0-9_ .:/-]{0,60}\|>"
    r"|</?(?:s|unk|pad|eos|bos|sep|cls|mask|eot|sot|eod|eop|sop|gmask|im_patch|im_start|im_end|img|image|video|audio"
    r"|start_of_turn|end_of_turn|start_of_image|end_of_image|image_soft_token|begin_of_image|begin_of_text|end_of_text"
    r"|endoftext|end_of_utterance|fake_token_around_image|eoc|endofchunk|extra_id_\d{1,3}|unused\d{1,4}|0x[0-9A-Fa-f]{2})>"
    r"|\[/?(?:PAD|CLS|SEP|MASK|UNK|BOS|EOS|INST|IMG|gMASK)\]|<</?SYS>>"
    r"|<｜[^｜<>\n]{1,60}｜>",
    re.IGNORECASE,
)
"""Special tokens of tokenizers and chat templates, as left in a text that was decoded with them."""
_TURN: Final = re.compile(
    r"(?:<\|im_start\|>|<start_of_turn>|<\|start_header_id\|>|<\|start\|>)[ \t]*(?:assistant|model)\b(?:[ \t]*<\|end_header_id\|>)?\s*",
    re.IGNORECASE,
)
_ROLE: Final = re.compile(r"\A\s*(?:###\s*)?(?:assistant|ASSISTANT|Assistant|gpt|GPT)\s*:\s*")
_EXCEL_RETURN: Final = re.compile(r"_x000[dD]_")
_LINE_ENDS: Final = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85]")
_SEPARATORS: Final = re.compile("[\u2028\u2029]")
_ZERO_WIDTH: Final = re.compile(
    "[\u200b-\u200d\u2060\u2061-\u2064\u180e\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]"
)
_VARIATION: Final = re.compile("[\ufe00-\ufe0f\u180b-\u180d\u180f\U000e0100-\U000e01ef]")
_HALVES: Final = re.compile("[\ud800-\udfff]")
_NOT_PLAIN: Final = re.compile(r"[^\n\t\x20-\x7e]")
_PIECES: Final = re.compile("[ĠĊ▁]")
_CONTINUED: Final = re.compile(r"(?<=\w) ?##(?=[a-z])")
MIN_PIECES: Final = 3
"""From this many word-piece marks, a text counts as undecoded; `Ġ` is also a Maltese letter."""
NOTHING: Final = frozenset({"nan", "none", "null", "<na>", "nat", "n/a", "#n/a"})


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of leftover: its key, its description, and the function that removes it."""

    key: str
    what: str
    clean: Callable[[str], str]


def _without_tokens(text: str) -> str:
    bare = _ROLE.sub("", _TURN.sub("", text))
    while len(parts := DECODER_TOKENS.split(bare)) > 1:  # removing a token may join text into another
        bare = " ".join(p.strip(" \t") for p in parts if p.strip(" \t"))
    return bare


def _decoded_pieces(text: str) -> str:
    if len(_PIECES.findall(text)) >= MIN_PIECES:
        text = text.replace("Ġ", " ").replace("▁", " ").replace("Ċ", "\n")
        text = re.sub(r"(?<=\S) {2,}(?=\S)", " ", text)
    if len(_CONTINUED.findall(text)) >= MIN_PIECES or re.search(r"\w ##[a-z]", text):
        text = _CONTINUED.sub("", text)
    return text


def _without_categories(*categories: str) -> Callable[[str], str]:
    def clean(text: str) -> str:
        odd = [c for c in set(_NOT_PLAIN.findall(text)) if unicodedata.category(c) in categories]
        return text.translate({ord(c): None for c in odd}) if odd else text

    return clean


def _replaced_undefined(text: str) -> str:
    odd = [c for c in set(_NOT_PLAIN.findall(text)) if unicodedata.category(c) in {"Co", "Cn"}]
    return text.translate({ord(c): "\ufffd" for c in odd}) if odd else text


def _missing_value(text: str) -> str:
    return "" if text.strip().casefold() in NOTHING else text


KINDS: Final = (
    Kind("halves", "halves of characters, now U+FFFD", lambda t: _HALVES.sub("\ufffd", _joined_halves(t))),
    Kind("line_ends", "carriage returns and other line ends, now plain ones", lambda t: _LINE_ENDS.sub("\n", _EXCEL_RETURN.sub("\r", t))),
    Kind("separators", "line separators U+2028 and U+2029, now line breaks", lambda t: _SEPARATORS.sub("\n", t)),
    Kind("byte_order_mark", "byte order marks", lambda t: t.replace("\ufeff", "")),
    Kind("zero_width", "characters of no width", lambda t: _ZERO_WIDTH.sub("", t)),
    Kind("soft_hyphen", "soft hyphens", lambda t: t.replace("\u00ad", "")),
    Kind("variation_selector", "variation selectors (of emoji)", lambda t: _VARIATION.sub("", t)),
    Kind("nul", "NUL characters", lambda t: t.replace("\x00", "")),
    Kind("control", "other control characters", _without_categories("Cc")),
    Kind("format", "other invisible characters, marks of the reading direction among them", _without_categories("Cf")),
    Kind("undefined", "characters that Unicode does not define, now U+FFFD", _replaced_undefined),
    Kind("pieces", "undecoded pieces of a tokenizer (Ġ, ▁, ##), now joined", _decoded_pieces),
    Kind("decoder_token", "tokens of a decoder or chat template (</s>, <|im_end|>, …)", _without_tokens),
    Kind("missing_value", "missing values written as a word (nan, None), now empty", _missing_value),
)  # fmt: skip
"""The kinds in the order in which they are applied: characters, then tokens, then words."""


def _joined_halves(text: str) -> str:
    """`text` with surrogate pairs, as left by JSON escapes, joined to single characters."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def clean(text: str) -> tuple[str, tuple[str, ...]]:
    r"""The text without leftovers, and the keys of the kinds found in it.

    >>> clean("Clear.\r\nNormal.</s>")
    ('Clear.\nNormal.', ('line_ends', 'decoder_token'))
    """
    keys = []
    for kind in KINDS:
        after = kind.clean(text)
        if after != text:
            keys.append(kind.key)
            text = after
    return text, tuple(keys)
