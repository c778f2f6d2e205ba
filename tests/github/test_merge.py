"""What a merge would do to main: found in criss-cross histories, without reading a file, within bounds."""

from __future__ import annotations

import pytest

from evaluator.github import git_objects
from evaluator.github.git_objects import fetch, git
from evaluator.github.merge import merge
from evaluator.github.pull_request import read_pull_request

FOLDER = "submissions/strangers/careful"
SANDBOX = f"{FOLDER}/sandbox.json"
CARD = f"{FOLDER}/model.yaml"


def taken(repo, tmp_path, sha):
    repo.run("update-ref", "refs/pull/1/head", sha)
    return read_pull_request(repo.url, 1, sha, tmp_path / "pull")


FAR = 4_000_000_000
"""A date that makes git take a commit for the newest."""


def commit_of(repo, tree, *parents, date=1_700_000_000):
    who = f"x <x@y> {date} +0000"
    lines = [f"tree {tree}", *(f"parent {p}" for p in parents), f"author {who}", f"committer {who}", "", "x"]
    return repo.run("hash-object", "-t", "commit", "-w", "--stdin", data="\n".join(lines).encode())


def tree_of(repo, sha):
    return repo.run("rev-parse", f"{sha}^{{tree}}")


def test_a_history_with_merges_cannot_revert_main(repo, tmp_path, submission_files):
    """Two merges cross: the second head has the first one's tree and an edit in its own folder."""
    repo.merge({"evaluator/fix.py": b"broken"})
    first = commit_of(
        repo, tree_of(repo, repo.commit(submission_files())), repo.run("rev-parse", "main"), date=FAR
    )
    later = repo.merge({"evaluator/fix.py": b"mended", "submissions/others/x/model.yaml": b"x"})
    both = tree_of(repo, repo.commit(submission_files(), parent=later))
    repo.run("update-ref", "refs/heads/main", commit_of(repo, both, later, first))
    card = submission_files(name="Better")[CARD]
    edited = tree_of(repo, repo.commit({CARD: card}, parent=first))
    head = commit_of(repo, edited, first, later)
    assert len(repo.run("merge-base", "--all", "main", head).split()) == 2
    intake = taken(repo, tmp_path, head)
    assert not intake.ok
    assert "intertwined" in intake.unmerged


def test_a_merge_of_main_that_keeps_the_old_files_is_seen(repo, tmp_path, submission_files):
    first = repo.commit(submission_files())
    later = repo.merge({"evaluator/fix.py": b"mended", "submissions/others/x/model.yaml": b"x"})
    intake = taken(repo, tmp_path, commit_of(repo, tree_of(repo, first), first, later))
    assert not intake.ok
    files = {p.file for p in intake.report.problems if p.code == "RX102"}
    assert "evaluator/fix.py" in files
    assert any(f.startswith("submissions/") for f in files)


def test_a_foreign_history_is_refused_in_words(repo, tmp_path, submission_files):
    tree = repo.run("rev-parse", f"{repo.commit(submission_files())}^{{tree}}")
    intake = taken(repo, tmp_path, repo.run("commit-tree", tree, "-m", "alone"))
    assert "no commit in common" in intake.unmerged


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({SANDBOX: b"{}"}, {SANDBOX: b"{ }"}),
        ({SANDBOX: b"{}"}, {SANDBOX: None}),
        ({SANDBOX: None}, {SANDBOX: b"{ }"}),
        # Where a new file goes when main has renamed the folder is git's guess.
        (
            {f"{FOLDER}/iu-xray.json": b"{}"},
            {SANDBOX: None, CARD: None, "submissions/strangers/x/model.yaml": b"x"},
        ),
    ],
    ids=["both edit", "main removes", "the head removes", "main moves the folder"],
)
def test_conflicts_are_refused_in_words(repo, tmp_path, submission_files, mine, theirs):
    repo.merge(submission_files())
    sha = repo.commit(mine)
    repo.merge(theirs)
    intake = taken(repo, tmp_path, sha)
    assert not intake.ok
    assert "since the branch was created" in intake.unmerged


def test_the_same_change_on_both_sides_is_no_conflict_and_no_file_is_read(repo, tmp_path, submission_files):
    files = submission_files()
    sha = repo.commit({**files, "same.txt": b"1"})
    repo.merge({"same.txt": b"1", "submissions/others/x/model.yaml": b"x"})
    repo.run("update-ref", "refs/pull/1/head", sha)
    git_dir = fetch(repo.url, 1, sha, tmp_path / "bare")
    assert merge(git_dir, FOLDER) is None
    kinds = git(git_dir, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").split()
    assert b"blob" not in kinds
    assert taken(repo, tmp_path, sha).ok


def bomb(repo, depth=9, width=10):
    """A tree of a few kilobytes that contains `width` ** `depth` files."""
    blob = repo.run("hash-object", "-w", "--stdin", data=b"x")
    tree = repo.run("mktree", data="".join(f"100644 blob {blob}\tf{n}\n" for n in range(width)).encode())
    for _ in range(depth - 1):
        tree = repo.run("mktree", data="".join(f"040000 tree {tree}\tt{n}\n" for n in range(width)).encode())
    return tree


@pytest.mark.parametrize("where", ["submissions", "elsewhere"])
def test_a_tree_of_a_billion_files_is_not_read_through(repo, tmp_path, monkeypatch, where):
    monkeypatch.setattr(git_objects, "MAX_WRITTEN", 5_000_000)
    top = repo.run("mktree", data=f"040000 tree {bomb(repo)}\t{where}\n".encode())
    intake = taken(repo, tmp_path, repo.run("commit-tree", top, "-p", "main", "-m", "bomb"))
    assert intake.kind == ("submission" if where == "submissions" else "other")
    assert where == "elsewhere" or not intake.ok
    assert where == "elsewhere" or "more than" in intake.unmerged
