"""Who is behind a pull request, and what a maintainer is told about them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from evaluator.core.problems import RexrankError
from evaluator.github import api
from evaluator.github.people import (
    accounts_of,
    models_of,
    people_lines,
    read_github_facts,
    write_github_facts,
)

SINCE = datetime(2020, 1, 2, tzinfo=UTC)
PULL = SimpleNamespace(user=SimpleNamespace(login="Someone", id=7))


@pytest.fixture
def main(tmp_path):
    """Three models on main; the ids of the last were recorded when its handle `someone` was another account."""
    for name, handle in (("a/one", "Someone"), ("b/two", "x"), ("c/three", "someone")):
        (tmp_path / "submissions" / name).mkdir(parents=True)
        (tmp_path / "submissions" / name / "model.yaml").write_text(f"contact: [{handle}]")
    (tmp_path / "leaderboard").mkdir()
    owners = {"b/two": {"x": 8}, "c/three": {"someone": 99}}
    (tmp_path / "leaderboard/owners.json").write_text(json.dumps(owners))
    return tmp_path / "submissions", tmp_path / "leaderboard"


def test_the_opener_comes_first_and_each_handle_is_asked_for_once(monkeypatch):
    handles = []
    known = {"Other": 8, "Gone": None}
    monkeypatch.setattr(api, "user_id", lambda repo, handle: handles.append(handle) or known[handle])
    assert accounts_of(None, PULL, ["someone", "Other", "Gone"]) == {"Someone": 7, "Other": 8}
    assert handles == ["Other", "Gone"]


def test_a_card_of_a_thousand_handles_asks_for_ten(monkeypatch):
    handles = []
    monkeypatch.setattr(api, "user_id", lambda repo, handle: handles.append(handle))
    accounts_of(None, PULL, (f"u{n}" for n in range(1_000)))
    assert len(handles) == 10


def test_models_go_by_the_recorded_id_and_else_by_the_handle(main):
    assert models_of("someone", 7, *main) == ["a/one"]
    assert models_of("someone", 99, *main) == ["a/one", "c/three"]
    assert models_of("renamed", 8, *main) == ["b/two"]


def test_what_a_maintainer_sees(main):
    accounts, noted = {"someone": 7, "x": 8}, {7: frozenset({"new", "z"}), 8: frozenset({"new"})}
    first, second = people_lines(accounts, SINCE, "new", noted, *main)
    assert first == (
        "opened by `someone`, account 7 since 2020-01-02; contact of `a/one`; **other teams of this account: `a`, `z`**"
    )
    assert second == "contact `x`, account 8; contact of `b/two`; **other teams of this account: `b`**"
    (line,) = people_lines({"nobody": 5}, SINCE, "new", {}, *main)
    assert line.endswith("contact of no model on main; no other team known")


def test_a_fetch_leaves_the_facts_for_scoring(tmp_path):
    write_github_facts(tmp_path, [8, 7, 7], ["b" * 64])
    people = read_github_facts(tmp_path)
    assert (people.accounts, people.granted) == ((7, 8), ("b" * 64,))


@pytest.mark.parametrize(
    "text", [None, "{", "[]", "{}", '{"accounts": []}', '{"accounts": ["x"]}', '{"accounts": [1], "more": 1}']
)
def test_nobody_is_scored_as_nobody(tmp_path, text):
    if text is not None:
        (tmp_path / "people.json").write_text(text)
    with pytest.raises(RexrankError):
        read_github_facts(tmp_path)
