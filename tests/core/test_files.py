"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.core.files import atomic_writer, dump_json, dump_table, sha256_bytes, sha256_file, write_text
from evaluator.core.problems import RexrankError


def test_a_full_disk_leaves_the_old_file_and_no_partial_one(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text("old")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RexrankError, match=r"No space left on device\. Free some disk space"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_an_error_while_writing_leaves_nothing(tmp_path):
    def fail():
        with atomic_writer(tmp_path / "x") as out:
            out.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "f").write_text("x")
    with pytest.raises(RexrankError, match="cannot write"):
        write_text(tmp_path / "f" / "g", "x")


def test_the_same_text_is_not_written_again(tmp_path):
    assert write_text(tmp_path / "a", "x") is True
    assert write_text(tmp_path / "a", "x") is False
    assert write_text(tmp_path / "a", "y") is True


def test_json_is_canonical_and_knows_no_nan():
    assert dump_json({"b": 1, "a": [1 / 3]}) == '{\n  "a": [\n    0.3333333333333333\n  ],\n  "b": 1\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_json({"a": float("nan")})


TABLES = [
    ({"b": [1, None], "a": {"y": 0.5, "x": "é"}}, '{\n  "a": {"x": "é", "y": 0.5},\n  "b": [1, null]\n}'),
    ([[], {}, {"a": []}], '[\n  [],\n  {},\n  {\n    "a": []\n  }\n]'),
    (["x" * 70, "y" * 70], '[\n  "' + "x" * 70 + '",\n  "' + "y" * 70 + '"\n]'),
    ({"a": "x" * 120}, '{\n  "a": "' + "x" * 120 + '"\n}'),
    ([*range(100)], str([*range(100)])),
    (1.5, "1.5"), ("a", '"a"'), (None, "null"), ({}, "{}"), ([], "[]"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), TABLES)
def test_a_table_has_what_changes_together_on_one_line(value, text):
    assert dump_table(value) == f"{text}\n"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda v: st.lists(v) | st.dictionaries(st.text(), v),
    )
)
def test_a_table_is_the_same_json(value):
    assert json.loads(dump_table(value)) == value
    assert dump_table(json.loads(dump_json(value))) == dump_table(value)


def test_a_table_knows_no_nan():
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_table({"a": [{"b": float("nan")}]})


def test_digests(tmp_path):
    (tmp_path / "x").write_bytes(b"abc" * 1_000_000)
    assert sha256_file(tmp_path / "x") == sha256_bytes(b"abc" * 1_000_000)
