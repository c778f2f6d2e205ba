"""Blobs of a pull request: what is fetched, what is not, and which commits count."""

from __future__ import annotations

import os
import random
from unittest.mock import Mock

import pytest

from evaluator.core.problems import RexrankError
from evaluator.github.git_objects import credentials, fetch, git, git_status, submission_tree
from evaluator.github.merge import authored

FOLDER = "submissions/strangers/careful"


def stored(git_dir):
    """Object ids that the bare copy has without asking the server."""
    lines = git(git_dir, "cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)")
    return {line.split()[0] for line in lines.decode().splitlines() if line.endswith(" blob")}


def test_only_admitted_blobs_are_ever_fetched(repo, tmp_path, submission_files):
    junk = random.Random(1).randbytes(300_000)
    sha = repo.pull({**submission_files(), f"{FOLDER}/weights.bin": junk, "big.bin": junk})
    git_dir = fetch(repo.url, 1, sha, tmp_path / "pull")
    assert stored(git_dir) == set()
    tree = submission_tree(git_dir, FOLDER)
    assert tree[f"{FOLDER}/sandbox.json"].read(10**7) == submission_files()[f"{FOLDER}/sandbox.json"]
    junk_id = repo.run("rev-parse", f"{sha}:big.bin")
    assert junk_id not in stored(git_dir)
    assert len(stored(git_dir)) == 2
    assert tree[f"{FOLDER}/weights.bin"].size == 0


@pytest.mark.parametrize("moved", [True, False], ids=["moved", "never the head"])
def test_another_head_than_the_approved_one_is_refused(repo, tmp_path, submission_files, moved):
    sha = repo.pull(submission_files())
    if moved:
        repo.pull(submission_files(name="Other"))
    else:
        # On GitHub any commit of any fork can be fetched by its id, so only the pull request's ref counts.
        sha = repo.commit({"x": b"1"})
    with pytest.raises(RexrankError, match="head is"):
        fetch(repo.url, 1, sha, tmp_path / "pull")


@pytest.mark.parametrize(
    ("change", "mode", "status"),
    [
        (b"x", "100644", "A"),
        (("100755", b"x"), "100755", "A"),
        (("120000", b"/etc/passwd"), "120000", "A"),
        (("160000", "1" * 40), "160000", "A"),
    ],
)
@pytest.mark.parametrize("path", ["a.json", "a b.json", "ä.json", "x\n::error::y", "$(id)", "-rf", "a\tb"])
def test_changes_are_listed_as_they_are(repo, tmp_path, change, mode, status, path):
    sha = repo.pull({path: change})
    (changes,) = authored(fetch(repo.url, 1, sha, tmp_path / "pull"))
    assert (changes.status, changes.mode, changes.path) == (status, mode, path)


def test_a_path_that_is_not_utf_8_is_shown_escaped(repo, tmp_path):
    sha = repo.pull({b"submissions/a\xff/b/x.json".decode("utf-8", "surrogateescape"): b"{}"})
    (changes,) = authored(fetch(repo.url, 1, sha, tmp_path / "pull"))
    assert changes.path == "submissions/a\\xff/b/x.json"


def test_changes_count_from_where_the_pull_request_left_main(repo, tmp_path):
    sha = repo.pull({"mine": b"1"})
    repo.merge({"theirs": b"2"})
    assert [c.path for c in authored(fetch(repo.url, 1, sha, tmp_path / "pull"))] == ["mine"]


def test_a_link_is_listed_and_not_read(repo, tmp_path, submission_files):
    sha = repo.pull({**submission_files(), f"{FOLDER}/sandbox.json": ("120000", b"/etc/passwd")})
    tree = submission_tree(fetch(repo.url, 1, sha, tmp_path / "pull"), FOLDER)
    assert tree[f"{FOLDER}/sandbox.json"].kind == "symlink"


def test_the_token_is_for_this_jobs_own_server_only(monkeypatch):
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example")
    pair = credentials("secret")
    assert pair["GIT_CONFIG_KEY_0"] == "http.https://github.example/.extraheader"
    assert "secret" not in "".join(pair.values())
    assert credentials("") == {}
    monkeypatch.setenv("GITHUB_SERVER_URL", "file:///x")
    assert credentials("secret") == {}


def test_the_machines_own_git_configuration_is_not_obeyed(repo, tmp_path, monkeypatch, submission_files):
    hostile = tmp_path / "config"
    hostile.write_text('[url "file:///nowhere/"]\n\tinsteadOf = "file://"\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(hostile))
    sha = repo.pull(submission_files())
    assert fetch(repo.url, 1, sha, tmp_path / "pull").is_dir()


@pytest.fixture(params=["handle", "none", "refused"])
def handles(request, monkeypatch):
    """Systems that have handles for processes, that have none, and that refuse them."""
    if request.param == "none":
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    elif request.param == "refused":
        monkeypatch.setattr(os, "pidfd_open", Mock(side_effect=PermissionError), raising=False)


@pytest.mark.usefixtures("handles")
def test_git_that_hangs_is_ended_and_git_that_ends_has_its_status(tmp_path, monkeypatch):
    program = tmp_path / "git"
    program.write_text(
        '#!/bin/sh\necho $$ > "$0.pid"\n[ "$GIT_HANGS" ] && exec sleep 600\necho said; exit 7\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert git_status(tmp_path, "status") == (7, b"said\n")
    monkeypatch.setenv("GIT_HANGS", "1")
    with pytest.raises(RexrankError, match=r"git fetch took longer than 0\.5 s\. Run the job again"):
        git_status(tmp_path, "fetch", timeout=0.5)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "git.pid").read_text()), 0)
