"""BLEU-2 against the official scorer's own values (tests/data/parity/core)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.metrics.bleu import bleu_2, tokens

CORE = Path(__file__).parents[1] / "data" / "parity" / "core"
PAIRS = {str(p["id"]): p for p in map(json.loads, (CORE / "pairs.jsonl").read_text("utf-8").splitlines())}
GOLDEN = {
    **json.loads((CORE / "golden" / "official.json").read_text())["pairs"],
    **json.loads((CORE / "golden" / "official_edge.json").read_text())["pairs"],
}
TOKENS = json.loads((CORE / "golden" / "tokenisation.json").read_text())


def test_every_golden_pair_is_compared():
    assert len(GOLDEN) == len(PAIRS) == 68


@pytest.mark.parametrize("study", GOLDEN)
def test_equals_the_official_value(study):
    pair = PAIRS[study]
    assert bleu_2(pair["ref"], pair["hyp"]) == pytest.approx(GOLDEN[study]["bleu_2"], abs=1e-12)


@pytest.mark.parametrize("study", TOKENS)
def test_tokens_are_the_official_ones(study):
    for side in ("ref", "hyp"):
        assert tokens(PAIRS[study][side]) == TOKENS[study][side]["bleu_tokens"]


@pytest.mark.parametrize(
    ("reference", "prediction", "expected"),
    [
        ("", "", 0.0),
        ("no effusion", "", 0.0),
        ("", "no effusion", 0.0),
        ("clear", "clear", 0.1**0.5),
        ("a b c d", "a b c d", 1.0),
    ],
)
def test_small_cases(reference, prediction, expected):
    assert bleu_2(reference, prediction) == pytest.approx(expected, abs=1e-15)


@given(st.text(), st.text())
def test_stays_in_bounds(reference, prediction):
    assert 0.0 <= bleu_2(reference, prediction) <= 1.0 + 1e-12


@given(st.lists(st.sampled_from("abcdefg"), min_size=2, max_size=30))
def test_identity_is_one(words):
    text = " ".join(words)
    assert bleu_2(text, text) == pytest.approx(1.0, abs=1e-12)
