"""The one writer of main's leaderboard, against a real repository."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from evaluator.core.files import dump_json, write_text
from evaluator.core.problems import RexrankError
from evaluator.github import publish as module
from evaluator.github.publish import publish

FOLDER = "submissions/strangers/careful"
ROW = "records/sandbox/findings/strangers__careful.json"


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


def files_of(bundle):
    return sorted(p.relative_to(bundle).as_posix() for p in bundle.rglob("*.*") if p.name != "bundle.json")


def listed(repo):
    return repo.run("ls-tree", "-r", "--name-only", "main", "leaderboard/").split()


def test_a_bundle_becomes_mains_leaderboard_once(place):
    repo, root, bundle = place
    commit = publish(root, bundle, repo.url, "")
    assert commit == repo.run("rev-parse", "main")
    assert listed(repo) == sorted(f"leaderboard/{n}" for n in [*files_of(bundle), "reported/x.csv"])
    assert f"leaderboard/{ROW}" in listed(repo)
    assert publish(root, bundle, repo.url, "") is None
    assert repo.run("rev-parse", "main") == commit


def test_what_is_gone_from_the_bundle_goes_and_what_people_wrote_stays(place):
    repo, root, bundle = place
    publish(root, bundle, repo.url, "")
    for path in sorted(bundle.iterdir()):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name.startswith("overview"):
            path.unlink()
    publish(root, bundle, repo.url, "")
    assert listed(repo) == ["leaderboard/history.jsonl", "leaderboard/reported/x.csv"]


def test_a_bundle_of_other_submissions_is_left_to_the_run_that_they_started(place, card_bytes):
    repo, root, bundle = place
    moved = repo.merge({f"{FOLDER}/model.yaml": card_bytes(name="Other")})
    assert publish(root, bundle, repo.url, "") is None
    assert repo.run("rev-parse", "main") == moved


def test_main_that_moves_elsewhere_is_kept(place, monkeypatch):
    repo, root, bundle = place
    push, moves = module._push, ["NOTES.md", "MORE.md"]

    def racing(*args):
        if moves:
            repo.merge({moves.pop(): b"x"})
        return push(*args)

    monkeypatch.setattr(module, "_push", racing)
    assert publish(root, bundle, repo.url, "") == repo.run("rev-parse", "main")
    assert {"NOTES.md", "MORE.md"} <= set(repo.run("ls-tree", "--name-only", "main").split())


def test_main_that_never_stands_still_is_loud(place, monkeypatch):
    repo, root, bundle = place
    push, count = module._push, iter(range(100))

    def racing(*args):
        repo.merge({f"n{next(count)}": b"x"})
        return push(*args)

    monkeypatch.setattr(module, "_push", racing)
    with pytest.raises(RexrankError, match="moved 5 times"):
        publish(root, bundle, repo.url, "")


def test_a_refused_push_is_not_taken_for_a_race(place, monkeypatch):
    repo, root, bundle = place
    monkeypatch.setattr(module, "_push", lambda *_: False)
    with pytest.raises(RexrankError, match="refused the push"):
        publish(root, bundle, repo.url, "")


def test_a_row_that_is_not_of_mains_bytes_stops_the_publication(place, report_bytes):
    """The same tree of submissions is claimed, the bytes are others: no row is better than a wrong one."""
    repo, root, bundle = place
    moved = repo.merge({f"{FOLDER}/sandbox.json": report_bytes("shuffled", 1)})
    note = {"schema": "rexrank/bundle/v1", "submissions": repo.run("rev-parse", "main:submissions")}
    write_text(bundle / "bundle.json", dump_json(note))
    with pytest.raises(RexrankError, match="not of the predictions"):
        publish(root, bundle, repo.url, "")
    assert repo.run("rev-parse", "main") == moved


@pytest.mark.parametrize("change", ["card", "gone"])
def test_a_row_of_another_card_or_of_no_submission_stops_it(place, card_bytes, change):
    repo, root, bundle = place
    folder = dict.fromkeys((f"{FOLDER}/sandbox.json", f"{FOLDER}/model.yaml"))
    repo.merge({f"{FOLDER}/model.yaml": card_bytes(name="Another name")} if change == "card" else folder)
    note = {"schema": "rexrank/bundle/v1", "submissions": repo.run("rev-parse", "main:submissions")}
    write_text(bundle / "bundle.json", dump_json(note))
    with pytest.raises(RexrankError, match="not of the predictions"):
        publish(root, bundle, repo.url, "")


def test_history_only_grows(place):
    repo, root, bundle = place
    publish(root, bundle, repo.url, "")
    old = (bundle / "history.jsonl").read_text()
    write_text(bundle / "history.jsonl", old.split("\n", 1)[1])
    with pytest.raises(RexrankError, match="history"):
        publish(root, bundle, repo.url, "")
    write_text(bundle / "history.jsonl", old + old.split("\n", 1)[0] + "\n")
    publish(root, bundle, repo.url, "")
    assert repo.run("show", "main:leaderboard/history.jsonl").count("\n") == old.count("\n")
    (bundle / "history.jsonl").unlink()
    publish(root, bundle, repo.url, "")
    assert "leaderboard/history.jsonl" in listed(repo)


def test_what_is_pushed_is_what_was_checked(place):
    """Whatever changes bytes between the checks and the commit, a hook or an attribute: nothing is pushed."""
    repo, root, bundle = place
    hook = root / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\necho '{}' > leaderboard/overview.json\ngit add leaderboard/overview.json\n")
    hook.chmod(0o755)
    before = repo.run("rev-parse", "main")
    with pytest.raises(RexrankError, match="other bytes"):
        publish(root, bundle, repo.url, "")
    assert repo.run("rev-parse", "main") == before


def test_owners_are_recorded_with_the_publication(place):
    repo, root, bundle = place
    publish(root, bundle, repo.url, "", {"stranger": 7}.get)
    assert json.loads(repo.run("show", "main:leaderboard/owners.json")) == {
        "strangers/careful": {"stranger": 7},
        "strangers/second": {"stranger": 7},
    }


@pytest.mark.parametrize("text", ["", "{}", '{"schema": "x", "submissions": "' + "0" * 40 + '"}', "[]"])
def test_a_bundle_must_say_what_it_was_made_of(place, text):
    repo, root, bundle = place
    write_text(bundle / "bundle.json", text)
    with pytest.raises(RexrankError, match="which submissions"):
        publish(root, bundle, repo.url, "")


def test_the_token_is_in_no_argument(place, monkeypatch):
    repo, root, bundle = place
    seen = []
    run = subprocess.run

    def watched(command, **options):
        seen.append(command)
        return run(command, **options)

    monkeypatch.setattr(module.subprocess, "run", watched)
    publish(root, bundle, repo.url, "ghs_secret")
    assert seen
    assert "ghs_secret" not in str(seen)
