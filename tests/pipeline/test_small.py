"""The small profile: a merged submission is scored on a hosted machine and published by the workflow's own token."""

from __future__ import annotations

from rehearsal.endpoints_apply import fresh
from rehearsal.endpoints_settings import settings
from rehearsal.world import World


def test_a_merged_submission_is_published_without_app_or_runner(opened: World) -> None:
    """Not while main has the rules of a fortress, which its own token may not bypass; without them, by the same run."""
    settings(opened.state)
    opened.executor.variables["REXRANK_PROFILE"] = "small"
    opened.executor.environments = {}
    p = opened.state.pulls[1]
    opened.merge(p)
    run = opened.last("publish")
    assert run.conclusion == "failure"
    assert b"strangers/careful" not in (opened.file("leaderboard/tables/sandbox.findings.json") or b"")
    opened.state.denials.clear()
    fresh(opened.state)
    opened.rerun(run)
    assert run.conclusion == "success", run.log
    results = {name: job.result for name, job in run.jobs.items()}
    assert results.pop("look") == "skipped"
    assert {name for name, result in results.items() if result == "success"} >= {"small"}
    table = opened.file("leaderboard/tables/sandbox.findings.json")
    assert table is not None
    assert b'"strangers/careful"' in table
    assert not any(job.self_hosted for job in run.jobs.values())
