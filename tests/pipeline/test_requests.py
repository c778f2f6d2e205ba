"""Who may request scoring of what, everyone's answer, and the quota."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rehearsal.safety import unmoved
from rehearsal.seed import PRIVATE
from rehearsal.state import Pull
from rehearsal.submissions import card, submission
from rehearsal.world import World
from support.comments import inert

from evaluator.scoring.ledger import attempts

CONTEXT = f"rexrank/quota/{PRIVATE}/team/strangers"


def answers(world: World, p: Pull) -> list[str]:
    """The bot's answers to requests."""
    return [c.body for c in world.bot_comments(p) if "rexrank:request" in c.body]


def told(world: World, p: Pull) -> str:
    """The one answer."""
    (body,) = answers(world, p)
    inert(body, world.state.base_url)
    return body


COMMANDS = [
    ("stranger", "/score {sha}", "Only maintainers"),
    ("outsider", "/score {sha}", "Only maintainers"),
    ("triager", "/score {sha}", "Only maintainers"),
    ("maintainer", "/score {sha}; touch pwned", "40 hexadecimal"),
    ("maintainer", "/score {sha} --all", "40 hexadecimal"),
    ("maintainer", "/score {sha}\n/score {sha}", "40 hexadecimal"),
    ("maintainer", "/score {short}", "40 hexadecimal"),
    ("maintainer", "/score {upper}", "40 hexadecimal"),
    ("maintainer", "/score", "40 hexadecimal"),
    ("maintainer", "/score {wrong}", "it moved"),
    ("maintainer", "/score {main}", "it moved"),
    ("maintainer", "please /score {sha}", None),
    ("maintainer", "/scoreboard", None),
]


@pytest.mark.parametrize(("author", "command", "words"), COMMANDS)
def test_score_commands_that_start_nothing_say_why(
    opened: World, author: str, command: str, words: str | None
) -> None:
    opened.state.permissions["triager"] = "triage"
    p = opened.state.pulls[1]
    values = {
        "sha": p.head_sha,
        "short": p.head_sha[:12],
        "wrong": "a" * 40,
        "upper": p.head_sha.upper(),
        "main": opened.main,
    }
    opened.say(p, command.format(**values), author=author)
    assert opened.runs("score") == []
    assert all(r.conclusion == "success" for r in opened.runs("request-score"))
    if words is None:
        assert answers(opened, p) == []
    else:
        assert words in told(opened, p)
    unmoved(opened)


def test_outsiders_make_the_bot_speak_once_and_never_over_a_maintainers_answer(opened: World) -> None:
    p = opened.state.pulls[1]
    for n in range(2):
        opened.say(p, f"/score {n}", author="outsider")
    assert len(answers(opened, p)) == 1
    opened.say(p, "/score now", author="maintainer")
    assert "40 hexadecimal" in told(opened, p)
    opened.say(p, f"/score {p.head_sha}", author="stranger")
    assert "40 hexadecimal" in told(opened, p)
    opened.say(p, f"/score {p.head_sha}", author="maintainer")
    assert "requested" in told(opened, p)
    assert f"/actions/runs/{opened.last('score').id}" in told(opened, p)


def test_an_edited_comment_starts_nothing(opened: World) -> None:
    p = opened.state.pulls[1]
    comment = opened.say(p, "I will look at it.")
    opened.edit(p, comment, f"/score {p.head_sha}")
    assert opened.runs("score") == []
    assert opened.runs("request-score")[0].jobs["request"].result == "skipped"


def test_the_head_moves_before_the_comment_is_read(opened: World) -> None:
    p = opened.state.pulls[1]
    reviewed = p.head_sha
    opened.push_to_pull(p, {"evaluator/x.py": b"evil\n"})
    opened.say(p, f"/score {reviewed}")
    assert opened.runs("score") == []
    assert "it moved" in told(opened, p)
    opened.say(p, f"/score {p.head_sha}")
    assert "not valid" in told(opened, p)
    assert opened.runs("score") == []


