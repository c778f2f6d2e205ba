"""Encodings by rule, packed files within bounds, and kinds of files that are not predictions."""

from __future__ import annotations

import io
import zipfile
import zlib

import pytest
from support.packing import packed

from evaluator.submissions.convert import source as source_module
from evaluator.submissions.convert.source import decode_text, gunzip
from evaluator.submissions.convert.table import Refused

from .conftest import STUDIES

A, B = STUDIES
TEXT = f"study_id,report\n{A},3 mm – ‘small’ 20° é\n{B},x\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), "UTF-8"),
        (TEXT.encode("utf-8-sig"), "UTF-8 with a byte order mark"),
        (TEXT.encode("utf-16"), "UTF-16 with a byte order mark"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "UTF-16 with a byte order mark"),
        (TEXT.encode("utf-16-le"), "UTF-16"),
        (TEXT.encode("utf-16-be"), "UTF-16"),
        (TEXT.encode("utf-32"), "UTF-32 with a byte order mark"),
        (TEXT.encode("cp1252"), "Windows-1252 (Excel's CSV)"),
        (b"study_id,report\n", "UTF-8"),
    ],
)
def test_encodings(data, encoding):
    text, name = decode_text("x", data)
    assert name == encoding
    assert text in {TEXT, "study_id,report\n"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            TEXT.encode() + b"y,\xe9\n",
            "line 4: byte 0xe9 is not UTF-8, although other characters of the file are",
        ),
        (b"a,b\nx,\x81\n", "line 2: byte 0x81 is neither UTF-8 nor Windows-1252 (Excel's CSV)"),
        ("a,b\nx,肺野清晰无异常".encode("gbk"), "Excel"),
        ("a,b\nx,Лёгкие чистые".encode("cp1251"), "is not UTF-8, and does not look like Windows-1252"),
        (b"\xff\xfe" + "abc".encode("utf-16-le") + b"\x00", "not UTF-16, although the file starts like it"),
        (b"\xff\xfe\x00\xd8x\x00", "line 1: not UTF-16"),
        (b"\xef\xbb\xbfa\xff", "line 1: not UTF-8"),
    ],
)
def test_undecodable_bytes_are_refused_with_line_and_encoding(data, words):
    with pytest.raises(Refused) as failure:
        decode_text("x", data)
    assert words in str(failure.value)


def packed_zip(name="p.csv"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, TEXT)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (packed(packed(TEXT.encode())), "packed twice"),
        (packed(TEXT.encode())[:-12], "in the middle of its gzip data"),
        (packed(TEXT.encode())[:20] + b"xxxxxxx", "damaged gzip data"),
        (b"\x1f\x8b", "gzip data"),
        (packed_zip(), "is a zip archive (1 file); unpack it"),
        (b"PK\x03\x04xx", "damaged zip archive"),
        (b"PAR1" + b"\x00" * 50, "is not a readable Parquet file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Excel file (.xls); save it as .xlsx or CSV"),
        (b"\x80\x04\x95abc", "a Python pickle"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x93NUMPY\x01", "a NumPy file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"\x00\x00\x00", "is empty"),
    ],
)
def test_other_files(door, data, words):
    code, text, _ = door(data)
    assert code == 1
    assert words in text


def test_sizes_are_bounded(door, monkeypatch, tmp_path):
    monkeypatch.setattr(source_module, "MAX_BYTES", 100_000)
    monkeypatch.setattr(source_module, "_BLOCK", 1_000)
    bomb = packed(b"0" * 10_000_000)
    assert len(bomb) < 100_000
    assert "unpacks to more than" in door(bomb)[1]
    assert "is larger than" in door(b"x" * 100_001)[1]
    with pytest.raises(Refused, match="unpacks to more"):
        gunzip("x", b"".join(packed(b"0" * 60_000) for _ in range(3)))


def test_gunzip_reads_members_and_padding():
    data = packed(b"a" * 3_000_000) + packed(b"b") + b"\x00" * 100
    assert gunzip("x", data) == b"a" * 3_000_000 + b"b"
    with pytest.raises(Refused):
        gunzip("x", zlib.compress(b"a"))


def test_a_folder_and_a_file_that_is_not_there(tmp_path):
    from evaluator.core.problems import RexrankError

    with pytest.raises(Refused, match="is a folder"):
        source_module.read_source(tmp_path)
    with pytest.raises(RexrankError, match="cannot read") as error:
        source_module.read_source(tmp_path / "none.json")
    assert not isinstance(error.value, Refused)
