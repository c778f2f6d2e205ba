"""Which metrics exist, which of them a board asks for, and the named sets."""

from __future__ import annotations

import pytest

from evaluator.datasets.tasks.report_generation import TASK
from evaluator.metrics.registry import fits, get_metric, metric_keys, presets, task_metrics

SEVEN = ("bleu_2", "bertscore", "semb_score", "radgraph_f1", "radcliq_v1", "ratescore", "green")


def test_named_sets():
    ours = {"paper-2024": (*SEVEN, "fineradscore"), "rexrank-2026": (*SEVEN, "crimson")}
    assert presets() | ours == presets()


@pytest.mark.parametrize("track", ["findings", "report"])
def test_boards_show_what_rexrank_shows_now(track):
    keys = [k for k in task_metrics(TASK.id) if fits(k, TASK, track)]
    rexrank = {*SEVEN, "crimson"} if track == "findings" else set(SEVEN)
    beside = {"rouge_l", *(k for k in metric_keys() if k.startswith("chexbert_") and get_metric(k).corpus)}
    assert set(keys) >= rexrank | beside - {"chexbert_f1"}
    assert not any(k in keys for k in ("crimson", "fineradscore", "radcliq_v0", "bleu_1") if k not in rexrank)
    assert keys == [k for k in metric_keys() if k in keys]
