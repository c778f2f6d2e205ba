"""The one writer of main's leaderboard, against a real repository: laid out by one process, pushed by another."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.sparse import sparse_clone, unfetched

from evaluator.core.files import dump_json, write_text
from evaluator.core.problems import RexrankError
from evaluator.github.publish import prepare

PUSH = Path(__file__).parents[2] / ".github" / "push.py"

FOLDER = "submissions/strangers/careful"
ROW = "records/sandbox/findings/strangers__careful.json"


class PushError(Exception):
    """What the pushing process said before it gave up."""


def push(root, out, url, token="none"):
    """The commit that the process with the token made main's, or `None`."""
    server, _, name = url.rpartition("/")
    temp = root.parent / "runner-temp"
    temp.mkdir(exist_ok=True)
    env = {"PATH": os.environ["PATH"], "RUNNER_TEMP": str(temp), "PUSH_TOKEN": token}
    env |= {"GITHUB_SERVER_URL": server, "GITHUB_REPOSITORY": name, "HOME": str(temp)}
    command = [sys.executable, "-I", str(PUSH), str(out)]
    process = subprocess.run(
        command, cwd=root, env=env, capture_output=True, text=True, check=False, timeout=60
    )
    if process.returncode:
        raise PushError(process.stderr)
    words, _, commit = process.stdout.strip().rpartition(" ")
    return commit if words == "published" else None


def fresh(root, url):
    """A checkout of main as it is now, as the job makes one."""
    subprocess.run(["git", "-C", str(root), "fetch", "-q", url, "main"], check=True)
    subprocess.run(
        ["git", "-C", str(root), "checkout", "-q", "--force", "--detach", "FETCH_HEAD"], check=True
    )
    out = root.parent / "out"
    shutil.rmtree(out, ignore_errors=True)
    return out


def publish(root, bundle, url, token="none", id_of=None):
    out = fresh(root, url)
    prepare(root, bundle, out, id_of)
    return push(root, out, url, token)


@pytest.fixture
def place(repo, tmp_path, submission_files, card_bytes, report_bytes, bundle):
    """Main with the submissions that the bundle is of, a clone of it, and the bundle."""
    second = {
        "submissions/strangers/second/model.yaml": card_bytes(name="Second"),
        "submissions/strangers/second/sandbox.json": report_bytes("near-copy", 3),
    }
    repo.merge({**submission_files(), **second, "leaderboard/reported/x.csv": b"kept"})
    root = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", repo.url, str(root)], check=True)
    assert json.loads((bundle / "bundle.json").read_text())["submissions"] == repo.run(
        "rev-parse", "main:submissions"
    )
    return repo, root, bundle


def test_of_per_study_scores_only_the_rows_are_published(place):
    """A parquet file has room for more: notes, names of columns' types, bytes that nothing refers to."""
    import pandas as pd
    import pyarrow.parquet as pq

    repo, root, bundle = place
    path = bundle / "studies/sandbox/findings/strangers__careful.parquet"
    table = pq.read_table(path)
    wanted = table.to_pandas()
    notes = {**table.schema.metadata, b"note": b"quillwort text of a reference"}
    pq.write_table(table.replace_schema_metadata(notes), path)
    out = fresh(root, repo.url)
    prepare(root, bundle, out)
    copy = out / "leaderboard" / path.relative_to(bundle)
    assert b"quillwort" not in copy.read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(copy), wanted, check_dtype=False)


def files_of(bundle):
    """What of a bundle becomes main's: all but its note, and pairs, which have a branch."""
    names = (p.relative_to(bundle).as_posix() for p in bundle.rglob("*.*") if p.name != "bundle.json")
    return sorted(n for n in names if not n.startswith("pairwise/"))


def listed(repo):
    return repo.run("ls-tree", "-r", "--name-only", "main", "leaderboard/").split()


def test_a_bundle_becomes_mains_leaderboard_once(place):
    repo, root, bundle = place
    commit = publish(root, bundle, repo.url)
    assert commit == repo.run("rev-parse", "main")
    assert listed(repo) == sorted(
        f"leaderboard/{n}" for n in [*files_of(bundle), "published.json", "reported/x.csv"]
    )
    assert f"leaderboard/{ROW}" in listed(repo)
    assert publish(root, bundle, repo.url) is None
    assert repo.run("rev-parse", "main") == commit


