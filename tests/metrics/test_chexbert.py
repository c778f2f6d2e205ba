"""CheXbert's vectors and labels, and SembScore, against the official scorer's own run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.needs import reason

from evaluator import score_pairs
from evaluator.core.problems import MetricUnavailable
from evaluator.core.types import Pair
from evaluator.metrics.chexbert import SembScore, binary, chexbert_f1, counts
from evaluator.models.chexbert import CLASSES, LABELS, encoder, prepare, read_texts
from evaluator.models.runtime import Run
from evaluator.models.text_cache import TextCache

torch = pytest.importorskip("torch", reason=reason("score"))

GOLDEN = Path(__file__).parents[1] / "data/parity/core/golden"
SIDES = (("reference", "ref"), ("prediction", "hyp"))


def golden(name):
    return json.loads((GOLDEN / name).read_text("utf-8"))


@pytest.fixture(scope="module")
def readings(pairs, compat):
    return read_texts([t for p in pairs for t in (p.reference, p.prediction)], compat)


def test_token_ids_are_the_official_ones(pairs, compat):
    network, tokens = encoder(compat), golden("tokenisation.json")
    for pair in pairs:
        for side, key in SIDES:
            assert network.ids(prepare(getattr(pair, side))) == tokens[pair.id][key]["chexbert_ids"], pair.id


def test_vectors_and_labels_are_the_official_ones(pairs, readings):
    vectors, labels = golden("chexbert_embeddings.json"), golden("chexbert_labels.json")["labels"]
    for pair in pairs:
        for side, key in SIDES:
            reading = readings[getattr(pair, side)]
            assert list(reading.labels) == labels[key][pair.id], pair.id
            assert np.abs(reading.vector - np.array(vectors[key][pair.id])).max() <= 1e-4


def test_semb_score_equals_the_official_value(pairs, official, compat):
    scores = SembScore().score(pairs, compat)
    assert len(pairs) == 68
    for pair, value in zip(pairs, scores.values, strict=True):
        assert value == pytest.approx(official[pair.id]["semb_score"], abs=1e-5), pair.id


def test_f1_equals_scikit_learn(pairs, readings):
    main = [p for p in pairs if int(p.id) < 900]
    scores = chexbert_f1(
        *([readings[getattr(p, s)].labels for p in main] for s in ("reference", "prediction"))
    )
    wanted = golden("f1chexbert.json")
    wanted |= {f"f1 {label}": value for label, value in wanted["per_label_f1"].items()}
    wanted["accuracy_5"] = wanted["accuracy5_exact"]
    assert len(scores) == 22
    for key, value in scores.items():
        assert value == pytest.approx(wanted[key], abs=1e-12), key


@given(
    st.lists(st.tuples(*[st.integers(0, 3)] * 13, st.integers(0, 1)), min_size=1, max_size=6), st.randoms()
)
def test_f1_from_counts_equals_scikit_learn_on_any_labels(labels, random):
    from sklearn.metrics import f1_score

    other = labels[:]
    random.shuffle(other)
    scores = chexbert_f1(labels, other)
    for average in ("micro", "macro", "weighted", "samples"):
        expected = f1_score(binary(labels), binary(other), average=average, zero_division=0)
        assert scores[f"{average}_f1_14"] == pytest.approx(expected, abs=1e-12)
    assert counts(binary(labels), binary(other)).shape == (len(labels), 14, 3)


@pytest.mark.parametrize("batch_size", [5, 64])
def test_batches_and_padding_do_not_matter(pairs, compat, batch_size):
    alone = SembScore().score(pairs, compat).values
    assert (
        np.abs(SembScore().score(pairs, replace(compat, batch_size=batch_size)).values - alone).max() <= 1e-5
    )


def test_identity_bounds_and_details(compat):
    pairs = [Pair("1", "no effusion", "no effusion"), Pair("2", "no effusion", "")]
    scores = SembScore().score(pairs, replace(compat, details=True))
    assert scores.values[0] == pytest.approx(1, abs=1e-6)
    assert (np.abs(scores.values) <= 1 + 1e-6).all()
    assert set(scores.details[0]["reference"]) == set(LABELS)
    assert set(scores.details[0]["reference"].values()) <= set(CLASSES)


def test_a_second_run_reads_the_cache(pairs, compat, tmp_path, monkeypatch):
    run = replace(compat, cache=TextCache(tmp_path))
    first = SembScore().score(pairs, run).values
    monkeypatch.setattr("evaluator.models.chexbert.Encoder.__call__", lambda *_: pytest.fail("forward pass"))
    assert (SembScore().score(pairs, run).values == first).all()


def copy_model(compat, target):
    target.mkdir()
    for path in (compat.models / "chexbert").iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target / "chexbert.pth"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s["model_state_dict"].pop("module.linear_heads.3.bias"), "do not fit"),
        (lambda s: s["model_state_dict"].update({"module.bert.extra": torch.zeros(1)}), "do not fit"),
        (lambda s: s.pop("model_state_dict"), "is not a CheXbert checkpoint"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(compat, tmp_path, spoil, message):
    path = copy_model(compat, tmp_path / "chexbert")
    state = torch.load(path, weights_only=True)
    spoil(state)
    torch.save(state, path)
    with pytest.raises(MetricUnavailable, match=message):
        SembScore().score([Pair("1", "a", "b")], Run(models=tmp_path))


def test_the_old_position_buffer_may_be_there(compat, tmp_path):
    path = copy_model(compat, tmp_path / "chexbert")
    state = torch.load(path, weights_only=True)
    state["model_state_dict"]["module.bert.embeddings.position_ids"] = torch.arange(512)[None]
    torch.save(state, path)
    assert SembScore().score([Pair("1", "a", "a")], Run(models=tmp_path)).values[0] == pytest.approx(
        1, abs=1e-6
    )


def test_f1_for_anyones_pairs(pairs, readings):
    main = [p for p in pairs if int(p.id) < 900]
    result = score_pairs(
        main, ["chexbert_f1"], protocol="compat", models=GOLDEN.parents[1] / "models", details=True
    ).to_dict()
    wanted = golden("f1chexbert.json")
    assert result["corpus"]["chexbert_f1"]["macro_f1_5"] == pytest.approx(wanted["macro_f1_5"], abs=1e-12)
    values = list(result["scores"]["chexbert_f1"].values())
    assert np.mean(values) == pytest.approx(wanted["samples_f1_14"], abs=1e-12)
    assert all(0 <= v <= 1 for v in values)
    assert result["signatures"]["chexbert_f1"].startswith("chexbert_f1|v1|chexbert@unverified:")
    first = result["details"]["chexbert_f1"][main[0].id]["reference"]
    assert first == readings[main[0].reference].named_labels()
