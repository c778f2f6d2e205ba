"""Letters of another script in the place of Latin ones (RX411)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import partial
from typing import Final

from evaluator.checks.integrity import disguised
from evaluator.checks.text import MAX_SCANNED
from evaluator.core.problems import Problems, pointer
from evaluator.jsonio import line_of

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
