"""GitHub fails, reviewers say no, teams ask too often."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rehearsal.seed import PRIVATE
from rehearsal.submissions import submission
from rehearsal.world import World


def test_without_a_reviewers_yes_nothing_is_scored(rehearsal: World) -> None:
    p = rehearsal.open_pull(submission(private=True))
    rehearsal.say(p, f"/score {p.head_sha}")
    run = rehearsal.last("score")
    assert run.waiting == ["scoring"]
    assert not any(j.self_hosted and j.steps for j in run.jobs.values())
    assert "success" not in [s.state for s in rehearsal.state.statuses]


def test_a_comment_stored_and_answered_with_502_is_one_comment(rehearsal: World) -> None:
    fault = rehearsal.fault("lost", "POST", r"/issues/\d+/comments$")
    p = rehearsal.open_pull(submission())
    assert fault.times == 0
    if rehearsal.last("comment").conclusion != "success":
        rehearsal.push_to_pull(p, submission(writer="near-copy"))
    assert len(rehearsal.bot_comments(p)) == 1


def test_a_rate_limit_is_waited_for(rehearsal: World) -> None:
    fault = rehearsal.fault("rate", "GET", r"/comments")
    p = rehearsal.open_pull(submission())
    assert fault.times == 0
    assert rehearsal.last("comment").conclusion == "success", rehearsal.last("comment").log
    assert len(rehearsal.bot_comments(p)) == 1


@pytest.mark.parametrize("where", ["comment", "request-score", "authorise", "report"])
def test_github_down_is_loud_and_safe_to_repeat(rehearsal: World, where: str) -> None:
    if where == "comment":
        fault = rehearsal.fault("down", "*", ".*", 1000)
        p = rehearsal.open_pull(submission())
        assert rehearsal.last("comment").conclusion == "failure"
        fault.times = 0
        rehearsal.push_to_pull(p, submission(writer="near-copy"))
        assert rehearsal.last("comment").conclusion == "success", rehearsal.last("comment").log
        assert len(rehearsal.bot_comments(p)) == 1
        return
    p = rehearsal.open_pull(submission())
    if where == "request-score":
        fault = rehearsal.fault("down", "*", ".*", 1000)
        rehearsal.say(p, f"/score {p.head_sha}")
        assert rehearsal.last("request-score").conclusion == "failure"
        assert rehearsal.runs("score") == []
    elif where == "authorise":
        rehearsal.state.before_request.append(("POST", "/dispatches$", lambda: fault_later(rehearsal)))
        rehearsal.say(p, f"/score {p.head_sha}")
        fault = rehearsal.state.faults[-1]
        assert rehearsal.last("score").conclusion == "failure"
    else:
        rehearsal.say(p, f"/score {p.head_sha}")
        run = rehearsal.last("score")
        fault = rehearsal.fault("down", "*", ".*", 1000)
        rehearsal.approve(run)
        assert run.conclusion == "failure"
        assert [j.result for j in run.jobs.values() if j.self_hosted] == ["success"], run.log
    fault.times = 0
    rehearsal.say(p, f"/score {p.head_sha}")
    run = rehearsal.last("score")
    rehearsal.approve(run)
    assert run.conclusion == "success", run.log
    assert [s.state for s in rehearsal.state.statuses if s.sha == p.head_sha][-1] == "success"


def fault_later(world: World) -> None:
    """Everything after this request fails."""
    fault = world.fault("down", "GET", "/pulls/", 1000)
    assert fault.times


def test_a_team_that_asks_too_often_is_told_when_it_may(rehearsal: World) -> None:
    first = rehearsal.open_pull(submission(private=True), branch="first")
    rehearsal.say(first, f"/score {first.head_sha}")
    rehearsal.approve(rehearsal.last("score"))
    rehearsal.merge(first)
    second = rehearsal.open_pull(submission(private=True, writer="near-copy", seed=5), branch="second")
    rehearsal.say(second, f"/score {second.head_sha}")
    if len(rehearsal.runs("score")) > 1:
        run = rehearsal.last("score")
        if run.waiting:
            rehearsal.approve(run)
        assert run.conclusion == "failure", run.log
    body = "\n".join(c.body for c in rehearsal.bot_comments(second))
    assert "20" in body
    assert "quota" in body.lower() or "slot" in body.lower(), body
    assert PRIVATE in body or "private" in body.lower()
    assert "success" not in [s.state for s in rehearsal.state.statuses if s.sha == second.head_sha]


def test_the_clock_of_the_rehearsal_moves(rehearsal: World) -> None:
    before = rehearsal.state.now()
    rehearsal.state.offset = timedelta(days=40)
    assert rehearsal.state.now() > before
