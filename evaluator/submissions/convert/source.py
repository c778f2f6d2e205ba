"""The bytes of a source: how large, packed or not, what kind, and in which encoding its text is."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evaluator.core.problems import InputError
from evaluator.submissions.convert.table import Refused

MAX_BYTES: Final = 200_000_000
"""Largest source, packed and unpacked."""
_BLOCK: Final = 1 << 20
_MAGIC: Final = {
    b"PAR1": "parquet",
    b"PK\x03\x04": "zip",
    b"\x1f\x8b": "gzip",
}
_OTHERS: Final = {
    b"\xd0\xcf\x11\xe0": ("an old Excel file (.xls)", "save it as .xlsx or CSV"),
    b"ARROW1": ("an Arrow file", "write it with df.to_parquet or df.to_json"),
    b"\x93NUMPY": ("a NumPy file", "write the texts as JSON: {id: text}"),
    b"\x80\x04": ("a Python pickle", "write the texts as JSON: {id: text}"),
    b"\x80\x05": ("a Python pickle", "write the texts as JSON: {id: text}"),
    b"BZh": ("packed with bzip2", "unpack it first"),
    b"\xfd7zXZ": ("packed with xz", "unpack it first"),
    b"7z\xbc\xaf": ("packed with 7-Zip", "unpack it first"),
    b"\x28\xb5\x2f\xfd": ("packed with zstd", "unpack it first"),
    b"%PDF": ("a PDF", "give the texts as a table or as JSON"),
    b"version https://git-lfs": ("a Git LFS pointer, not the file", "fetch it with: git lfs pull"),
}
_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8", "UTF-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le", "UTF-32"),
    (b"\x00\x00\xfe\xff", "utf-32-be", "UTF-32"),
    (b"\xff\xfe", "utf-16-le", "UTF-16"),
    (b"\xfe\xff", "utf-16-be", "UTF-16"),
)
_MULTIBYTE: Final = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH: Final = re.compile(rb"[\x80-\xff]+")
MAX_HIGH_RUN: Final = 4
"""Longest run of non-ASCII bytes in Western Windows-1252 text; other scripts have longer ones."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file's content: its kind (`text`, `parquet` or `zip`), the bytes, and the text with its encoding."""

    name: str
    kind: str
    data: bytes
    text: str = ""
    encoding: str = ""
    packed: bool = False


def read_source(path: Path) -> Source:
    """The content of a file.

    Raises `Refused` for anything but a prediction file, `InputError` for an unreadable one.
    """
    try:
        if path.is_dir():
            raise Refused(f"{path} is a folder; name the file of predictions.")
        if path.stat().st_size > MAX_BYTES:
            raise Refused(f"{path} is larger than {MAX_BYTES // 1_000_000} MB; is it a prediction file?")
        with path.open("rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error
    return identify(str(path), data)


def identify(name: str, data: bytes) -> Source:
    """The content of a file's bytes, unpacked and decoded. Raises `Refused` for anything that cannot be read."""
    kind = _kind(data)
    packed = kind == "gzip"
    if packed:
        data = gunzip(name, data)
        kind = _kind(data)
        if kind == "gzip":
            raise Refused(f"{name} is packed twice with gzip; unpack it once.")
    if len(data) > MAX_BYTES:
        raise Refused(f"{name} is larger than {MAX_BYTES // 1_000_000} MB; is it a prediction file?")
    if kind != "text":
        return Source(name, kind, data, packed=packed)
    for magic, (what, cure) in _OTHERS.items():
        if data.startswith(magic):
            raise Refused(f"{name} is {what}; {cure}.")
    text, encoding = decode_text(name, data)
    if not text.strip("\ufeff\x00 \t\r\n"):
        raise Refused(f"{name} is empty.")
    return Source(name, "text", data, text, encoding, packed)


def _kind(data: bytes) -> str:
    return next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), "text")


def gunzip(name: str, data: bytes) -> bytes:
    """The unpacked bytes of gzip data of one or several members, at most `MAX_BYTES`.

    Raises `Refused` for more, for data that is packed twice, and for data that is damaged.
    """
    parts: list[bytes] = []
    total = 0
    rest = data
    try:
        while rest.strip(b"\x00"):
            unpacker = zlib.decompressobj(wbits=31)
            while not unpacker.eof:
                part = unpacker.decompress(rest, _BLOCK)
                rest = unpacker.unconsumed_tail or unpacker.unused_data
                if not part and not unpacker.eof and not rest:
                    raise Refused(f"{name} ends in the middle of its gzip data; copy or download it again.")
                parts.append(part)
                total += len(part)
                if total > MAX_BYTES:
                    raise Refused(
                        f"{name} unpacks to more than {MAX_BYTES // 1_000_000} MB; is it a prediction file?"
                    )
    except zlib.error as error:
        raise Refused(f"{name} is damaged gzip data; copy or download it again.") from error
    return b"".join(parts)


def decode_text(name: str, data: bytes) -> tuple[str, str]:
    """The text of the bytes and the name of its encoding, by rule: mark, UTF-8, NUL pattern, Windows-1252.

    Raises `Refused` with the line and the encoding when no rule fits.

    >>> decode_text("x", "3°".encode("cp1252"))
    ('3°', "Windows-1252 (Excel's CSV)")
    """
    for mark, codec, label in _MARKS:
        if data.startswith(mark):
            return _decoded(name, data[len(mark) :], codec, label), f"{label} with a byte order mark"
    if wide := _wide(data):
        return _decoded(name, data, wide, "UTF-16"), "UTF-16"
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError as error:
        return _western(name, data, error.start), "Windows-1252 (Excel's CSV)"


def _decoded(name: str, data: bytes, codec: str, label: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(codec, "replace").count("\n") + 1
        raise Refused(
            f"{name}, line {line}: not {label}, although the file starts like it. Save it as UTF-8."
        ) from error


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of ASCII text is NUL."""
    start = data[:1000]
    half = len(start) // 2
    if half < 2:
        return None
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if odd > 0.7 * half and even < 0.1 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 * half and odd < 0.1 * half else None


def _western(name: str, data: bytes, start: int) -> str:
    """Windows-1252 text; refused where it is UTF-8 with damage, or another encoding altogether."""
    line = data.count(b"\n", 0, start) + 1
    place = f"{name}, line {line}: byte 0x{data[start]:02x} is not UTF-8"
    high = _HIGH.findall(data)
    if 2 * sum(map(len, _MULTIBYTE.findall(data))) >= sum(map(len, high)):
        raise Refused(f"{place}, although other characters of the file are. Rewrite that line as UTF-8.")
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Refused(
            f"{name}, line {line}: byte 0x{data[error.start]:02x} is neither UTF-8 nor Windows-1252 "
            "(Excel's CSV). In Excel, save as 'CSV UTF-8'."
        ) from error
    if max(map(len, high)) > MAX_HIGH_RUN:
        raise Refused(
            f"{place}, and does not look like Windows-1252 (Excel's CSV). In Excel, save as 'CSV UTF-8'."
        )
    return text
