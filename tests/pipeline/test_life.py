"""The life of a submission: in, scored, ranked, changed, withdrawn, scored again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from rehearsal.git import git
from rehearsal.seed import PRIVATE
from rehearsal.state import Pull
from rehearsal.submissions import card, changed, submission
from rehearsal.world import World

from evaluator.core.typed import view
from evaluator.datasets.sandbox.questions import DATASET as QUESTIONS
from evaluator.scoring.ledger import attempts

RECORD = "leaderboard/records/{dataset}/{track}/{team}__{model}.json"


def record(
    world: World,
    team: str = "strangers",
    model: str = "careful",
    dataset: str = "sandbox",
    track: str = "findings",
) -> dict | None:
    data = world.file(RECORD.format(dataset=dataset, track=track, team=team, model=model))
    return None if data is None else json.loads(data)


def rows(world: World, dataset: str = "sandbox", track: str = "findings") -> list[str]:
    """The names of every row of a table, ranked or listed."""
    data = world.file(f"leaderboard/tables/{dataset}.{track}.json")
    return [] if data is None else sorted(set(_names(json.loads(data))))


def _names(node: object) -> list[str]:
    if isinstance(node, list):
        return [n for item in node for n in _names(item)]
    if not isinstance(node, dict):
        return []
    here = [f"{node['team']}/{node['model']}"] if {"team", "model"} <= set(node) else []
    return here + [n for value in node.values() for n in _names(value)]


def merged(world: World, p: Pull) -> None:
    """Takes a pull request from scoring to merge."""
    world.score(p)
    world.merge(p)
    assert world.last("publish").conclusion == "success", world.last("publish").log


def states(world: World, p: Pull) -> list[str]:
    return [s.state for s in world.state.statuses if s.sha == p.head_sha and s.context == "rexrank/score"]


def ledger(world: World) -> list[dict]:
    """The runs of the runner's own ledger."""
    assert world.executor.runner is not None
    return [view(a) for a in attempts(Path(world.executor.runner.secrets["REXRANK_STORE"]))]


def digest(world: World, path: str) -> str:
    return hashlib.sha256(world.file(path) or b"").hexdigest()


def test_a_good_submission_goes_all_the_way(published: World) -> None:
    """The history of `published`: pull request, comment, /score, approval, scores, merge, tables, site."""
    p = published.state.pulls[1]
    assert {r.conclusion for r in published.executor.runs} == {"success"}
    assert [r.name for r in published.executor.runs] == [
        "publish", "validate", "comment", "request-score", "score", "comment", "publish",
    ]  # fmt: skip
    valid, request, scores = published.bot_comments(p)
    assert f"/score {p.head_sha}" in valid.body
    assert f"actions/runs/{published.last('score').id}" in request.body
    assert "BLEU" in scores.body
    assert "questions; answers track" in valid.body
    assert "Sandbox questions, answers" in scores.body
    assert states(published, p) == ["pending", "success"]
    # The approver sees number and commit, and they cannot change.
    assert published.last("score").title == f"score PR #1 @ {p.head_sha}"
    assert p.merge_sha is not None
    assert git(published.state.bare, "log", "-1", "--format=%P", "main").split() == [p.merge_sha]
    for dataset, track in (("sandbox", "findings"), (PRIVATE, "findings"), (QUESTIONS, "answers")):
        assert "strangers/careful" in rows(published, dataset, track)
        row = record(published, dataset=dataset, track=track)
        assert row is not None
        # Live: the row is for the bytes on main, found by them and not by the commit.
        origin = row["provenance"]
        assert origin["predictions_sha256"] == digest(
            published, f"submissions/strangers/careful/{dataset}.json"
        )
        assert (origin["pull_request"], origin["head_commit"]) == (p.number, p.head_sha)
    assert [a["scored"] for a in ledger(published)] == [True]
    pages = {
        f.relative_to(published.executor.sites[-1]).as_posix()
        for f in published.executor.sites[-1].rglob("*.html")
    }
    assert "models/strangers/careful/index.html" in pages


