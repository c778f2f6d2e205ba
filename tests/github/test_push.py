"""The process with the token, `.github/push.py`: it pushes only what was prepared, as plain leaderboard files."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.needs import reason
from support.publication import FOLDER, PUSH, ROW, PushError, fresh, publish, push
from support.sparse import sparse_clone, unfetched

from evaluator.github.publish import prepare


def test_a_refused_push_is_not_taken_for_a_race(place):
    repo, root, bundle = place
    out = fresh(root, repo.url)
    prepare(root, bundle, out)
    hook = Path(repo.url.removeprefix("file://")) / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(PushError, match="push"):
        push(root, out, repo.url)


def _link(out):
    (out / "leaderboard/overview.json").unlink()
    (out / "leaderboard/overview.json").symlink_to("/etc/passwd")


def _large(out):
    with (out / "leaderboard/overview.json").open("wb") as file:
        file.truncate(64_000_001)


def _many(out):
    for n in range(20_001):
        (out / f"leaderboard/{n}").touch()


def _climb(out):
    (out / "leaderboard/.git").mkdir()
    (out / "leaderboard/.git/config").write_text("x")


def _pipe(out):
    os.mkfifo(out / "leaderboard/pipe")


@pytest.mark.parametrize("harm", [_link, _large, _many, _climb, _pipe], ids=lambda f: f.__name__)
def test_files_that_no_leaderboard_needs_are_not_pushed(place, harm):
    """Whatever the previous job was tricked into handing over."""
    repo, root, bundle = place
    out = fresh(root, repo.url)
    prepare(root, bundle, out)
    before = repo.run("rev-parse", "main")
    harm(out)
    with pytest.raises(PushError, match=r"larger than|not a regular file"):
        push(root, out, repo.url)
    assert repo.run("rev-parse", "main") == before


def test_every_file_is_a_plain_one_and_the_rest_is_mains_tree(place):
    repo, root, bundle = place
    parent = repo.run("rev-parse", "main")
    out = fresh(root, repo.url)
    prepare(root, bundle, out)
    for path in (out / "leaderboard").rglob("*"):
        path.chmod(0o755)
    (out / "evaluator").mkdir()
    (out / "evaluator/evil.py").write_text("x")
    commit = push(root, out, repo.url)
    assert repo.run("log", "-1", "--format=%P", commit) == parent
    assert {line.split()[0] for line in repo.run("ls-tree", "-r", commit, "leaderboard/").splitlines()} == {
        "100644"
    }
    names = repo.run("diff-tree", "-r", "--name-only", parent, commit).split()
    assert names
    assert all(name.startswith("leaderboard/") for name in names)


def test_the_pushing_code_is_short_and_of_the_standard_library():
    lines = PUSH.read_text("utf-8").splitlines()
    assert len(lines) <= 90
    names = {
        w.strip(",")
        for line in lines
        if line.startswith(("import ", "from "))
        for w in line.split("#")[0].split()[1:]
    }
    assert names - {"import", "Path"} <= set(sys.stdlib_module_names)


def test_the_push_fetches_no_submission(place, tmp_path):
    """The job's checkout is sparse: git has no file of submissions/, and needs none to write the new tree."""
    repo, root, bundle = place
    out = fresh(root, repo.url)
    prepare(root, bundle, out)
    sparse = sparse_clone(repo.url, tmp_path / "sparse", "/*\n!/submissions/\n")
    assert not (sparse / "submissions").exists()
    assert push(sparse, out, repo.url) == repo.run("rev-parse", "main")
    assert {f"{FOLDER}/sandbox.json", f"{FOLDER}/model.yaml"} <= {*unfetched(repo, sparse)}
    assert f"{FOLDER}/sandbox.json" in repo.run("ls-tree", "-r", "--name-only", "main")


def _git_version():
    words = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, re.findall(r"\d+", words)[:2]))


@pytest.mark.skipif(_git_version() < (2, 51), reason=reason("git"))
def test_a_table_is_sent_as_what_changed_in_it(place):
    """And not as what differs from another board's, whose name ends alike: that would grow with the models."""
    repo, root, bundle = place
    rng = random.Random(1)
    both = [f"{rng.getrandbits(200):x}\n" for _ in range(2_000)]
    boards = ("iu-xray", "mimic-cxr", "rexgradient")
    names = [f"leaderboard/tables/{board}.findings.json" for board in boards]
    tables = {n: "".join(f"{line}{rng.getrandbits(90):x}\n" for line in both) for n in names}
    repo.merge({name: text.encode() for name, text in tables.items()})
    repo.run("config", "receive.unpackLimit", "1")
    out = fresh(root, repo.url)
    prepare(root, bundle, out)
    for name, text in tables.items():
        (out / name).write_text(f"{text}a new row\n")
    head = push(root, out, repo.url)
    for name in names:
        size = repo.run(
            "cat-file", "--batch-check=%(objectsize:disk) %(deltabase)", data=f"{head}:{name}".encode()
        )
        assert size == f"{size.split()[0]} {repo.run('rev-parse', f'{head}^:{name}')}"


def test_no_hook_and_no_attribute_changes_what_was_checked(place):
    repo, root, bundle = place
    hook = root / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    (root / ".git/info").mkdir(exist_ok=True)
    (root / ".git/info/attributes").write_text("* text eol=crlf\n")
    commit = publish(root, bundle, repo.url)
    output = subprocess.run(
        ["git", "-C", str(root), "show", f"{commit}:leaderboard/{ROW}"], capture_output=True, check=True
    )
    assert output.stdout == (bundle / ROW).read_bytes()


def test_the_token_is_in_no_argument_and_no_output(place, tmp_path):
    repo, root, bundle = place
    out = fresh(root, repo.url)
    prepare(root, bundle, out)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "git").write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >>{tools}/seen\nexec {shutil.which("git")} "$@"\n'
    )
    (tools / "git").chmod(0o755)
    before = os.environ["PATH"]
    try:
        os.environ["PATH"] = f"{tools}:{before}"
        push(root, out, repo.url, "ghs_secret")
    finally:
        os.environ["PATH"] = before
    arguments = (tools / "seen").read_text()
    assert "push" in arguments
    assert "ghs_secret" not in arguments
