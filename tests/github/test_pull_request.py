"""The kind of a pull request, and whether its changes are allowed."""

from __future__ import annotations

import random

import pytest
from support.comments import inert

from evaluator.core.problems import RexrankError
from evaluator.github import git_objects
from evaluator.github.ownership import Person
from evaluator.github.pull_request import fetch_blobs, read_fetched, read_pull_request
from evaluator.github.validation_comment import validation_comment, verdict

FOLDER = "submissions/strangers/careful"


def taken(repo, tmp_path, changes, author=None):
    sha = repo.pull(changes)
    return read_pull_request(repo.url, 1, sha, tmp_path / "pull", None, author)


def codes(intake):
    return {p.code for p in intake.report.problems if p.severity == "error"}


def test_a_good_submission(repo, tmp_path, submission_files):
    intake = taken(repo, tmp_path, submission_files())
    assert (intake.kind, intake.folder, intake.ok) == ("submission", FOLDER, True)
    assert intake.report.found[0].submission.files["sandbox"].items


def test_a_change_of_the_project_is_not_a_submission(repo, tmp_path):
    intake = taken(repo, tmp_path, {"evaluator/cli/app.py": b"x", "Submissions/a/b/model.yaml": b"x"})
    assert (intake.kind, intake.folder, intake.report.found) == ("other", "", ())


