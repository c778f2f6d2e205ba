"""BERTScore against bert-score 0.3.13 on transformers 4.25 (tests/data/parity/core)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.needs import reason

from evaluator.core.problems import MetricUnavailable
from evaluator.core.types import Pair
from evaluator.metrics import bertscore
from evaluator.metrics.bertscore import BertScore, Encoder, baseline, layer, prepare
from evaluator.models.runtime import Run
from evaluator.models.text_cache import TextCache

TOKENS = json.loads(
    (Path(__file__).parents[1] / "data/parity/core/golden/tokenisation.json").read_text("utf-8")
)


def test_layer_and_baseline_are_the_packages():
    pytest.importorskip("bert_score", reason=reason("score"))
    assert layer() == 5
    assert baseline(5) == pytest.approx(0.8473319, abs=1e-7)


def test_token_ids_are_the_official_ones(pairs, compat):
    encoder = Encoder(compat)
    for pair in pairs:
        assert encoder.ids(prepare(pair.reference)) == TOKENS[pair.id]["ref"]["roberta_ids"], pair.id
        assert encoder.ids(prepare(pair.prediction)) == TOKENS[pair.id]["hyp"]["roberta_ids"], pair.id


def test_the_first_word_carries_its_space(compat):
    encoder = Encoder(compat)
    assert (
        encoder.ids("clear lungs")[1:-1]
        == encoder.ids("x clear lungs")[-len(encoder.ids("clear lungs")) + 1 : -1]
    )


def test_equals_the_official_value_on_every_golden_pair(pairs, official, compat):
    scores = BertScore().score(pairs, compat)
    assert len(pairs) == len(official) == 68
    for pair, value in zip(pairs, scores.values, strict=True):
        assert value == pytest.approx(official[pair.id]["bertscore"], abs=1e-5), pair.id


def special() -> list[tuple[str, str, float]]:
    """(reference, prediction, score) by bert-score 0.3.13 on transformers 4.25.1, with the parity checkpoint."""
    path = Path(__file__).parents[1] / "data/bertscore_special_tokens.json"
    return [(r, p, score) for r, p, score in json.loads(path.read_text("utf-8"))]


@pytest.mark.parametrize(("reference", "prediction", "score"), special())
def test_names_of_special_tokens_in_a_text(reference, prediction, score, compat):
    values = BertScore().score([Pair("1", reference, prediction)], compat).values
    assert values == pytest.approx([score], abs=1e-5)
    turned = BertScore().score([Pair("1", prediction, reference)], compat).values
    assert turned == pytest.approx([score], abs=1e-5)


def test_compat_alone_names_its_tokens(compat):
    clean = replace(compat, protocol="clean")
    assert "tokens:" in str(BertScore().signature(compat))
    assert "tokens:" not in str(BertScore().signature(clean))
    pair = [Pair("1", "<s>clear lungs", "clear lungs")]
    assert BertScore().score(pair, clean).values == pytest.approx([0.93613], abs=1e-4)


def test_a_cache_keeps_the_protocols_apart(compat, tmp_path):
    pair = [Pair("1", "<s>clear lungs", "clear lungs")]
    alone = [BertScore().score(pair, replace(compat, protocol=p)).values for p in ("clean", "compat")]
    cache = TextCache(tmp_path)
    beside = [
        BertScore().score(pair, replace(compat, protocol=p, cache=cache)).values for p in ("clean", "compat")
    ]
    assert [v.tolist() for v in alone] == [v.tolist() for v in beside]


def test_empty_text_is_worst(compat):
    pairs = [Pair("1", "", ""), Pair("2", "clear", " "), Pair("3", "", "clear")]
    assert BertScore().score(pairs, compat).values == pytest.approx([BertScore.worst] * 3, abs=1e-6)


@pytest.mark.parametrize("batch_size", [3, 64])
def test_batches_and_padding_do_not_matter(pairs, compat, batch_size):
    alone = BertScore().score(pairs, compat).values
    batched = BertScore().score(pairs, replace(compat, batch_size=batch_size)).values
    assert np.abs(alone - batched).max() <= 1e-5


def test_order_does_not_matter(pairs, compat):
    forward = BertScore().score(pairs, compat).values
    assert (BertScore().score(pairs[::-1], compat).values[::-1] == forward).all()


def test_references_are_encoded_once(pairs, compat, tmp_path, monkeypatch):
    run = replace(compat, cache=TextCache(tmp_path))
    encoded = []
    original = Encoder.__call__
    monkeypatch.setattr(
        Encoder, "__call__", lambda self, texts: encoded.extend(texts) or original(self, texts)
    )
    references, predictions = (
        {prepare(getattr(p, side)) for p in pairs} for side in ("reference", "prediction")
    )
    first = BertScore().score(pairs, run).values
    assert sorted(encoded) == sorted(references | predictions)
    encoded.clear()
    again = BertScore().score(pairs, run).values
    assert (first == again).all()
    assert sorted(encoded) == sorted(predictions - references)


def test_missing_weights_name_the_command(tmp_path):
    with pytest.raises(MetricUnavailable, match="rexrank models fetch distilroberta-base"):
        BertScore().score([Pair("1", "a", "b")], Run(models=tmp_path))


def test_weights_that_do_not_fit_are_refused(tmp_path, compat):
    source = compat.models / "distilroberta-base"
    target = tmp_path / "distilroberta-base"
    target.mkdir()
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    config = json.loads((target / "config.json").read_text())
    (target / "config.json").write_text(json.dumps(config | {"vocab_size": config["vocab_size"] + 1}))
    with pytest.raises(MetricUnavailable, match="do not fit the configuration"):
        BertScore().score([Pair("1", "a", "b")], Run(models=tmp_path))


def test_signature_names_the_weights(compat):
    assert str(BertScore().signature(compat)).startswith("bertscore|v1|distilroberta-base@unverified:")
    assert bertscore.MODEL == "distilroberta-base"
