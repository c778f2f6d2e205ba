"""Standard output and error that accept any text, whatever the console's encoding."""

from __future__ import annotations

import codecs
import io
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_HANDLER: Final = "rexrank"
_PLAIN: Final = {
    "✅": "OK",
    "❌": "X",
    "⚠": "!",
    "–": "-",
    "—": "-",
    "−": "-",
    "…": "...",
    "·": "-",
    "×": "x",
    "≥": ">=",
    "≤": "<=",
    "±": "+-",
    "→": "->",
    "∞": "inf",
    "’": "'",
    "“": '"',
    "”": '"',
    "\ufe0f": "",
}


class _Nowhere(io.RawIOBase):
    """A stream that discards everything written to it."""

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        return len(memoryview(data))


def prepare_streams() -> None:
    """Makes standard output and error accept any text: what their encoding lacks is spelled in ASCII.

    Output to a stream that the caller closed is discarded.
    """
    codecs.register_error(_HANDLER, _spelled)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, io.TextIOWrapper(_Nowhere(), encoding="utf-8"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def print_data(text: str) -> None:
    """Writes JSON to standard output, in UTF-8 whatever the console's encoding: programs read it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.stdout.write(text)


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """As a codec's error handler: the ASCII spelling of what cannot be encoded, and where to resume."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    rest = error.object[error.start : error.end]
    return "".join(_PLAIN.get(c, c.encode("ascii", "backslashreplace").decode()) for c in rest), error.end