def test_of_the_pairs_main_has_a_digest_and_a_branch_the_newest(place):
    """One commit without a past, whatever was published before; and in the same push as the tables."""
    repo, root, bundle = place
    publish(root, bundle, repo.url)
    first = repo.run("rev-parse", "pairwise")
    names = [f"sandbox.{t}.parquet" for t in ("findings", "report")]
    assert repo.run("ls-tree", "-r", "--name-only", "pairwise").split() == names
    assert not any(n.startswith("leaderboard/pairwise") for n in listed(repo))
    assert publish(root, bundle, repo.url) is None
    assert repo.run("rev-parse", "pairwise") == first, "the same pairs are not pushed again"
    out = fresh(root, repo.url)
    prepare(root, bundle, out)
    (out / "pairwise" / names[0]).unlink()
    assert push(root, out, repo.url) is None, "of main nothing changes"
    second = repo.run("rev-parse", "pairwise")
    assert second != first
    assert repo.run("ls-tree", "-r", "--name-only", "pairwise").split() == names[1:]
    assert repo.run("rev-list", "--count", "pairwise") == "1"


def test_what_is_gone_from_the_bundle_goes_and_what_people_wrote_stays(place):
    repo, root, bundle = place
    publish(root, bundle, repo.url)
    for path in sorted(bundle.iterdir()):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name.startswith("overview"):
            path.unlink()
    publish(root, bundle, repo.url)
    names = ("history.jsonl", "published.json", "reported/x.csv")
    assert listed(repo) == [f"leaderboard/{name}" for name in names]


def test_a_bundle_of_other_submissions_is_left_to_the_run_that_they_started(place, card_bytes):
    repo, root, bundle = place
    merge = repo.merge({f"{FOLDER}/model.yaml": card_bytes(name="Other")})
    assert publish(root, bundle, repo.url) is None
    assert repo.run("rev-parse", "main") == merge


def test_main_that_moves_elsewhere_is_kept(place):
    repo, root, bundle = place
    out = fresh(root, repo.url)
    prepare(root, bundle, out)
    repo.merge({"NOTES.md": b"x", "evaluator/fix.py": b"fixed"})
    assert push(root, out, repo.url) == repo.run("rev-parse", "main")
    assert {"NOTES.md", "evaluator"} <= set(repo.run("ls-tree", "--name-only", "main").split())


def test_submissions_that_move_before_the_push_are_left_to_their_own_run(place, card_bytes):
    repo, root, bundle = place
    out = fresh(root, repo.url)
    prepare(root, bundle, out)
    merge = repo.merge({f"{FOLDER}/model.yaml": card_bytes(name="Other")})
    assert push(root, out, repo.url) is None
    assert repo.run("rev-parse", "main") == merge


def test_what_people_wrote_meanwhile_is_not_undone(place):
    repo, root, bundle = place
    out = fresh(root, repo.url)
    prepare(root, bundle, out)
    merge = repo.merge({"leaderboard/reported/x.csv": b"mended"})
    with pytest.raises(PushError, match="Run the workflow again"):
        push(root, out, repo.url)
    assert repo.run("rev-parse", "main") == merge


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
def test_what_no_leaderboard_needs_is_not_pushed(place, harm):
    """Whatever the job before was made to hand over."""
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
    sparse = tmp_path / "sparse"
    commands = (
        ("init", "-q", "-b", "main"),
        ("remote", "add", "origin", repo.url),
        ("config", "core.sparseCheckout", "true"),
        ("fetch", "-q", "--depth=1", "--filter=blob:none", "origin", "main"),
        ("checkout", "-q", "-B", "main", "FETCH_HEAD"),
    )
    sparse.mkdir()
    for command in commands:
        subprocess.run(["git", *command], cwd=sparse, check=True)
        if command[0] == "init":
            (sparse / ".git/info/sparse-checkout").write_text("/*\n!/submissions/\n")
    assert not (sparse / "submissions").exists()
    assert push(sparse, out, repo.url) == repo.run("rev-parse", "main")
    listing = ["git", "rev-list", "--objects", "--missing=print", "HEAD"]
    objects = subprocess.run(listing, cwd=sparse, check=True, capture_output=True, text=True).stdout
    wanted = {repo.run("rev-parse", f"main:{FOLDER}/{name}") for name in ("sandbox.json", "model.yaml")}
    assert wanted <= {line[1:] for line in objects.splitlines() if line.startswith("?")}
    assert f"{FOLDER}/sandbox.json" in repo.run("ls-tree", "-r", "--name-only", "main")


