"""Standard output and error that take any text, whatever the console's encoding is."""

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
    """A stream that takes everything and keeps nothing."""

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        return len(memoryview(data))


def prepare_streams() -> None:
    """Makes standard output and error take any text: what their encoding lacks is spelled in ASCII.

    A stream that was closed by the caller swallows what is written to it.
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
    """The ASCII spelling of what cannot be encoded, and where to go on: the form of a codec's error handler."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    rest = error.object[error.start : error.end]
    return "".join(_PLAIN.get(c, c.encode("ascii", "backslashreplace").decode()) for c in rest), error.end
