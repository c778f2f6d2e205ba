"""BLEU-2 against the official scorer's own values (tests/data/parity/core)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator import score_pairs
from evaluator.metrics.bleu import bleu, bleu_2, tokens

CORE = Path(__file__).parents[1] / "data" / "parity" / "core"
PAIRS = {str(p["id"]): p for p in map(json.loads, (CORE / "pairs.jsonl").read_text("utf-8").splitlines())}
GOLDEN = {
    **json.loads((CORE / "golden" / "official.json").read_text())["pairs"],
    **json.loads((CORE / "golden" / "official_edge.json").read_text())["pairs"],
}
ORDERS = json.loads((CORE / "golden" / "bleu_orders.json").read_text())["pairs"]
"""NLTK's values of every order on the official tokens; those of order 2 are the official scorer's."""
TOKENS = json.loads((CORE / "golden" / "tokenisation.json").read_text())


def test_every_golden_pair_is_compared():
    assert len(GOLDEN) == len(PAIRS) == 68


@pytest.mark.parametrize("study", GOLDEN)
def test_equals_the_official_value(study):
    pair = PAIRS[study]
    assert bleu_2(pair["ref"], pair["hyp"]) == pytest.approx(GOLDEN[study]["bleu_2"], abs=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_every_order_equals_nltk(order):
    assert len(ORDERS) == len(PAIRS)
    values = {study: bleu(pair["ref"], pair["hyp"], order) for study, pair in PAIRS.items()}
    assert values == pytest.approx({s: v[f"bleu_{order}"] for s, v in ORDERS.items()}, abs=1e-12)


def test_the_command_knows_every_order():
    result = score_pairs(
        [("a", "no effusion is seen", "no effusion is seen")], [f"bleu_{n}" for n in range(1, 5)]
    )
    assert result.mean() == pytest.approx(dict.fromkeys(result.scores, 1.0))
    assert str(result.signatures["bleu_4"]).startswith("bleu_4|v1|fast-bleu|weights:1/4,1/4,1/4,1/4|")


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
