"""Shards: `merge` gives every metric of the boards as an undivided run does."""

from __future__ import annotations

import contextlib

import pytest
from support.damage import state
from support.fuzz import command
from support.needs import reason

from evaluator.datasets.sandbox.facts import facts_of
from evaluator.datasets.sandbox.generate import submission_files
from evaluator.datasets.sandbox.shipped_weights import shipped_models
from evaluator.datasets.tasks.report_generation import TASK
from evaluator.metrics.judges import judged_keys, stand_in_reply
from evaluator.metrics.registry import task_metrics
from evaluator.models.judges.stub_server import MODEL, stand_in_judge
from evaluator.scoring.records import typed_record

SUBMISSION = "submissions/rexrank-sandbox/paraphrase"


@pytest.fixture
def rexrank(tmp_path, monkeypatch):
    """The command in a repository with the sandbox's submissions, and none of the caller's settings."""
    for name in ("REXRANK_MODELS", "REXRANK_STORE", "REXRANK_REFERENCES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, text in submission_files().items():
        path = tmp_path / "submissions" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(name, *args):
        with contextlib.chdir(tmp_path):
            return command(name, SUBMISSION, "--dataset", "sandbox", *args)

    return run


def test_every_metric_of_the_boards_merges_to_the_bytes_of_a_whole_run(rexrank, tmp_path):
    pytest.importorskip("torch", reason=reason("score"))
    with stand_in_judge(stand_in_reply(facts_of)) as url:
        how = ("--models", shipped_models(), "--judge-url", url, "--judge-model", MODEL)
        whole = rexrank("score", *how, "--store", "whole-store", "--leaderboard", "whole")
        assert whole.code == 0, whole.err
        shared = ("--store", "parts-store", "--leaderboard", "parts")
        for part in ("2/2", "1/2"):
            result = rexrank("score", *how, *shared, "--shard", part)
            assert result.code == 0, result.err
    without = rexrank("merge", *shared)
    assert (without.code, "rexrank models fetch chexbert" in without.err) == (2, True), without.err
    assert not (tmp_path / "parts").exists()
    result = rexrank("merge", "--models", shipped_models(), *shared)
    assert result.code == 0, result.err
    record = typed_record(tmp_path / "parts/records/sandbox/findings/rexrank-sandbox__paraphrase.json")
    assert {*record.metrics} == {*task_metrics(TASK.id)} - {*record.missing}
    unknown = {*judged_keys()} - {"green"}
    assert {*record.missing} <= unknown, "CRIMSON's prompt is fetched, and the stand-in knows no other"
    assert state(tmp_path / "parts") == state(tmp_path / "whole")