def second(world: World, **more: object) -> Pull:
    """Another pull request of the team that has used its run on the private dataset."""
    return world.open_pull(submission(writer="near-copy", seed=5, private=True, **more), branch="second")  # type: ignore[arg-type]


def store(world: World) -> Path:
    assert world.executor.runner is not None
    return Path(world.executor.runner.secrets["REXRANK_STORE"])


def test_a_used_quota_is_told_with_the_next_slot_before_anything_starts(published: World) -> None:
    p = second(published)
    (valid,) = published.bot_comments(p)
    day = re.search(rf"`{PRIVATE}` \*\*from (\d{{4}}-\d\d-\d\d \d\d:\d\d) UTC\*\*", valid.body)
    assert day is not None, valid.body
    when = datetime.strptime(day[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    assert timedelta(days=29) < when - datetime.now(UTC) <= timedelta(days=30)
    before = len(published.runs("score"))
    published.say(p, f"/score {p.head_sha}")
    assert len(published.runs("score")) == before
    assert f"`{PRIVATE}` at **{day[1]} UTC**" in told(published, p)
    assert "success" not in [s.state for s in published.state.statuses if s.sha == p.head_sha]


def test_the_runners_ledger_decides_whatever_is_noted_outside(published: World) -> None:
    """Without the notes the request goes through, the runner refuses with the date, and the notes are restored."""
    published.state.checks.clear()
    p = second(published)
    published.say(p, f"/score {p.head_sha}")
    run = published.last("score")
    published.approve(run)
    assert run.conclusion == "failure"
    assert run.jobs["report"].result == "failure"
    (body,) = [c.body for c in published.bot_comments(p) if "rexrank:score" in c.body]
    inert(body, published.state.base_url)
    assert f"strangers has used its runs on {PRIVATE}: 1 of 1 in 30 days" in body.replace("\\", "")
    assert re.search(r"Next slot: \d{4}-\d\d-\d\d", body.replace("\\", ""))
    assert [s.state for s in published.state.statuses if s.sha == p.head_sha] == ["pending", "failure"]
    (note,) = [c for c in published.state.checks if c.name == CONTEXT]
    assert note.title.startswith("refused ")
    runs = len(published.runs("score"))
    published.say(p, f"/score {p.head_sha}")
    assert len(published.runs("score")) == runs


def test_predictions_that_were_scored_are_free(published: World) -> None:
    files = {
        "submissions/strangers/careful/model.yaml": card(description="The same model, better described.")
    }
    p = published.open_pull(files, branch="card")
    assert f"`{PRIVATE}` now" in published.bot_comments(p)[0].body
    published.score(p)


def test_a_new_slot_opens_with_time(published: World) -> None:
    past = datetime.now(UTC) - timedelta(days=31)
    for path in (store(published) / "attempts").glob("*.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "at": past.isoformat()}))
    for check in published.state.checks:
        check.title = re.sub(r"next .*", f"next {past:%Y-%m-%dT%H:%M:%SZ}", check.title)
    p = second(published)
    published.score(p)
    assert len(attempts(store(published))) == 2
    assert len([c for c in published.state.checks if c.name == CONTEXT]) == 2


@pytest.mark.parametrize("author", ["stranger", "outside-app[bot]"])
def test_a_quota_noted_by_somebody_else_counts_for_nothing(opened: World, author: str) -> None:
    """Permission to write statuses is not enough: only the workflow's own notes are read."""
    from rehearsal.git import git
    from rehearsal.state import Check

    p = opened.open_pull(
        submission(team="others", private=True, card_text=card(contact="other")),
        branch="others",
        author="other",
    )
    first = git(opened.state.bare, "rev-list", "--max-parents=0", "main")
    words = f"scored {'a' * 64} of others, next 2099-01-01T00:00:00Z"
    name = f"rexrank/quota/{PRIVATE}/team/others"
    opened.state.checks.append(Check(9, first, name, words, author, opened.state.now()))
    opened.say(p, f"/score {p.head_sha}")
    assert opened.last("score").waiting == ["scoring"]
