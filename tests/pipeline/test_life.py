"""The life of a submission: in, scored, ranked, changed, withdrawn, scored again."""

from __future__ import annotations

import json

from rehearsal.git import git
from rehearsal.seed import PRIVATE
from rehearsal.state import Pull
from rehearsal.submissions import card, changed, submission
from rehearsal.world import World

RECORD = "leaderboard/records/{dataset}/findings/{team}__{model}.json"


def record(
    world: World, team: str = "strangers", model: str = "careful", dataset: str = "sandbox"
) -> dict | None:
    data = world.file(RECORD.format(dataset=dataset, team=team, model=model))
    return None if data is None else json.loads(data)


def rows(world: World, dataset: str = "sandbox") -> list[str]:
    """The names of every row of a table, ranked or listed."""
    data = world.file(f"leaderboard/tables/{dataset}.findings.json")
    return [] if data is None else sorted(set(_names(json.loads(data))))


def _names(node: object) -> list[str]:
    if isinstance(node, list):
        return [n for item in node for n in _names(item)]
    if not isinstance(node, dict):
        return []
    here = [f"{node['team']}/{node['model']}"] if {"team", "model"} <= set(node) else []
    return here + [n for value in node.values() for n in _names(value)]


def scored(world: World, p: Pull) -> None:
    """A maintainer asks for scores and a reviewer lets the run in."""
    world.say(p, f"/score {p.head_sha}")
    run = world.last("score")
    assert run.waiting == ["scoring"], run.log
    world.approve(run)
    assert run.conclusion == "success", run.log


def published(world: World, p: Pull) -> None:
    """The whole way of a pull request."""
    scored(world, p)
    world.merge(p)
    assert world.last("publish").conclusion == "success", world.last("publish").log


def states(world: World, p: Pull) -> list[str]:
    return [s.state for s in world.state.statuses if s.sha == p.head_sha and s.context == "rexrank/score"]


def test_a_good_submission_goes_all_the_way(rehearsal: World) -> None:
    p = rehearsal.open_pull(submission(private=True))
    assert rehearsal.last("validate").conclusion == "success", rehearsal.last("validate").log
    (comment,) = rehearsal.bot_comments(p)
    assert "valid" in comment.body.lower()
    assert f"/score {p.head_sha}" in comment.body
    scored(rehearsal, p)
    run = rehearsal.last("score")
    assert p.head_sha in run.title
    assert states(rehearsal, p)[-1] == "success"
    body = "\n".join(c.body for c in rehearsal.bot_comments(p))
    assert "BLEU" in body
    assert record(rehearsal) is None
    merged = rehearsal.merge(p)
    publish = rehearsal.last("publish")
    assert publish.conclusion == "success", publish.log
    assert rehearsal.main != merged
    assert git(rehearsal.state.bare, "log", "-1", "--format=%P", "main").split()[0] == merged
    assert "strangers/careful" in rows(rehearsal)
    found = record(rehearsal)
    assert found is not None
    blob = rehearsal.file("submissions/strangers/careful/sandbox.json")
    assert blob is not None
    assert record(rehearsal, dataset=PRIVATE) is not None
    assert rehearsal.executor.sites
    assert any(
        "careful" in f.read_text("utf-8", "replace") for f in rehearsal.executor.sites[-1].rglob("*.html")
    )


def test_only_the_code_of_main_touches_a_submission(rehearsal: World) -> None:
    p = rehearsal.open_pull(submission())
    scored(rehearsal, p)
    for run in rehearsal.executor.runs:
        for job in run.jobs.values():
            for call in job.calls:
                code = call.split()[0]
                assert git(rehearsal.state.bare, "merge-base", "--is-ancestor", code, "main") == ""
    assert any(job.calls for run in rehearsal.runs("score") for job in run.jobs.values())


def test_a_second_submission_of_a_model_replaces_its_row(rehearsal: World) -> None:
    published(rehearsal, rehearsal.open_pull(submission()))
    before = record(rehearsal)
    second = submission(writer="near-copy", seed=11)
    p = rehearsal.open_pull(second)
    published(rehearsal, p)
    after = record(rehearsal)
    assert before is not None
    assert after is not None
    assert after["provenance"]["predictions_sha256"] != before["provenance"]["predictions_sha256"]
    assert rows(rehearsal).count("strangers/careful") == 1


def test_a_withdrawn_model_leaves_the_ranking(rehearsal: World) -> None:
    published(rehearsal, rehearsal.open_pull(submission()))
    gone = dict.fromkeys(submission())
    p = rehearsal.open_pull(gone, title="Withdraw careful")
    assert rehearsal.last("validate").conclusion == "success", rehearsal.last("validate").log
    rehearsal.merge(p)
    assert rehearsal.last("publish").conclusion == "success", rehearsal.last("publish").log
    assert "strangers/careful" not in rows(rehearsal)
    assert record(rehearsal) is None


def test_rescoring_by_the_clock_changes_nothing_that_is_current(rehearsal: World) -> None:
    published(rehearsal, rehearsal.open_pull(submission()))
    before = rehearsal.main
    runs = rehearsal.schedule("rescore")
    assert runs
    assert all(r.conclusion == "success" for r in runs), runs[0].log
    assert rehearsal.main == before


def test_two_publications_at_once_leave_both_rows_live(rehearsal: World) -> None:
    one = rehearsal.open_pull(submission(model="one"), branch="one")
    two = rehearsal.open_pull(
        submission(model="two", seed=9, writer="near-copy"), branch="two", author="other"
    )
    for p in (one, two):
        scored(rehearsal, p)
    rehearsal.merge(one, fire=False)
    rehearsal.merge(two, fire=False)
    rehearsal.settle_at_once()
    assert [r.conclusion for r in rehearsal.runs("publish")] == ["success"] * len(rehearsal.runs("publish"))
    assert {"strangers/one", "strangers/two"} <= set(rows(rehearsal))
    assert rehearsal.last("publish").concurrency["cancel-in-progress"] is False


def test_main_moving_before_the_push_is_no_harm(rehearsal: World) -> None:
    p = rehearsal.open_pull(submission())
    scored(rehearsal, p)
    other = rehearsal.open_pull({"NOTES.md": b"A maintainer's note.\n"}, author="maintainer", branch="notes")
    rehearsal.state.before_push.append(lambda: rehearsal.merge(other, fire=False) and None)
    rehearsal.merge(p)
    assert rehearsal.last("publish").conclusion == "success", rehearsal.last("publish").log
    assert rehearsal.file("NOTES.md") == b"A maintainer's note.\n"
    assert "strangers/careful" in rows(rehearsal)


def test_what_is_merged_must_be_what_was_scored(rehearsal: World) -> None:
    """A last push between scores and merge: the row shows the merged bytes' scores or none, never the old."""
    p = rehearsal.open_pull(submission())
    scored(rehearsal, p)
    rehearsal.push_to_pull(p, submission(writer="shuffled", seed=3))
    rehearsal.merge(p)
    found = record(rehearsal)
    if found is not None:
        import hashlib

        merged = rehearsal.file("submissions/strangers/careful/sandbox.json") or b""
        assert found["provenance"]["predictions_sha256"] == hashlib.sha256(merged).hexdigest()


def test_a_card_that_changes_alone_keeps_its_scores(rehearsal: World) -> None:
    published(rehearsal, rehearsal.open_pull(submission()))
    p = rehearsal.open_pull(
        changed(submission(card_text=card()), "model.yaml", "A university", "An institute")
    )
    published(rehearsal, p)
    found = record(rehearsal)
    assert found is not None
    assert found["card"]["institution"] == "An institute"
