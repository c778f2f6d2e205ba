"""GitHub fails, and reviewers do not respond: visible errors, nothing half done, safe to run again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rehearsal.submissions import card, submission
from rehearsal.world import World


def test_without_a_reviewers_yes_nothing_is_scored(opened: World) -> None:
    p = opened.state.pulls[1]
    opened.say(p, f"/score {p.head_sha}")
    run = opened.last("score")
    assert run.waiting == ["scoring"]
    assert not any(j.self_hosted and j.steps for j in run.jobs.values())
    assert "success" not in [s.state for s in opened.state.statuses]


def test_a_comment_stored_and_answered_with_502_is_one_comment(rehearsal: World) -> None:
    """POST is not retried, so the job fails; run again, it finds what was stored."""
    fault = rehearsal.fault("lost", "POST", r"/issues/\d+/comments$")
    p = rehearsal.open_pull(submission())
    assert fault.times == 0
    run = rehearsal.last("comment")
    assert run.conclusion == "failure"
    assert len(rehearsal.bot_comments(p)) == 1
    assert rehearsal.rerun(run).conclusion == "success", run.log
    assert len(rehearsal.bot_comments(p)) == 1
    assert [s.state for s in rehearsal.state.statuses] == ["pending"]


def test_a_status_stored_and_answered_with_502_is_set_once(rehearsal: World) -> None:
    rehearsal.fault("lost", "POST", r"/statuses/")
    rehearsal.open_pull(submission())
    run = rehearsal.last("comment")
    assert rehearsal.rerun(run).conclusion == "success", run.log
    assert [s.state for s in rehearsal.state.statuses] == ["pending"]


def test_a_rate_limit_is_waited_for(rehearsal: World) -> None:
    fault = rehearsal.fault("rate", "GET", r"/comments")
    p = rehearsal.open_pull(submission())
    assert fault.times == 0
    assert rehearsal.last("comment").conclusion == "success", rehearsal.last("comment").log
    assert len(rehearsal.bot_comments(p)) == 1


def test_github_down_while_commenting(rehearsal: World) -> None:
    fault = rehearsal.fault("down", "*", ".*", 1000)
    p = rehearsal.open_pull(submission())
    run = rehearsal.last("comment")
    assert run.conclusion == "failure"
    assert rehearsal.bot_comments(p) == []
    fault.times = 0
    assert rehearsal.rerun(run).conclusion == "success", run.log
    assert len(rehearsal.bot_comments(p)) == 1


def test_github_down_while_a_request_is_read(opened: World) -> None:
    p = opened.state.pulls[1]
    fault = opened.fault("down", "*", ".*", 1000)
    opened.say(p, f"/score {p.head_sha}")
    run = opened.last("request-score")
    assert run.conclusion == "failure"
    assert opened.runs("score") == []
    fault.times = 0
    assert opened.rerun(run).conclusion == "success", run.log
    assert opened.last("score").waiting == ["scoring"]
    assert len(opened.bot_comments(p)) == 2


def test_a_dispatch_that_github_refuses_is_not_taken_for_a_start(opened: World) -> None:
    p = opened.state.pulls[1]
    opened.fault("down", "POST", "/dispatches$")
    opened.say(p, f"/score {p.head_sha}")
    run = opened.last("request-score")
    assert run.conclusion == "failure"
    assert opened.runs("score") == []
    assert len(opened.bot_comments(p)) == 1
    assert opened.rerun(run).conclusion == "success", run.log
    assert opened.last("score").waiting == ["scoring"]


def test_a_dispatch_stored_and_answered_with_502_is_one_run(opened: World) -> None:
    """The job fails; run again, it finds the waiting run and names it."""
    p = opened.state.pulls[1]
    opened.fault("lost", "POST", "/dispatches$")
    opened.say(p, f"/score {p.head_sha}")
    run = opened.last("request-score")
    assert run.conclusion == "failure"
    assert opened.rerun(run).conclusion == "success", run.log
    (score,) = opened.runs("score")
    opened.say(p, f"/score {p.head_sha}")
    assert opened.runs("score") == [score]
    (answer,) = [c.body for c in opened.bot_comments(p) if "rexrank:request" in c.body]
    assert "already requested" in answer
    assert f"/actions/runs/{score.id}" in answer


def test_github_down_while_a_commit_is_authorised(opened: World) -> None:
    p = opened.state.pulls[1]

    def later() -> None:
        opened.fault("down", "GET", "/pulls/", 1000)

    opened.state.before_request.append(("POST", "/dispatches$", later))
    opened.say(p, f"/score {p.head_sha}")
    run = opened.last("score")
    assert run.conclusion == "failure"
    assert not any(j.self_hosted and j.steps for j in run.jobs.values())
    opened.state.faults[-1].times = 0
    opened.rerun(run)
    assert run.waiting == ["scoring"]


def test_github_down_while_the_scores_are_reported(opened: World) -> None:
    """The scoring is done and kept: only the report runs again, from the checked result."""
    p = opened.state.pulls[1]
    opened.say(p, f"/score {p.head_sha}")
    run = opened.last("score")
    fault = opened.fault("down", "*", "/(issues|statuses)/", 1000)
    opened.approve(run)
    assert run.conclusion == "failure"
    assert [j.result for j in run.jobs.values() if j.self_hosted] == ["success"], run.log
    fault.times = 0
    calls = run.jobs["score"].calls
    assert opened.rerun(run).conclusion == "success", run.log
    assert run.jobs["score"].calls == calls
    assert [s.state for s in opened.state.statuses if s.sha == p.head_sha] == ["pending", "success"]
    assert len(opened.bot_comments(p)) == 3


@pytest.mark.parametrize("where", ["api", "push"])
def test_github_down_while_publishing(scored: World, where: str) -> None:
    """The commit job runs again from the same bundle; main has one publication."""
    if where == "api":
        fault = scored.fault("down", "*", ".*", 1000)
    else:
        fault = scored.fault("down", "GIT", "receive-pack", 1000)
    merged = scored.merge(scored.state.pulls[1])
    run = scored.last("publish")
    assert run.conclusion == "failure"
    # Without knowing whose pull request was merged, nothing is scored; a failed push has its scores.
    assert run.jobs["score"].result == ("skipped" if where == "api" else "success")
    assert scored.main == merged
    fault.times = 0
    assert scored.rerun(run).conclusion == "success", run.log
    assert scored.main != merged
    assert scored.file("leaderboard/records/sandbox/findings/strangers__careful.json") is not None


def test_the_rehearsals_clock_advances(beginning: World) -> None:
    state = beginning.state.twin(beginning.root)
    before = state.now()
    state.offset = timedelta(days=40)
    assert state.now() > before


def test_a_run_that_waits_for_its_reviewer_holds_no_queue(opened: World) -> None:
    """Meanwhile, the machine with the references continues with other runs, and so do other requests."""
    p = opened.state.pulls[1]
    opened.say(p, f"/score {p.head_sha}")
    run = opened.last("score")
    assert run.concurrency is None
    (waiting,) = [j for j in run.jobs.values() if j.result == "waiting"]
    assert (waiting.concurrency, waiting.self_hosted) == (None, False)
    opened.approve(run)
    assert run.jobs["score"].concurrency["group"] == "scoring-gpu"
    assert run.jobs["score"].concurrency["queue"] == "max"


def test_a_newer_request_cancels_the_run_that_waits_for_the_old_commit(opened: World) -> None:
    p = opened.state.pulls[1]
    opened.say(p, f"/score {p.head_sha}")
    stale = opened.last("score")
    other = opened.open_pull(
        submission(team="others", card_text=card(contact="other")), branch="others", author="other"
    )
    opened.say(other, f"/score {other.head_sha}")
    theirs = opened.last("score")
    opened.push_to_pull(p, {"submissions/strangers/careful/model.yaml": card(description="Mended.")})
    before = len(opened.bot_comments(p))
    opened.say(p, f"/score {p.head_sha}")
    fresh = opened.last("score")
    assert stale.conclusion == "cancelled"
    assert (theirs.waiting, fresh.waiting) == (["scoring"], ["scoring"])
    # The cancelled run reports nothing: the newer request is the answer.
    assert len(opened.bot_comments(p)) == before
    opened.approve(fresh)
    assert fresh.conclusion == "success", fresh.log


def test_strangers_wait_in_a_queue_of_their_own(opened: World) -> None:
    """Their comments cannot push a maintainer's request out of its queue: there is no group before the author
    is known."""
    p = opened.state.pulls[1]
    groups = []
    for who in ("outsider", "maintainer"):
        opened.say(p, "/score now", author=who)
        run = opened.last("request-score")
        assert run.concurrency is None
        assert run.jobs["request"].concurrency is None
        assert run.jobs["answer"].concurrency["queue"] == "max"
        groups.append(run.jobs["answer"].concurrency["group"])
    assert len(set(groups)) == 2