def test_only_the_code_of_main_touches_a_submission(published: World) -> None:
    calls = [(job, call) for r in published.executor.runs for job in r.jobs.values() for call in job.calls]
    assert calls
    for _, call in calls:
        assert git(published.state.bare, "merge-base", "--is-ancestor", call.split()[0], "main") == ""
    # Code that reads references runs inside the runner's isolation, in a process that the job cannot enter.
    behind = [call.partition(" ")[2] for _, call in calls if call.endswith(" isolated")]
    assert behind == ["pr refresh isolated", "pr score isolated", "pr refresh isolated"]
    assert not any(" pr score " in call and not call.endswith(" isolated") for _, call in calls)


def test_a_runner_without_the_door_keeps_its_secrets_too(opened: World) -> None:
    assert opened.executor.runner is not None
    opened.executor.runner = replace(opened.executor.runner, door=False)
    p = opened.open_pull(submission(model="bare", private=True), branch="bare")
    run = opened.score(p)
    assert any(call.endswith("/pull") for call in run.jobs["score"].calls)
    assert not any(call.endswith(" isolated") for call in run.jobs["score"].calls)


def test_a_second_submission_of_a_model_replaces_its_row(published: World) -> None:
    before = record(published)
    p = published.open_pull(submission(writer="near-copy", seed=11), branch="second")
    published.score(p)
    body = published.bot_comments(p)[-1].body
    assert "| rank" in body or "| no rank" in body, body
    published.merge(p)
    after = record(published)
    assert before is not None
    assert after is not None
    assert after["provenance"]["predictions_sha256"] != before["provenance"]["predictions_sha256"]
    assert after["provenance"]["pull_request"] == p.number
    assert rows(published).count("strangers/careful") == 1


def test_a_withdrawn_model_leaves_the_ranking(published: World) -> None:
    p = published.open_pull(
        dict.fromkeys(submission(private=True, answers=True)), title="Withdraw careful", branch="gone"
    )
    assert published.last("validate").conclusion == "success", published.last("validate").log
    (comment,) = published.bot_comments(p)
    assert "Withdrawal" in comment.body
    # Nothing to score: the status that main's ruleset requires is set at once.
    assert states(published, p) == ["success"]
    published.say(p, f"/score {p.head_sha}")
    assert len(published.runs("score")) == 1
    published.merge(p)
    assert published.last("publish").conclusion == "success", published.last("publish").log
    for dataset in ("sandbox", PRIVATE):
        assert "strangers/careful" not in rows(published, dataset)
        assert record(published, dataset=dataset) is None
    history = (published.file("leaderboard/history.jsonl") or b"").decode().splitlines()
    assert {json.loads(line)["event"] for line in history[-4:]} == {"removed"}, history


def test_a_model_withdrawn_by_its_card_leaves_a_line(published: World) -> None:
    published.executor.builds_sites = True
    text = card().replace(b"status: active", b'status: withdrawn\nreason: "The decoder had a fault."')
    p = published.open_pull({"submissions/strangers/careful/model.yaml": text}, branch="withdrawn")
    (comment,) = published.bot_comments(p)
    assert "Withdrawal" in comment.body
    assert states(published, p) == ["success"]
    published.merge(p)
    assert published.last("publish").conclusion == "success", published.last("publish").log
    table = json.loads(published.file("leaderboard/tables/sandbox.findings.json") or b"")
    assert [r["id"] for r in table["withdrawn"]] == ["strangers/careful"]
    assert len(published.executor.sites) == 2
    assert "strangers/careful" not in {r["id"] for r in table["rows"]}


def test_rescoring_by_the_clock_changes_nothing_that_is_current(published: World) -> None:
    before = published.main
    (run,) = published.schedule("publish")
    assert run.conclusion == "success", run.log
    assert published.main == before


