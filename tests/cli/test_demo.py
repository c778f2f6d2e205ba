"""The demo, from scratch, offline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.needs import reason

from evaluator.cli.demo import run_demo
from evaluator.datasets.tasks.report_generation import TASK
from evaluator.metrics.registry import fits, get_metric, in_dependency_order, presets, task_metrics

pytest.importorskip("torch", reason=reason("score"))


def test_the_demo_does_the_whole_job(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    assert run_demo(tmp_path / "demo", serve=False) == 0
    output = capsys.readouterr().out
    assert "Valid: 5 submissions checked, 2 warnings." in output
    assert "Not valid: " in output
    assert "\x1b" not in output
    assert "Material for MkDocs" not in output
    assert (tmp_path / "demo/site/index.html").is_file()
    for track in ("findings", "report"):
        table = json.loads((tmp_path / f"demo/leaderboard/tables/sandbox.{track}.json").read_text())
        assert [r["model"] for r in table["rows"]] == ["near-copy", "paraphrase", "template", "shuffled"]
        assert table["rehearsal"] is True
        keys = {m["key"] for m in table["metrics"]}
        assert keys == {k for k in task_metrics(TASK.id) if fits(k, TASK, track)}
        assert set(presets()["rexrank-2026"]) - keys == ({"crimson"} if track == "report" else set())
        assert not any(r["missing"] for r in table["rows"])
        for m in table["metrics"]:
            parts = [get_metric(k) for k in in_dependency_order([m["key"]])]
            modelled = any(p.weights or p.family == "judge" for p in parts)
            assert ("@stand-in" in m["signature"]) == modelled, m["key"]
    table = json.loads((tmp_path / "demo/leaderboard/tables/sandbox-vqa.answers.json").read_text())
    assert table["primary"] == "accuracy_macro"
    order = ["near-copy", "reader", "paraphrase", "template", "shuffled"]
    assert [r["model"] for r in table["rows"]] == order
    for page in ("leaderboards/sandbox-vqa/answers", "datasets/sandbox-vqa", "models/rexrank-sandbox/reader"):
        assert (tmp_path / "demo/site" / page / "index.html").is_file()
    assert run_demo(tmp_path / "demo", serve=False) == 0