def test_the_check_fetches_the_predictions_it_compares_and_those_alone(place, tmp_path, report_bytes):
    """Of the first publication all; afterwards those that changed since, and a row of other bytes is still refused."""
    repo, _, bundle = place
    predictions = [f"{FOLDER}/sandbox.json", "submissions/strangers/second/sandbox.json"]

    def check(name):
        checkout, out = sparse_clone(repo.url, tmp_path / name), tmp_path / f"out-{name}"
        assert sorted(unfetched(repo, checkout)) == predictions
        assert (checkout / FOLDER / "model.yaml").is_file()
        try:
            assert prepare(checkout, bundle, out)
        finally:
            fetched = sorted({*predictions} - {*unfetched(repo, checkout)})
        return checkout, out, fetched

    checkout, out, fetched = check("first")
    assert fetched == predictions
    push(checkout, out, repo.url)
    assert check("again")[2] == []
    repo.merge({predictions[0]: report_bytes("shuffled", 1)})
    note = {"schema": "rexrank/bundle/v1", "submissions": repo.run("rev-parse", "main:submissions")}
    write_text(bundle / "bundle.json", dump_json(note))
    with pytest.raises(RexrankError, match=r"not of the predictions|main's submission"):
        check("other")
    assert unfetched(repo, tmp_path / "other") == predictions[1:]


def test_a_row_that_is_not_of_mains_bytes_stops_the_publication(place, report_bytes):
    """The same tree of submissions is claimed, the bytes are others: no row is better than a wrong one."""
    repo, root, bundle = place
    merge = repo.merge({f"{FOLDER}/sandbox.json": report_bytes("shuffled", 1)})
    note = {"schema": "rexrank/bundle/v1", "submissions": repo.run("rev-parse", "main:submissions")}
    write_text(bundle / "bundle.json", dump_json(note))
    with pytest.raises(RexrankError, match=r"not for the predictions|main's submission|main does not have"):
        publish(root, bundle, repo.url)
    assert repo.run("rev-parse", "main") == merge


@pytest.mark.parametrize("change", ["card", "gone"])
def test_a_row_of_another_card_or_of_no_submission_stops_it(place, card_bytes, change):
    repo, root, bundle = place
    folder = dict.fromkeys((f"{FOLDER}/sandbox.json", f"{FOLDER}/model.yaml"))
    repo.merge({f"{FOLDER}/model.yaml": card_bytes(name="Another name")} if change == "card" else folder)
    note = {"schema": "rexrank/bundle/v1", "submissions": repo.run("rev-parse", "main:submissions")}
    write_text(bundle / "bundle.json", dump_json(note))
    with pytest.raises(RexrankError, match=r"not for the predictions|main's submission|main does not have"):
        publish(root, bundle, repo.url)


def test_history_only_grows(place):
    repo, root, bundle = place
    publish(root, bundle, repo.url)
    old = (bundle / "history.jsonl").read_text()
    write_text(bundle / "history.jsonl", old.split("\n", 1)[1])
    with pytest.raises(RexrankError, match="history"):
        publish(root, bundle, repo.url)
    write_text(bundle / "history.jsonl", old + old.split("\n", 1)[0] + "\n")
    publish(root, bundle, repo.url)
    assert repo.run("show", "main:leaderboard/history.jsonl").count("\n") == old.count("\n")
    (bundle / "history.jsonl").unlink()
    publish(root, bundle, repo.url)
    assert "leaderboard/history.jsonl" in listed(repo)


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


def test_owners_are_recorded_with_the_publication(place):
    repo, root, bundle = place
    publish(root, bundle, repo.url, id_of={"stranger": 7}.get)
    assert json.loads(repo.run("show", "main:leaderboard/owners.json")) == {
        "strangers/careful": {"stranger": 7},
        "strangers/second": {"stranger": 7},
    }


@pytest.mark.parametrize("text", ["", "{}", '{"schema": "x", "submissions": "' + "0" * 40 + '"}', "[]"])
def test_a_bundle_must_say_what_it_was_made_of(place, text):
    repo, root, bundle = place
    write_text(bundle / "bundle.json", text)
    with pytest.raises(RexrankError, match="which submissions"):
        publish(root, bundle, repo.url)


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
