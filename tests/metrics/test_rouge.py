"""ROUGE-L against rouge-score 0.1.2's own values (tests/data/parity/core)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluator.core.types import Pair
from evaluator.metrics.rouge import RougeL
from evaluator.models.runtime import Run

CORE = Path(__file__).parents[1] / "data" / "parity" / "core"
PAIRS = [
    Pair(str(p["id"]), p["ref"], p["hyp"])
    for p in map(json.loads, (CORE / "pairs.jsonl").read_text("utf-8").splitlines())
]
GOLDEN = json.loads((CORE / "golden" / "rouge.json").read_text())["values"]["use_stemmer=True"]


def test_equals_the_package_on_every_golden_pair():
    scores = RougeL().score(PAIRS, Run(protocol="compat"))
    assert len(PAIRS) == len(GOLDEN) == 68
    for pair, value in zip(PAIRS, scores.values, strict=True):
        assert value == pytest.approx(GOLDEN[pair.id]["rougeL"]["f"], abs=1e-12), pair.id
    assert not scores.failed.any()


def test_empty_on_either_side_is_zero():
    pairs = [Pair("1", "", "clear"), Pair("2", "clear", ""), Pair("3", "", "")]
    assert RougeL().score(pairs, Run()).values.tolist() == [0.0, 0.0, 0.0]


def test_signature_names_package_stemmer_and_protocol():
    assert str(RougeL().signature(Run())) == "rouge_l|v1|rouge-score-0.1.2|stemmer:yes|protocol:clean"
