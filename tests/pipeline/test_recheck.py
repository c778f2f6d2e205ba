"""Feedback on a pull request is updated when main or its own branch has made it untrue, and nobody stays
without an answer."""

from __future__ import annotations

import base64

from rehearsal.git import Change, commit, git
from rehearsal.state import Pull
from rehearsal.submissions import card, noise, submission
from rehearsal.world import World

from evaluator.github.bundle_table import MAX_ROWS

FOLDER = "submissions/strangers/careful"


def states(world: World, p: Pull) -> list[str]:
    return [s.state for s in world.state.statuses if s.sha == p.head_sha and s.context == "rexrank/score"]


def rival(world: World) -> Pull:
    """Another account's first model for the same team as pull request 1."""
    files = submission(model="other", seed=9, writer="near-copy", card_text=card(contact="rival"))
    return world.open_pull(files, branch="rival", author="rival")


def test_two_accounts_and_one_new_team(scored: World) -> None:
    """Both are valid and scored; once one is merged, the other team's claim fails, and its green status is removed."""
    second = rival(scored)
    scored.score(second)
    assert states(scored, second) == ["pending", "success"]
    scored.merge(scored.state.pulls[1])
    assert states(scored, second) == ["pending", "success", "failure"]
    assert "Not yours to change" in scored.bot_comments(second)[0].body
    assert scored.last("publish").conclusion == "success", scored.last("publish").log


def test_an_invalid_submission_merged_anyway_is_not_published(scored: World) -> None:
    second = rival(scored)
    scored.merge(scored.state.pulls[1])
    before = scored.file("leaderboard/tables/sandbox.findings.json")
    scored.merge(second)
    run = scored.last("publish")
    assert run.conclusion == "failure"
    assert not any(j.self_hosted and j.steps for j in run.jobs.values())
    assert "not a contact of" in run.jobs["look"].summary
    assert scored.file("leaderboard/tables/sandbox.findings.json") == before
    # A maintainer who has reviewed it runs it by hand.
    (run,) = scored.dispatch("publish", {})
    assert run.conclusion == "success", run.log


def test_a_merge_that_changes_more_than_submissions_is_not_published(scored: World) -> None:
    """However it happened: the machine with the references does not run code that nobody reviewed."""
    p = scored.state.pulls[1]
    p.head_sha = commit(
        scored.state.bare, p.head_sha, {"evaluator/metrics/bleu.py": b"evil\n"}, "x", p.author
    )
    scored.merge(p)
    run = scored.last("publish")
    assert run.conclusion == "failure"
    assert "evaluator/metrics/bleu.py" in run.jobs["look"].log
    assert not any(j.self_hosted and j.steps for j in run.jobs.values())


def test_submissions_without_a_pull_request_are_not_published(rehearsal: World) -> None:
    before = rehearsal.main
    sha = commit(rehearsal.state.bare, before, submission(), "pushed", "admin")
    git(rehearsal.state.bare, "update-ref", "refs/heads/main", sha)
    rehearsal.state.events.append(("push", {"before": before, "after": sha, "actor": "admin"}))
    rehearsal.settle()
    assert rehearsal.last("publish").conclusion == "failure"
    assert "without a pull request" in rehearsal.last("publish").log


def test_a_push_of_another_team_leaves_a_pull_request_alone(scored: World) -> None:
    files = submission(team="others", model="two", seed=9, card_text=card(contact="other"))
    other = scored.open_pull(files, branch="two", author="other")
    runs = len(scored.runs("comment"))
    scored.merge(scored.state.pulls[1])
    assert len(scored.runs("comment")) == runs + 1
    assert scored.last("comment").jobs["comment"].result == "skipped"
    assert states(scored, other) == ["pending"]


def silent(world: World, changes: dict[str, Change], **more: str) -> Pull:
    """A pull request whose `validate` never ran: it waits for an approval, was skipped, or GitHub could not merge it."""
    world.executor.left_out.add(".github/workflows/validate.yml")
    p = world.open_pull(changes, branch="silent", **more)
    assert world.bot_comments(p) == []
    return p


def test_nobody_stays_without_a_word(rehearsal: World) -> None:
    p = silent(rehearsal, submission())
    (run,) = rehearsal.schedule("comment")
    assert run.conclusion == "success", run.log
    (comment,) = rehearsal.bot_comments(p)
    assert "Valid submission" in comment.body
    assert states(rehearsal, p) == ["pending"]
    (run,) = rehearsal.schedule("comment")
    assert run.jobs["comment"].result == "skipped"


