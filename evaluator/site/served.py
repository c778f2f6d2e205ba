"""How data files are served: as compact JSON, and gzipped if they grow with models and studies."""

from __future__ import annotations

import gzip
import json
from typing import Any, Final

PACKED: Final = ".gz"
"""The suffix of a compressed file's name."""
_LEVEL: Final = 6
"""The highest level worth its time: level 9 takes twice as long to save 0.5 %."""


def compact(value: Any) -> str:
    """A value as compact JSON: sorted keys, full float precision, no NaN, a newline at the end."""
    separators = (",", ":")
    return (
        json.dumps(value, separators=separators, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    )


def served(name: str, text: str) -> bytes:
    """A file's bytes: gzipped, without a timestamp, if its name says so."""
    data = text.encode()
    return gzip.compress(data, _LEVEL, mtime=0) if name.endswith(PACKED) else data
