"""Files as data: links are listed and never followed, folders follow from their files."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.core.problems import RexrankError
from evaluator.submissions.tree import Entry, Tree, read_directory


def entry(path, kind="file"):
    return Entry(path, kind, 0, lambda _: b"")


def test_a_folder_is_read_without_following_links(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a.json").write_bytes(b"abcdef")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    tree = read_directory(tmp_path, "submissions/t")
    assert {p: e.kind for p, e in tree.items()} == {
        "submissions": "directory",
        "submissions/t": "directory",
        "submissions/t/loop": "symlink",
        "submissions/t/m": "directory",
        "submissions/t/m/a.json": "file",
        "submissions/t/pipe": "other",
    }
    assert tree["submissions/t/m/a.json"].size == 6
    assert tree["submissions/t/m/a.json"].read(4) == b"abcd"


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(RexrankError, match=r"cannot read .*none: No such file"):
        read_directory(tmp_path / "none", "x")


def test_absurdly_many_names_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("evaluator.submissions.tree.MAX_ENTRIES", 3)
    for i in range(4):
        (tmp_path / str(i)).touch()
    with pytest.raises(RexrankError, match="more than 3 names"):
        read_directory(tmp_path, "x")


def test_a_name_that_is_not_unicode_can_be_read(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.json")).write_bytes(b"{}")
    (path,) = [p for p in read_directory(tmp_path, "x") if p != "x"]
    assert path.encode("utf-8", "surrogateescape") == b"x/\xff.json"


PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join)


@given(st.sets(PATHS, max_size=8))
def test_every_entry_is_reached_from_the_top(paths):
    tree = Tree(entry(p) for p in paths)
    assert {e.path for e in tree.below("")} == set(tree)
    assert paths <= set(tree)
    for path, item in tree.items():
        assert item in tree.children(item.parent)
        assert all(e.path.startswith(path + "/") for e in tree.below(path))


def test_parents_and_names():
    assert (entry("a/b/c").name, entry("a/b/c").parent, entry("a").parent) == ("c", "a/b", "")
