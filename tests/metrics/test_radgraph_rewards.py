"""The rewards of the `radgraph` package, 0.1.18 and its later head, on the golden pairs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evaluator.core.types import Pair
from evaluator.metrics.registry import board_metric_keys, get_metric

GOLDEN = json.loads((Path(__file__).parents[1] / "data/parity/core/golden/f1radgraph.json").read_text())
KEYS = ("radgraph_simple", "radgraph_partial", "radgraph_complete")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("variant", "release"), [("0.1.18", "radgraph_0.1.18"), ("head-87f11a1", "radgraph_head_87f11a1")]
)
def test_equals_the_package(pairs, compat, key, variant, release):
    metric, wanted = get_metric(key), GOLDEN["pairs"][release]
    run = replace(compat, variants={key: variant})
    some = [p for p in pairs if p.id in wanted]
    values = metric.score(some, run).values
    assert values.tolist() == pytest.approx([wanted[p.id][metric.level] for p in some], abs=1e-12)
    assert values.mean() == pytest.approx(GOLDEN["mean"][release][metric.level], abs=1e-12)
    assert f"|release:{variant}|" in str(metric.signature(run))


@pytest.mark.parametrize("key", KEYS)
def test_an_empty_or_blank_text_scores_zero_for_that_pair_alone(pairs, compat, key):
    some = [Pair("a", "", "clear"), Pair("b", "None", ""), Pair("c", " \n", "clear"), pairs[2]]
    scores = get_metric(key).score(some, compat)
    assert scores.values[:3].tolist() == [0.0] * 3
    assert scores.values[3] == get_metric(key).score([pairs[2]], compat).values[0] > 0


def test_no_board_shows_them():
    assert not set(KEYS) & set(board_metric_keys())
