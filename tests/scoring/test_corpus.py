"""Corpus metrics: their value is a function of summed counts wherever it is computed, kept, merged or compared."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import f1_score
from support.needs import reason

from evaluator.core.problems import RexrankError
from evaluator.core.types import Pair, Scores
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.sandbox.shipped_weights import shipped_models
from evaluator.datasets.skills import SKILLS
from evaluator.leaderboard.compare import compare_models, render_comparison
from evaluator.leaderboard.pairwise import board_pairwise
from evaluator.metrics.chexbert import TOP_FIVE, ChexbertMicroF1
from evaluator.metrics.registry import get_metric, metric_keys, text_metric_keys
from evaluator.metrics.signature import Signature
from evaluator.models.chexbert import LABELS
from evaluator.models.runtime import Run
from evaluator.scoring.corpus import (
    count_columns,
    difference_of,
    draws_of,
    estimate_of,
    frame_value,
    step_of,
    value_of,
)
from evaluator.scoring.engine import _check, merge, score, shard
from evaluator.scoring.record import MetricEntry
from evaluator.scoring.records import Board, published_numbers
from evaluator.scoring.result import Result
from evaluator.scoring.score_store import ScoreStore
from evaluator.statistics.bootstrap import clusters_of

KEYS = tuple(
    k for k in text_metric_keys() if get_metric(k).corpus and "chexbert_f1" in get_metric(k).composes
)
LINEAR = tuple(k for k in metric_keys() if (rule := get_metric(k).corpus) and rule.shares)
RNG = np.random.default_rng(8)


def scores(n=80, k=14):
    """True labels, predicted ones, and the scores of every corpus metric on labels, as CheXbert would count them."""
    wanted = RNG.random((n, k)) < 0.2
    labels = np.where(RNG.random((n, k)) < 0.8, wanted, ~wanted)
    whole = (
        np.stack([wanted & labels, ~wanted & labels, wanted & ~labels], axis=2)
        .astype(np.int64)
        .reshape(n, -1)
    )
    run = Run(scores={"chexbert_f1": Scores(np.zeros(n), np.zeros(n, dtype=bool), counts=whole)})
    return wanted, labels, {key: get_metric(key).score([], run) for key in KEYS}


def frame(found):
    import pandas as pd

    n = len(next(iter(found.values())).values)
    columns = {"study_id": [f"{i:03}" for i in range(n)], "patient": [f"p{i // 2:03}" for i in range(n)]}
    for key, s in found.items():
        columns |= {
            key: s.values,
            f"failed:{key}": s.failed,
            **dict(zip(count_columns(key), s.counts.T, strict=True)),
        }
    return pd.DataFrame(columns)


def test_the_value_is_scikit_learns_f1_of_the_whole_dataset():
    wanted, answers, results = scores()
    five = [LABELS.index(name) for name in TOP_FIVE]
    for key in KEYS:
        labels = five if key.endswith("_5") else slice(None)
        average = "macro" if "macro" in key else "micro"
        expected = f1_score(wanted[:, labels], answers[:, labels], average=average, zero_division=0)
        assert value_of(key, results[key]) == pytest.approx(expected, abs=1e-12), key
        assert frame_value(key, frame(results)) == pytest.approx(expected, abs=1e-12)
    assert len(KEYS) == 4


@pytest.mark.parametrize("empty", ["both", "reference"])
def test_a_dataset_without_a_positive_label_scores_0(empty):
    n, zeros = 5, np.zeros((5, 14), dtype=np.int64)
    counts = np.stack([zeros, zeros + (empty == "reference"), zeros], axis=2).reshape(n, -1)
    run = Run(scores={"chexbert_f1": Scores(np.zeros(n), np.zeros(n, dtype=bool), counts=counts)})
    for key in KEYS:
        assert value_of(key, get_metric(key).score([], run)) == 0.0


def test_real_texts_shards_and_the_store_give_the_same_value(tmp_path):
    pytest.importorskip("torch", reason=reason("score"))
    texts = ("There is a small effusion.", "The heart is enlarged.", "The lungs are clear.", "")
    pairs = [Pair(f"{i}{j}", a, b) for i, a in enumerate(texts) for j, b in enumerate(texts)]
    run, store = Run(models=shipped_models()), ScoreStore(tmp_path)
    whole = score(pairs, KEYS, run, store)
    again = score(pairs, KEYS, run, store)
    parts = merge([score(shard(pairs, i, 3), KEYS, run) for i in (1, 2, 3)])
    for key in KEYS:
        values = {value_of(key, s.scores[key]) for s in (whole, again, parts)}
        assert len(values) == 1, key
        assert (again.scores[key].counts == whole.scores[key].counts).all()


def test_a_metric_without_its_counts_is_an_internal_error():
    _, _, results = scores()
    good = results["chexbert_micro_f1_5"]
    _check(ChexbertMicroF1(), good, len(good.values))
    for counts in (None, good.counts[:, :2], good.counts[1:], -good.counts):
        with pytest.raises(RexrankError, match="did not return 3 counts"):
            _check(ChexbertMicroF1(), Scores(good.values, good.failed, counts=counts), len(good.values))


def test_draws_of_several_models_are_those_of_each_alone():
    first, second = (scores()[2] for _ in range(2))
    clusters, key = clusters_of([f"p{i // 2:03}" for i in range(80)]), "chexbert_micro_f1_14"
    counts = [s[key].counts.astype(float) for s in (first, second)]
    draws = draws_of({key: counts, "chexbert_macro_f1_14": counts}, clusters, 3)
    assert set(draws) == {key}, "a metric without an interval is not drawn"
    for j, of_one in enumerate(counts):
        alone = estimate_of(key, of_one, clusters, 3)
        assert tuple(np.quantile(draws[key][:, j], [0.025, 0.975])) == (alone.low, alone.high)
    apart = difference_of(key, *counts, clusters, 3)
    assert apart.low == np.quantile(draws[key][:, 0] - draws[key][:, 1], 0.025)


def record(key):
    return SimpleNamespace(
        metrics={key: SimpleNamespace(signature=f"{key}|v1|protocol:clean")},
        provenance=SimpleNamespace(references_sha256="0" * 64),
    )


def test_differences_have_intervals_and_no_test(monkeypatch):
    monkeypatch.setattr("evaluator.statistics.corpus.DRAWS", 400)
    board = Board(get_dataset("sandbox"), "findings")
    frames = {name: frame(scores()[2]) for name in ("team/a", "team/b")}
    pairs = board_pairwise(board, "0" * 64, frames, dict.fromkeys(frames, KEYS))
    assert set(pairs.metrics) == set(KEYS)
    for key, (pair,) in pairs.metrics.items():
        a, b = (frame_value(key, f) for f in frames.values())
        assert pair.difference == pytest.approx(a - b, abs=1e-5)
        assert (pair.p, pair.q) == (None, None), "in no family of tests"
        assert (pair.low is None) == ("macro" in key)
    for key in ("chexbert_micro_f1_14", "chexbert_macro_f1_14"):
        rows = compare_models(board, [record(key)] * 2, list(frames.values()))
        assert {r.q for r in rows} == {None}
        assert "not tested" in render_comparison("a", "b", rows)


def test_results_of_any_pairs_hold_the_value_and_leave_tests_out():
    _, _, first = scores()
    _, _, second = scores()
    ids = tuple(f"{i:03}" for i in range(80))
    signatures = {key: Signature(key, "v1", (), "clean") for key in KEYS}
    a, b = (Result(ids, s, signatures) for s in (first, second))
    assert a.mean() == {key: value_of(key, s) for key, s in first.items()}
    table, compared = a.table(), a.compare(b)
    for key in KEYS:
        assert table["low"].isna()[key] == ("macro" in key)
        assert compared["difference"][key] == pytest.approx(a.mean()[key] - b.mean()[key])
    assert compared["p"].isna().all()


def test_a_withheld_dataset_shows_wider_steps_because_one_study_moves_more():
    entry = {"mean": 0.41234, "low": 0.4, "high": 0.42, "se": 0.01, "n": 10_000, "n_failed": 0}
    for dataset, factor in (("rexgradient", True), ("mimic-cxr", False)):
        board = Board(get_dataset(dataset), "findings")
        step = board.dataset.exposure.step(10_000)
        for key in (*KEYS, "bleu_2"):
            rule = get_metric(key).corpus
            assert step_of(board.dataset.exposure, key, 10_000) == step * (
                rule.influence if factor and rule else 1
            )
            mean = published_numbers(board, MetricEntry(**entry, signature=f"{key}|v1|protocol:clean")).mean
            assert mean / step_of(board.dataset.exposure, key, 10_000) == pytest.approx(
                round(mean / step_of(board.dataset.exposure, key, 10_000))
            )


def test_one_study_moves_a_score_by_less_than_the_step_of_a_withheld_dataset():
    """Ten thousand studies, the rarest label in eighty of them."""
    n = 10_000
    wanted = RNG.random((n, 14)) < np.linspace(0.4, 0.008, 14)
    labels = np.where(RNG.random((n, 14)) < 0.8, wanted, False)
    board = Board(get_dataset("rexgradient"), "findings")
    whole = np.stack([wanted & labels, ~wanted & labels, wanted & ~labels], axis=2).astype(np.int64)
    other = whole.copy()
    other[0] = [[0, 1, 0]] * 14
    for key in KEYS:
        values = []
        for counts in (whole, other):
            run = Run(
                scores={
                    "chexbert_f1": Scores(np.zeros(n), np.zeros(n, dtype=bool), counts=counts.reshape(n, -1))
                }
            )
            values.append(value_of(key, get_metric(key).score([], run)))
        assert abs(values[0] - values[1]) < step_of(board.dataset.exposure, key, n) / 5


def questions(n=90):
    """Questions of uneven skills, a third of them answered wrongly and a few not at all."""
    names = [s.name for s in SKILLS]
    pairs = []
    for i in range(n):
        skill = names[0 if i % 9 == 0 else 1 + i % 4]
        pairs.append(Pair(f"{i:03}", "A", "" if i % 30 == 7 else "BAA"[i % 3], (("skill", skill),)))
    return pairs


@pytest.mark.parametrize("key", LINEAR)
def test_a_linear_figure_is_the_mean_of_its_parts_also_after_a_merge(key, tmp_path):
    pairs = questions()
    whole = score(pairs, [key], Run(), ScoreStore(tmp_path))
    again = score(pairs, [key], Run(), ScoreStore(tmp_path))
    parts = [score(shard(pairs, i, 4), [key], Run()) for i in (1, 2, 3, 4)]
    merged = merge(parts)
    value = value_of(key, whole.scores[key])
    assert whole.scores[key].values.mean() == pytest.approx(value, abs=1e-12)
    for other in (again, merged):
        assert np.allclose(other.scores[key].values, whole.scores[key].values, atol=1e-12)
        assert value_of(key, other.scores[key]) == value


def test_steps_of_a_linear_figure_are_worth_as_many_studies_as_those_of_a_mean():
    withheld = get_dataset("rexgradient").exposure
    assert step_of(withheld, "accuracy", 41_007) == 0.001
    assert step_of(withheld, "accuracy_macro", 41_007) == pytest.approx(5 / (41_007 // 50))
    assert step_of(get_dataset("mimic-cxr").exposure, "accuracy_macro", 41_007) == 0.001