def test_a_conflict_is_told(published: World) -> None:
    """GitHub starts no check of a pull request that conflicts; the clock does."""
    base = git(published.state.bare, "rev-list", "--max-parents=0", "main")
    p = silent(
        published,
        {},
        commit_sha=commit(published.state.bare, base, submission(seed=11), "x", "stranger"),
    )
    published.schedule("comment")
    (comment,) = published.bot_comments(p)
    assert "Cannot be merged" in comment.body, comment.body
    assert states(published, p) == ["failure"]


def test_a_pull_request_against_another_branch_is_told(rehearsal: World) -> None:
    p = silent(rehearsal, submission())
    p.base_branch = "release"
    rehearsal.schedule("comment")
    (comment,) = rehearsal.bot_comments(p)
    assert "Not against" in comment.body
    assert states(rehearsal, p) == []
    rehearsal.executor.left_out.discard(".github/workflows/validate.yml")
    rehearsal.retarget(p)
    (comment,) = rehearsal.bot_comments(p)
    assert "Valid submission" in comment.body


def test_a_new_title_starts_no_check(opened: World) -> None:
    runs = len(opened.runs("validate"))
    opened.retarget(opened.state.pulls[1], base=False)
    assert len(opened.runs("validate")) == runs + 1
    assert opened.last("validate").jobs["validate"].result == "skipped"


def test_names_in_another_alphabet_by_the_hundred(rehearsal: World) -> None:
    """The comment is longer than an environment variable may be: it is passed in a file."""
    files: dict[str, Change] = {f"{FOLDER}/{'😀' * 40}{n}.txt": b"x" for n in range(300)}
    p = rehearsal.open_pull({**submission(), **files}, branch="emoji")
    assert rehearsal.last("comment").conclusion == "success", rehearsal.last("comment").log
    (comment,) = rehearsal.bot_comments(p)
    assert "Not valid" in comment.body
    assert states(rehearsal, p) == ["failure"]


def test_more_changed_files_than_are_looked_at(rehearsal: World) -> None:
    files: dict[str, Change] = {f"{FOLDER}/{n}.txt": b"x" for n in range(10_001)}
    p = rehearsal.open_pull(files, branch="many")
    assert rehearsal.last("comment").conclusion == "success", rehearsal.last("comment").log
    (comment,) = rehearsal.bot_comments(p)
    assert "more than 10,000 files" in comment.body
    assert states(rehearsal, p) == ["failure"]


def test_a_pack_too_large_to_be_fetched_is_told(rehearsal: World) -> None:
    """With a smaller limit on main, so that a small pack is too large."""
    bare, path = rehearsal.state.bare, "evaluator/github/git_objects.py"
    text = (rehearsal.file(path) or b"").replace(b"200_000_000", b"2_000_000")
    git(bare, "update-ref", "refs/heads/main", commit(bare, rehearsal.main, {path: text}, "limit", "admin"))
    tree = git(bare, "rev-parse", f"{commit(bare, rehearsal.main, submission(), 'x', 'stranger')}^{{tree}}")
    message = base64.b64encode(noise(2_500_000))
    sha = git(bare, "commit-tree", tree, "-p", rehearsal.main, "-F", "-", data=message)
    p = rehearsal.open_pull({}, commit_sha=sha, branch="pack")
    assert rehearsal.last("comment").conclusion == "success", rehearsal.last("comment").log
    (comment,) = rehearsal.bot_comments(p)
    assert "exceed 2 MB" in comment.body
    assert states(rehearsal, p) == ["failure"]


def test_a_board_that_is_full_is_named_before_the_merge(rehearsal: World) -> None:
    """With file and fix, in the comment that says valid: after the merge the publisher could only refuse.

    However many models there are, the number of requests to GitHub is the same as for the first.
    """
    calls = []
    for branch in ("first", "second"):
        before = len(rehearsal.state.requests)
        p = rehearsal.open_pull(submission(model=branch), branch=branch)
        calls.append(len(rehearsal.state.requests) - before)
        (comment,) = rehearsal.bot_comments(p)
        assert ("Do not merge yet" in comment.body) == (branch == "second")
        fill(rehearsal)
    assert "`leaderboard/tables/sandbox.findings.json` would have" in comment.body
    assert "Remove the folders of models that are withdrawn or superseded" in comment.body
    assert calls[1] == calls[0]


def fill(world: World) -> None:
    """As many records on a board of main as a table takes rows."""
    blob = git(world.state.bare, "hash-object", "-w", "--stdin", data=b"{}")
    folder = "leaderboard/records/sandbox/findings"
    full: dict[str, Change] = {f"{folder}/team__m{i}.json": ("100644", blob) for i in range(MAX_ROWS)}
    commit_id = commit(world.state.bare, world.main, full, "Many models", "maintainer")
    git(world.state.bare, "update-ref", "refs/heads/main", commit_id)
