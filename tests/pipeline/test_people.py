"""Limits count people: founding another team gives no more runs, and a maintainer may grant one."""

from __future__ import annotations

from pathlib import Path

from rehearsal.git import git
from rehearsal.safety import unmoved
from rehearsal.seed import PRIVATE
from rehearsal.state import ACTIONS_BOT, Check, Pull
from rehearsal.submissions import card, submission
from rehearsal.world import World
from support.comments import inert

from evaluator.core.typed import view
from evaluator.scoring.ledger import attempts


def again(world: World, *, author: str = "stranger", contact: str = "stranger") -> Pull:
    """A pull request of a new team, with its own predictions."""
    files = submission(
        team="others", writer="near-copy", seed=5, private=True, card_text=card(contact=contact)
    )
    return world.open_pull(files, branch="others", author=author)


def ledger(world: World) -> list[dict]:
    assert world.executor.runner is not None
    return [view(a) for a in attempts(Path(world.executor.runner.secrets["REXRANK_STORE"]))]


def said(world: World, p: Pull, mark: str) -> str:
    (body,) = [c.body for c in world.bot_comments(p) if f"rexrank:{mark}" in c.body]
    inert(body, world.state.base_url)
    return body.replace("\\", "")


def test_a_new_team_of_the_same_person_has_no_new_run(published: World) -> None:
    """Reported before anything starts; if the notes are lost, the runner's ledger still refuses."""
    account = published.state.user_id("stranger")
    assert [a["accounts"] for a in ledger(published)] == [[account]]
    p = again(published)
    (comment,) = published.bot_comments(p)
    assert f"`{PRIVATE}` **from " in comment.body
    assert f"opened by `stranger`, account {account} since" in comment.body
    assert "**other teams of this account: `strangers`**" in comment.body
    before = len(published.runs("score"))
    published.say(p, f"/score {p.head_sha}")
    assert len(published.runs("score")) == before
    assert "or one of its members with another team" in said(published, p, "request")
    published.state.checks.clear()
    published.say(p, f"/score {p.head_sha}")
    published.approve(published.last("score"))
    assert published.last("score").conclusion == "failure"
    assert f"the GitHub account {account}, which opened the pull request or is a contact" in said(
        published, p, "score"
    )
    names = {c.name for c in published.state.checks}
    assert names == {f"rexrank/quota/{PRIVATE}/team/others", f"rexrank/quota/{PRIVATE}/account/{account}"}
    assert [a["scored"] for a in ledger(published)] == [True]
    unmoved(published)


def test_somebody_else_has_a_run_until_a_contact_is_shared(published: World) -> None:
    free = again(published, author="other", contact="other")
    assert f"`{PRIVATE}` now" in published.bot_comments(free)[0].body
    assert "no other team known" in published.bot_comments(free)[0].body
    published.push_to_pull(free, {"submissions/others/careful/model.yaml": card(contact="other, stranger")})
    comment = said(published, free, "validation")
    assert f"`{PRIVATE}` **from " in comment
    assert "contact `stranger`, account" in comment
    assert "**other teams of this account: `strangers`**" in comment


def test_a_maintainer_grants_a_run_by_comment(published: World) -> None:
    """For exactly these predictions, counted as a run of both people as usual.

    The Ladder compares it with their best.
    """
    p = again(published)
    published.say(p, f"/score {p.head_sha} quota grant", author="stranger")
    assert "Only maintainers" in said(published, p, "request")
    before = len(published.runs("score"))
    published.say(p, f"/score {p.head_sha} quota grant")
    assert "**An extra run beyond the quota** was granted for these predictions by `maintainer`" in said(
        published, p, "request"
    )
    (run,) = published.runs("score")[before:]
    assert run.waiting == ["scoring"]
    published.approve(run)
    assert run.conclusion == "success", run.log
    account = published.state.user_id("stranger")
    assert [(a["team"], a["accounts"], a["scored"]) for a in ledger(published)][1:] == [
        ("others", [account], True)
    ]
    assert "strangers/careful" in said(published, p, "score"), "its people have a row already"
    published.push_to_pull(p, submission(team="others", writer="shuffled", seed=2, private=True))
    runs = len(published.runs("score"))
    published.say(p, f"/score {p.head_sha}")
    assert len(published.runs("score")) == runs, "a grant is for the bytes that it was given for"


def test_five_hundred_teams_need_no_more_requests(published: World) -> None:
    """Each check asks for the notes of its own team and people by name, whatever else was noted."""
    state = published.state
    first = git(state.bare, "rev-list", "--max-parents=0", "main")
    words = f"scored {'a' * 64} of x, next 2099-01-01T00:00:00Z"

    def asked(branch: str) -> int:
        before = len(state.requests)
        p = published.open_pull(submission(model=branch, seed=3, private=True), branch=branch)
        published.say(p, f"/score {p.head_sha}")
        return sum("check-runs" in r.path for r in state.requests[before:])

    alone = asked("few")
    for n in range(9_000):
        name = f"rexrank/quota/{PRIVATE}/team/team-{n % 500}"
        state.checks.append(Check(state.next_id(), first, name, words, ACTIONS_BOT, state.now()))
    assert asked("many") == alone == 4, "team and account, for the comment and for the request"
