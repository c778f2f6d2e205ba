"""The only writer of main's leaderboard, against a real repository: what it prepares, and what happens to it."""

from __future__ import annotations

import json
import shutil

import pytest
from support.publication import FOLDER, ROW, PushError, fresh, publish, push
from support.sparse import sparse_clone, unfetched

from evaluator.core.files import dump_json, write_text
from evaluator.core.problems import RexrankError
from evaluator.github.publish import prepare


def test_of_per_study_scores_only_the_rows_are_published(place):
    """A Parquet file has room for more: metadata, names of column types, bytes that nothing refers to."""
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
    """The files of a bundle that go to main: all but its note, and pairs, which have a branch."""
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
    """One commit without history, whatever was published before, in the same push as the tables."""
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


def test_files_missing_from_the_bundle_are_removed_and_hand_written_ones_stay(place):
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


def test_a_bundle_of_other_submissions_is_left_to_their_own_run(place, card_bytes):
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


def test_hand_written_changes_made_meanwhile_are_kept(place):
    repo, root, bundle = place
    out = fresh(root, repo.url)
    prepare(root, bundle, out)
    merge = repo.merge({"leaderboard/reported/x.csv": b"mended"})
    with pytest.raises(PushError, match="Run the workflow again"):
        push(root, out, repo.url)
    assert repo.run("rev-parse", "main") == merge


def test_the_check_fetches_the_predictions_it_compares_and_those_alone(place, tmp_path, report_bytes):
    """All for the first publication; afterwards those that changed since, and a row of other bytes is still refused."""
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
    with pytest.raises(RexrankError, match=r"not for the predictions|main's submission"):
        check("other")
    assert unfetched(repo, tmp_path / "other") == predictions[1:]


def test_a_row_for_bytes_that_main_lacks_stops_the_publication(place, report_bytes):
    """The same tree of submissions is claimed, but the bytes differ: no row is better than a wrong one."""
    repo, root, bundle = place
    merge = repo.merge({f"{FOLDER}/sandbox.json": report_bytes("shuffled", 1)})
    note = {"schema": "rexrank/bundle/v1", "submissions": repo.run("rev-parse", "main:submissions")}
    write_text(bundle / "bundle.json", dump_json(note))
    with pytest.raises(RexrankError, match=r"not for the predictions|main's submission|main does not have"):
        publish(root, bundle, repo.url)
    assert repo.run("rev-parse", "main") == merge


@pytest.mark.parametrize("change", ["card", "gone"])
def test_a_row_with_another_card_or_no_submission_stops_it(place, card_bytes, change):
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