def test_two_publications_at_once_leave_both_rows_live(scored: World) -> None:
    two = scored.open_pull(
        submission(team="others", model="two", seed=9, writer="near-copy", card_text=card(contact="other")),
        branch="two",
        author="other",
    )
    scored.score(two)
    for p in (scored.state.pulls[1], two):
        scored.merge(p, fire=False)
    scored.settle_at_once()
    # The slower of two may find that the other has pushed meanwhile: it says so, and runs again.
    for run in [r for r in scored.runs("publish") if r.conclusion != "success"]:
        assert "moved since the check. Run the workflow again" in str(run.log), run.log
        run.jobs.clear()  # all of them: what was checked is outdated
        assert scored.rerun(run).conclusion == "success", run.log
    assert len(scored.runs("publish")) == 3
    assert {"strangers/careful", "others/two"} <= set(rows(scored))
    for team, model in (("strangers", "careful"), ("others", "two")):
        row = record(scored, team, model)
        assert row is not None
        assert row["provenance"]["predictions_sha256"] == digest(
            scored, f"submissions/{team}/{model}/sandbox.json"
        )
    assert scored.last("publish").concurrency == {
        "group": "publish",
        "cancel-in-progress": False,
        "queue": "max",
    }


def test_main_moving_before_the_push_does_no_harm(opened: World) -> None:
    p = opened.state.pulls[1]
    other = opened.open_pull({"NOTES.md": b"A maintainer's note.\n"}, author="maintainer", branch="notes")
    assert states(opened, other) == ["success"]
    assert opened.bot_comments(other) == []
    opened.state.before_push.append(lambda: opened.merge(other, fire=False) and None)
    opened.merge(p)
    assert opened.last("publish").conclusion == "success", opened.last("publish").log
    assert opened.file("NOTES.md") == b"A maintainer's note.\n"
    assert "strangers/careful" in rows(opened)


def test_merged_predictions_must_be_the_scored_ones(published: World) -> None:
    """A last push between scores and merge: the new head is not scored; if merged anyway, it is scored and counted."""
    p = published.open_pull(submission(model="late"), branch="late")
    published.score(p)
    published.push_to_pull(p, submission(model="late", writer="shuffled", seed=3, private=True))
    assert states(published, p) == ["pending"]
    published.merge(p)
    assert published.last("publish").conclusion == "success", published.last("publish").log
    row = record(published, model="late")
    assert row is not None
    assert row["provenance"]["predictions_sha256"] == digest(
        published, "submissions/strangers/late/sandbox.json"
    )
    assert row["provenance"]["pull_request"] is None
    assert [a["digest"] for a in ledger(published)][1:] == [
        digest(published, f"submissions/strangers/late/{PRIVATE}.json")
    ]


def test_a_card_that_changes_alone_keeps_its_scores(published: World) -> None:
    files = {
        k: v
        for k, v in changed(submission(), "model.yaml", "A university", "An institute").items()
        if "yaml" in k
    }
    p = published.open_pull(files, branch="card")
    merged(published, p)
    row = record(published, dataset=PRIVATE)
    assert row is not None
    assert row["card"]["institution"] == "An institute"
    assert row["provenance"]["pull_request"] == 1
    assert len(ledger(published)) == 1


def test_scores_alone_do_not_change_the_board(scored: World) -> None:
    assert record(scored) is None
    assert scored.main == scored.state.pulls[1].base_sha


def test_a_commit_that_was_scored_keeps_its_status(scored: World) -> None:
    """Closing and opening the pull request again validates it anew; the scores stay."""
    p = scored.state.pulls[1]
    scored.reopen(p)
    assert scored.last("comment").conclusion == "success"
    assert states(scored, p) == ["pending", "success"]


def test_the_row_is_found_by_its_bytes_however_it_was_merged(scored: World) -> None:
    """Squashed: no commit of main is the scored one, but the bytes are, and nothing is rescored."""
    p = scored.state.pulls[1]
    scored.merge(p, squash=True)
    row = record(scored)
    assert row is not None
    assert (row["provenance"]["pull_request"], row["provenance"]["head_commit"]) == (1, p.head_sha)
    assert p.head_sha not in git(scored.state.bare, "rev-list", "main")
