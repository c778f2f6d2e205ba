"""The one writer of main's leaderboard, against a real repository."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess

import pytest

from evaluator.files import dump_json, write_text
from evaluator.github import publish as module
from evaluator.github.publish import publish
from evaluator.github.refresh import ALLOWED, check_bundle
from evaluator.problems import RexrankError

FOLDER = "submissions/strangers/careful"
ROW = "records/sandbox/findings/strangers__careful.json"


def record(digest, dataset="sandbox", mean=0.123456789, kind="submission"):
    entry = {"mean": mean, "se": None, "low": None, "high": None, "n": 60, "n_failed": 0, "signature": "s"}
    return {
        "schema": "rexrank/record/v1", "kind": kind, "dataset": dataset, "track": "findings", "team": "strangers",
        "model": "careful", "card": {}, "protocol": "clean", "n": 60, "n_clusters": 60, "metrics": {"bleu_2": entry},
        "missing": {}, "stand_in": False, "diagnostics": {}, "integrity": {},
        "provenance": {"predictions_sha256": digest}, "submitted": None,
    }  # fmt: skip


@pytest.fixture
def place(repo, tmp_path, submission_files):
    """Main with a submission, a clone of it, and a bundle made for it."""
    repo.merge({**submission_files(), "leaderboard/reported/x.csv": b"kept"})
    root, bundle = tmp_path / "clone", tmp_path / "bundle"
    subprocess.run(["git", "clone", "-q", repo.url, str(root)], check=True)
    digest = hashlib.sha256(submission_files()[f"{FOLDER}/sandbox.json"]).hexdigest()
    write_text(bundle / ROW, dump_json(record(digest)))
    write_text(bundle / "overview.json", "{}\n")
    tree = repo.run("rev-parse", "main:submissions")
    write_text(bundle / "bundle.json", dump_json({"schema": "rexrank/bundle/v1", "submissions": tree}))
    return repo, root, bundle


def listed(repo):
    return repo.run("ls-tree", "-r", "--name-only", "main", "leaderboard/").split()


def test_a_bundle_becomes_mains_leaderboard_once(place):
    repo, root, bundle = place
    commit = publish(root, bundle, repo.url, "")
    assert commit == repo.run("rev-parse", "main")
    assert listed(repo) == [f"leaderboard/{n}" for n in ("overview.json", ROW, "reported/x.csv")]
    assert publish(root, bundle, repo.url, "") is None
    assert repo.run("rev-parse", "main") == commit


def test_what_is_gone_from_the_bundle_goes_and_what_people_wrote_stays(place):
    repo, root, bundle = place
    publish(root, bundle, repo.url, "")
    shutil.rmtree(bundle / "records")
    publish(root, bundle, repo.url, "")
    assert listed(repo) == ["leaderboard/overview.json", "leaderboard/reported/x.csv"]


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


@pytest.mark.parametrize("change", [{}, {"model": "absent"}])
def test_a_row_that_is_not_of_mains_bytes_stops_the_publication(place, change):
    repo, root, bundle = place
    before = repo.run("rev-parse", "main")
    write_text(bundle / ROW, dump_json({**record("0" * 64), **change}))
    with pytest.raises(RexrankError, match="not of the predictions"):
        publish(root, bundle, repo.url, "")
    assert repo.run("rev-parse", "main") == before


def test_history_only_grows(place):
    repo, root, bundle = place
    write_text(bundle / "history.jsonl", "1\n")
    publish(root, bundle, repo.url, "")
    write_text(bundle / "history.jsonl", "2\n")
    with pytest.raises(RexrankError, match="history"):
        publish(root, bundle, repo.url, "")
    write_text(bundle / "history.jsonl", "1\n2\n")
    publish(root, bundle, repo.url, "")
    assert repo.run("show", "main:leaderboard/history.jsonl") == "1\n2"
    (bundle / "history.jsonl").unlink()
    publish(root, bundle, repo.url, "")
    assert "leaderboard/history.jsonl" in listed(repo)


def test_owners_are_recorded_with_the_publication(place):
    repo, root, bundle = place
    publish(root, bundle, repo.url, "", {"stranger": 7}.get)
    assert json.loads(repo.run("show", "main:leaderboard/owners.json")) == {
        "strangers/careful": {"stranger": 7}
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


REFUSED = [
    "x.txt",
    "bundle.py",
    "releases.json",
    "policy.json",
    "owners.json",
    "reported/2024.csv",
    "records/sandbox/findings/a__b.txt",
    "records/sandbox/other/a__b.json",
    "records/Sandbox/findings/a__b.json",
    "tables/sandbox.findings.html",
    "studies/sandbox/findings/a__b.csv",
    "records/sandbox/findings/a__b.json\n",
    "../x.json",
]


@pytest.mark.parametrize("name", REFUSED)
def test_only_the_publishers_own_files(tmp_path, name):
    assert not ALLOWED.fullmatch(name)
    if not name.startswith(".."):
        write_text(tmp_path / name, "{}")
        with pytest.raises(RexrankError):
            check_bundle(tmp_path)


def test_no_link_leaves(tmp_path):
    (tmp_path / "overview.json").symlink_to("/etc/passwd")
    with pytest.raises(RexrankError):
        check_bundle(tmp_path)


def test_of_a_private_set_no_study_and_no_fine_number_leaves(tmp_path):
    write_text(tmp_path / "studies/rexgradient/findings/a__b.parquet", "x")
    with pytest.raises(RexrankError, match="per-study"):
        check_bundle(tmp_path)
    shutil.rmtree(tmp_path / "studies")
    path = tmp_path / "records/rexgradient/findings/a__b.json"
    write_text(path, dump_json(record("0" * 64, "rexgradient")))
    with pytest.raises(RexrankError, match="finer"):
        check_bundle(tmp_path)
    write_text(path, dump_json(record("0" * 64, "rexgradient", mean=1 / 12)))
    assert check_bundle(tmp_path) == ["records/rexgradient/findings/a__b.json"]


def test_a_record_that_breaks_its_schema_does_not_leave(tmp_path):
    write_text(tmp_path / ROW, dump_json({**record("0" * 64), "study": "s1"}))
    with pytest.raises(RexrankError, match="schema"):
        check_bundle(tmp_path)
