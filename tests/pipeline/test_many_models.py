"""What a request for scores and a publication ask of GitHub does not grow with the models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from rehearsal.git import Change, commit, git
from rehearsal.submissions import card, submission
from rehearsal.world import World

MODELS = 4


def asked(world: World, deed: Callable[[], object]) -> dict[str, int]:
    """How many requests a deed leads to: to the API, by git, and for whose an account is."""
    before = len(world.state.requests)
    deed()
    paths = [f"/{r.path}" for r in world.state.requests[before:]]
    by_git, people = (sum(part in p for p in paths) for part in ("/git/", "/users/"))
    return {"api": len(paths) - by_git - people, "git": by_git, "people": people}


def add_models(world: World) -> None:
    """Many models on main at once, each with reports and a contact of its own."""
    files: dict[str, Change] = {}
    for number in range(MODELS):
        text = card(name=f"Model {number}", contact=f"person{number:02d}")
        files |= submission(team=f"team{number:02d}", seed=100 + number, card_text=text)
    head = commit(world.state.bare, world.main, files, "Many models", "maintainer")
    git(world.state.bare, "update-ref", "refs/heads/main", head)


def score_and_merge(world: World) -> list[dict[str, int]]:
    """What is asked for the scores of the open pull request, and for its publication."""
    pull = world.state.pulls[1]
    requests = [asked(world, lambda: world.score(pull)), asked(world, lambda: world.merge(pull))]
    assert world.last("publish").conclusion == "success", world.last("publish").log
    return requests


def test_requests_are_as_many_with_many_models_as_with_one(opened: World, tmp_path: Path) -> None:
    with opened.branch_off(tmp_path / "one") as one:
        few = score_and_merge(one)
    add_models(opened)
    first = asked(opened, lambda: opened.dispatch("publish", {}))
    # Whose a model is, is asked once for each contact of a new one, and never again.
    assert first["people"] == MODELS
    many = score_and_merge(opened)
    table = json.loads(opened.file("leaderboard/tables/sandbox.findings.json") or b"")
    assert len(table["rows"]) + len(table["incomplete"]) > MODELS
    assert many == few
    assert [e["people"] for e in few] == [0, 1]
