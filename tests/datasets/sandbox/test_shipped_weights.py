"""The shipped stand-ins: real file formats, trained to read the grammar, and scores that make sense."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import pytest
from support.needs import reason

from evaluator.core.types import Pair
from evaluator.datasets.references import load_references
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.sandbox.generate import MODELS, predictions
from evaluator.datasets.sandbox.shipped_weights import shipped_models
from evaluator.metrics.registry import get_metric, in_dependency_order
from evaluator.models.runtime import Run
from evaluator.models.weights import weights_label
from tools.train_standins.corpus import held_out, held_out_sentences, reports
from tools.train_standins.train import TRAINERS, train

pytest.importorskip("torch", reason=reason("score"))

MAX_BYTES = 8_000_000


@pytest.fixture(autouse=True)
def _one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def score(keys, pairs):
    """Scores per key."""
    scores = {}
    for key in in_dependency_order(keys):
        scores[key] = get_metric(key).score(pairs, Run(models=shipped_models(), scores=scores))
    return scores


@cache
def submission_means(key, track):
    references = load_references(get_dataset("sandbox"), None)
    return {
        model: float(score([key], references.pairs(predictions(model), track, "clean"))[key].values.mean())
        for model in MODELS
    }


def one(key, reference, prediction):
    return float(score([key], [Pair("x", reference, prediction)])[key].values[0])


def test_together_they_are_small():
    files = [p for p in shipped_models().rglob("*") if p.is_file()]
    assert {p.parent.name for p in shipped_models().glob("*/STAND-IN")} == set(TRAINERS)
    assert sum(p.stat().st_size for p in files) < MAX_BYTES


@pytest.mark.parametrize("key", sorted(TRAINERS))
def test_whatever_they_touch_says_so(key):
    assert weights_label(key, shipped_models()).state == "stand-in"


@pytest.mark.parametrize("track", ["findings", "report"])
def test_radcliq_ranks_the_submissions_as_they_were_made(track):
    means = submission_means("radcliq_v1", track)
    assert sorted(means, key=means.__getitem__) == list(MODELS)


@pytest.mark.parametrize("key", ["bertscore", "semb_score", "radgraph_f1", "ratescore"])
def test_the_near_copy_wins_and_the_shuffle_loses_to_the_paraphrase(key):
    means = submission_means(key, "findings")
    assert means["near-copy"] > means["paraphrase"] > max(means["template"], means["shuffled"])


@pytest.mark.parametrize("key", ["bertscore", "semb_score", "radgraph_f1", "ratescore"])
@pytest.mark.parametrize(
    ("reference", "same", "opposite"),
    [
        ("There is no pleural effusion.", "No evidence of pleural effusion.", "There is moderate right pleural effusion."),
        ("Small left apical pneumothorax is present.", "There is small left apical pneumothorax.", "No evidence of pneumothorax."),
    ],
)  # fmt: skip
def test_negation_is_seen(key, reference, same, opposite):
    assert one(key, reference, same) > one(key, reference, opposite) + 0.1


def test_unrelated_reports_score_in_a_sane_range():
    texts = [t for t in reports(80, test=True) if len(t.split()) > 15]
    pairs = [Pair(str(i), a, b) for i, (a, b) in enumerate(pairwise(texts))]
    assert -0.2 < float(score(["bertscore"], pairs)["bertscore"].values.mean()) < 0.5


def test_text_beyond_the_grammar_is_scored():
    pairs = [
        Pair("a", "Déjà vu: ½ XXXX ___ 🫁", "Something else entirely (2.5 cm)."),
        Pair("b", "", "Clear lungs."),
    ]
    for result in score(["radcliq_v1", "ratescore"], pairs).values():
        assert result.values.shape == (2,)


def test_test_sentences_are_not_trained_on():
    wanted = set(held_out_sentences())
    assert len(wanted) > 30
    assert not any(s in text for text in reports(300) for s in wanted)
    assert any(s in text for text in reports(300, test=True) for s in wanted)


@pytest.mark.parametrize("key", sorted(TRAINERS))
def test_training_again_writes_the_same_bytes(key, tmp_path):
    files = []
    for name in "ab":
        figures = train(key, tmp_path / name, steps=2, texts=50)
        assert figures["loss"] > 0
        files.append({p.name: p.read_bytes() for p in (tmp_path / name).rglob("*") if p.is_file()})
    assert files[0] == files[1]
    assert {p.name for p in (shipped_models() / key).rglob("*") if p.is_file()} == set(files[0])


def test_held_out_needs_a_place_and_more():
    from evaluator.datasets.sandbox.grammar import normal_sentence

    assert not held_out(normal_sentence("bones"))