SHAPES = {
    "code beside data": ({"evaluator/x.py": b"x"}, "RX102"),
    "workflow beside data": ({".github/workflows/x.yml": b"x"}, "RX102"),
    "attributes beside data": ({".gitattributes": b"* filter=lfs"}, "RX102"),
    "leaderboard beside data": ({"leaderboard/overview.json": b"{}"}, "RX102"),
    "a second submission": ({"submissions/others/x/model.yaml": b"x"}, "RX102"),
    "a stray file": ({"submissions/x.txt": b"x"}, "RX102"),
    "weights": ({f"{FOLDER}/weights.bin": b"x"}, "RX102"),
    "an executable": ({f"{FOLDER}/sandbox.json": ("100755", b"{}")}, "RX104"),
    "a link": ({f"{FOLDER}/iu-xray.json": ("120000", b"/etc/passwd")}, "RX104"),
    "a submodule": ({f"{FOLDER}/code": ("160000", "1" * 40)}, "RX104"),
    "a folder inside": ({f"{FOLDER}/a/b.json": b"{}"}, "RX107"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_that_are_refused(repo, tmp_path, submission_files, name):
    more, code = SHAPES[name]
    intake = taken(repo, tmp_path, {**submission_files(), **more})
    assert not intake.ok
    assert code in codes(intake)


@pytest.mark.parametrize(
    "folder",
    [
        "submissions/Strangers/careful",
        "submissions/str\u0430ngers/careful",
        "submissions/strangers/$(id)",
        "submissions/strangers/a b",
        "submissions/stran\udcffgers/careful",
        "submissions/:(glob)*/x",
        "submissions/strangers/*",
        "submissions/-x/y",
    ],
)
def test_names_that_are_not_slugs_are_never_a_withdrawal(repo, tmp_path, submission_files, folder):
    files = {p.replace(FOLDER, folder): d for p, d in submission_files().items()}
    intake = taken(repo, tmp_path, files)
    assert intake.kind == "submission"
    assert not intake.ok
    assert "RX101" in codes(intake)


def test_a_withdrawal_only_takes_away(repo, tmp_path, submission_files):
    repo.merge(submission_files())
    intake = taken(repo, tmp_path, dict.fromkeys(submission_files()))
    assert (intake.kind, intake.ok) == ("withdrawal", True)
    mixed = taken(repo, tmp_path / "2", {**dict.fromkeys(submission_files()), "README.md": b"x"})
    assert (mixed.kind, mixed.ok) == ("withdrawal", False)


def test_a_card_alone_is_checked_with_the_existing_predictions(repo, tmp_path, submission_files, card_bytes):
    repo.merge(submission_files())
    intake = taken(repo, tmp_path, {f"{FOLDER}/model.yaml": card_bytes(name="Renamed")})
    assert intake.ok
    assert set(intake.report.found[0].submission.files) == {"sandbox"}


def test_a_pack_beyond_the_limit_is_reported_and_not_kept(repo, tmp_path, submission_files, monkeypatch):
    """The commit's message does not compress; its files would be fine."""
    message = random.Random(1).randbytes(400_000).hex()
    tree = repo.run("rev-parse", f"{repo.commit(submission_files())}^{{tree}}")
    sha = repo.run("commit-tree", tree, "-p", "main", "-F", "-", data=message.encode())
    repo.run("update-ref", "refs/pull/1/head", sha)
    monkeypatch.setattr(git_objects, "MAX_WRITTEN", 100_000)
    intake = read_pull_request(repo.url, 1, sha, tmp_path / "pull")
    assert (intake.ok, intake.kind) == (False, "submission")
    comment = validation_comment(intake)
    inert(comment)
    assert "Its commits and trees exceed 0 MB, the most that is inspected" in comment
    assert "start from a fresh copy of main" in comment
    assert verdict(intake)[0] == "failure"
    repo.path.rename(tmp_path / "gone")
    with pytest.raises(RexrankError, match="git fetch failed"):
        read_pull_request(repo.url, 1, sha, tmp_path / "again")


def test_scoring_needs_no_network_after_the_fetch(repo, tmp_path, submission_files):
    sha = repo.pull(submission_files())
    from evaluator.github.git_objects import fetch

    brought = fetch_blobs(fetch(repo.url, 1, sha, tmp_path / "pull"))
    assert (brought.contacts, brought.limited) == (("stranger",), {})
    repo.path.rename(tmp_path / "gone")
    assert read_fetched(tmp_path / "pull", 1, sha).ok


def test_what_main_changed_in_the_folder_meanwhile_is_fetched_too(
    repo, tmp_path, submission_files, card_bytes, report_bytes
):
    """The merge is scored: a card from the pull request, predictions that main has got since."""
    from evaluator.github.git_objects import fetch

    start = repo.merge(submission_files())
    sha = repo.commit({f"{FOLDER}/model.yaml": card_bytes(name="Renamed", contact="other")}, start)
    repo.run("update-ref", "refs/pull/1/head", sha)
    repo.merge({f"{FOLDER}/sandbox.json": report_bytes("near-copy", 3)})
    brought = fetch_blobs(fetch(repo.url, 1, sha, tmp_path / "pull"))
    assert brought.contacts == ("other",)
    repo.path.rename(tmp_path / "gone")
    assert read_fetched(tmp_path / "pull", 1, sha).ok


@pytest.mark.parametrize(
    ("login", "ok"), [("stranger", True), ("STRANGER", True), ("other", False), ("", False)]
)
def test_only_a_contact_opens_the_folder_of_a_new_team(repo, tmp_path, submission_files, login, ok):
    intake = taken(repo, tmp_path, submission_files(), Person(login, 7))
    assert intake.report.ok
    assert intake.ok is ok
    assert ok or "not listed under contact" in intake.objection
    assert taken(repo, tmp_path / "2", submission_files(), Person(login, 7, maintainer=True)).ok


@pytest.mark.parametrize("card", [b"", b"\xff", b"contact: stranger\n", b"contact: [&a x, *a]\n"])
def test_a_card_that_cannot_be_read_names_nobody(repo, tmp_path, submission_files, card):
    files = {**submission_files(), f"{FOLDER}/model.yaml": card}
    assert taken(repo, tmp_path, files, Person("stranger", 7)).objection is not None


def test_a_model_cannot_start_as_withdrawn(repo, tmp_path, submission_files):
    gone = submission_files(status="withdrawn\nreason: A fault.")
    born = taken(repo, tmp_path, gone)
    assert [(p.code, p.pointer, p.found) for p in born.report.problems] == [
        ("RX502", "/status", "a new model whose status is withdrawn")
    ]
    assert not born.ok
    repo.merge(submission_files())
    assert taken(repo, tmp_path / "2", gone).ok


@pytest.mark.parametrize(("login", "ok"), [("stranger", True), ("Stranger", True), ("other", False)])
def test_only_contacts_change_what_is_there(repo, tmp_path, submission_files, login, ok):
    repo.merge(submission_files())
    files = submission_files(name="Mine now", contact=login)
    intake = taken(repo, tmp_path, files, Person(login, 7))
    assert intake.ok is ok
    assert (intake.objection is None) is ok
    assert taken(repo, tmp_path / "2", files, Person(login, 7, maintainer=True)).ok


MAINTAINER = Person("keeper", 7, maintainer=True)
IMPORTED = b"imported: {date: '2024-11-19', source: a lab}\n"


def imported(submission_files, *models):
    """The files of an import: each model's card says where its predictions come from."""
    files = {}
    for model in models:
        for path, data in submission_files(model=model).items():
            files[path] = data + IMPORTED if path.endswith("model.yaml") else data
    return files


def test_a_maintainer_imports_several_submissions_as_one_change(repo, tmp_path, submission_files):
    intake = taken(repo, tmp_path, imported(submission_files, "one", "two"), MAINTAINER)
    assert (intake.kind, intake.ok, len(intake.report.found)) == ("import", True, 2)
    comment = validation_comment(intake)
    inert(comment)
    assert "2 submissions" in comment
    assert "predictions of 2024-11-19, from a lab" in comment
    assert verdict(intake) == ("success", "an import of 2 submissions: scored once it is merged")


@pytest.mark.parametrize("author", [None, Person("stranger", 7)], ids=["nobody", "a contact"])
def test_nobody_else_may_import(repo, tmp_path, submission_files, author):
    intake = taken(repo, tmp_path, imported(submission_files, "one", "two"), author)
    assert (intake.kind, intake.ok) == ("submission", False)
    assert "RX102" in codes(intake)


@pytest.mark.parametrize("more", ["evaluator/x.py", "submissions/x.txt", ".github/workflows/x.yml"])
def test_an_import_contains_nothing_else(repo, tmp_path, submission_files, more):
    intake = taken(repo, tmp_path, {**imported(submission_files, "one", "two"), more: b"x"}, MAINTAINER)
    assert not intake.ok
    assert "RX102" in codes(intake)
    assert verdict(intake)[0] == "failure"


def test_an_import_is_checked_by_every_rule(repo, tmp_path, submission_files):
    files = imported(submission_files, "one", "two")
    files["submissions/strangers/two/sandbox.json"] = b"{}"
    intake = taken(repo, tmp_path, files, MAINTAINER)
    assert (intake.kind, intake.ok) == ("import", False)
    assert {p.file for p in intake.report.problems} == {"submissions/strangers/two/sandbox.json"}
    assert "Not valid" in validation_comment(intake)


OWNER = Person("stranger", 7)
CARD_FILE = f"{FOLDER}/model.yaml"


@pytest.mark.parametrize(
    ("main", "change", "author", "words"),
    [
        (b"", {CARD_FILE: IMPORTED}, OWNER, "only maintainers may write imported"),
        (b"", {CARD_FILE: IMPORTED}, MAINTAINER, None),
        (IMPORTED, {CARD_FILE: IMPORTED.replace(b"2024", b"2023")}, OWNER, "only maintainers may write imported"),
        (IMPORTED, {CARD_FILE: b"# a remark\n" + IMPORTED}, OWNER, None),
        (IMPORTED, {CARD_FILE: b""}, OWNER, None),
        (IMPORTED, {f"{FOLDER}/sandbox.json": None}, OWNER, "remove imported from model.yaml"),
        (IMPORTED, {CARD_FILE: b"", f"{FOLDER}/sandbox.json": None}, OWNER, None),
    ],
)  # fmt: skip
def test_who_may_say_that_predictions_are_imported(
    repo, tmp_path, submission_files, card_bytes, report_bytes, main, change, author, words
):
    files = submission_files()
    repo.merge({**files, CARD_FILE: files[CARD_FILE] + main})
    contents = {
        path: card_bytes() + data if data is not None else report_bytes("near-copy", 3)
        for path, data in change.items()
    }
    intake = taken(repo, tmp_path, contents, author)
    assert (intake.objection is None) is (words is None)
    assert words is None or words in intake.objection


def test_a_contact_may_still_withdraw_what_was_imported(repo, tmp_path, submission_files):
    files = imported(submission_files, "careful")
    repo.merge(files)
    intake = taken(repo, tmp_path, dict.fromkeys(files), OWNER)
    assert (intake.kind, intake.ok) == ("withdrawal", True)
