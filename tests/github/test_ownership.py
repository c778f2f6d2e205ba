"""Who owns a submission."""

from __future__ import annotations

import json

import pytest

from evaluator.core.problems import RexrankError
from evaluator.github.git_objects import fetch
from evaluator.github.ownership import Person, contacts, objection, parse_owners, record_owners

FOLDER = "submissions/strangers/careful"


@pytest.fixture
def main(repo, tmp_path, submission_files):
    """Main with one published submission whose contact has the numeric id 7."""
    owners = json.dumps({"strangers/careful": {"stranger": 7}}).encode()
    repo.merge({**submission_files(), "leaderboard/owners.json": owners})
    sha = repo.pull({"x": b"1"})
    return fetch(repo.url, 1, sha, tmp_path / "pull")


CASES = [
    (FOLDER, "stranger", 7, None),
    (FOLDER, "STRANGER", 7, None),
    (FOLDER, "stranger", 8, "numeric id"),
    (FOLDER, "other", 7, "not a contact"),
    (FOLDER, "", 7, "not a contact"),
    ("submissions/strangers/second", "stranger", 7, None),
    ("submissions/strangers/second", "stranger", 8, "numeric id"),
    ("submissions/strangers/second", "other", 9, "not a contact of the team"),
    ("submissions/newcomers/first", "other", 9, "not listed under contact"),
    ("submissions/newcomers/first", "Newcomer", 9, None),
    ("submissions/stranger/prefix", "other", 9, "not listed under contact"),
    ("submissions/stranger/prefix", "newcomer", 9, None),
]


@pytest.mark.parametrize(("folder", "login", "number", "wanted"), CASES)
def test_objections(main, folder, login, number, wanted):
    reason = objection(main, folder, Person(login, number), ["newcomer"])
    assert reason is None if wanted is None else wanted in reason
    assert objection(main, folder, Person(login, number, maintainer=True)) is None


def test_hostile_logins_are_shown_as_text(main):
    assert "\n" not in objection(main, FOLDER, Person("a\n::error::b", 9))


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"contact: [a, b-c]\n", ["a", "b-c"]),
        (b"contact: a\n", []),
        (b"contact: [1, a]\n", ["a"]),
        (b'contact: ["octocat\\n", " b "]\n', ["octocat", "b"]),
        (b"contact: [\n", []),
        (b"\xff", []),
        (b"", []),
        (b"a: &a [x]\nb: *a\n", []),
    ],
)
def test_contacts_of_any_bytes(data, wanted):
    assert contacts("model.yaml", data) == wanted


@pytest.mark.parametrize(
    "data", [b"[]", b"{", b'{"a/b": {"x": "7"}}', b'{"a/b": {"x": true}}', b'{"a/b": 7}']
)
def test_a_damaged_register_is_an_error(data):
    with pytest.raises(RexrankError):
        parse_owners(data)


def test_ids_are_recorded_once_and_kept(tmp_path, submission_files):
    for path, content in submission_files().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    assert record_owners(tmp_path, {"stranger": 7}.get)
    register = tmp_path / "leaderboard/owners.json"
    assert json.loads(register.read_text()) == {"strangers/careful": {"stranger": 7}}
    # The login has been registered by someone else since; the recorded id stays.
    assert not record_owners(tmp_path, {"stranger": 99}.get)
    assert json.loads(register.read_text()) == {"strangers/careful": {"stranger": 7}}


def test_an_unknown_handle_is_left_for_later(tmp_path, submission_files):
    for path, content in submission_files().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    assert not record_owners(tmp_path, lambda _: None)
    assert not (tmp_path / "leaderboard/owners.json").exists()
