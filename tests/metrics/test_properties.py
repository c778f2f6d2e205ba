"""Properties of every metric that needs no judge: identity, bounds, empty reports, order, other pairs in the batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluator.core.types import Pair
from evaluator.metrics.registry import get_metric, metric_keys, text_metric_keys
from evaluator.models.runtime import Run
from evaluator.scoring.engine import score

KEYS = tuple(k for k in text_metric_keys() if get_metric(k).family != "judge")
REPORTS = (
    "The lungs are clear. There is no pleural effusion or pneumothorax. The heart is normal in size.",
    "There is a small right pleural effusion. The heart is enlarged.",
    "There is dense consolidation in the left upper lobe. No pneumothorax.",
    "A large left pneumothorax. The mediastinal contours are normal.",
)
HOSTILE = ("", " \n ", "[SEP] </s> <mask>", "½ \u200b\u00a0é 胸", "word " * 700)
PAIRS = tuple(
    Pair(f"{i}-{j}", a, b)
    for i, a in enumerate((*REPORTS, *HOSTILE))
    for j, b in enumerate((*REPORTS, *HOSTILE))
)
# As published: v0 penalises BLEU-2; RaTEScore gives 0.5 if a side has no entity; CheXbert calls an empty text
# "No Finding", and two reports without any label have an F1 of 0.
CHEXBERT = {k for k in metric_keys() if k.startswith("chexbert_")}
NOT_BEST, NOT_ZERO, ALIKE = {"radcliq_v0"}, {"ratescore"} | CHEXBERT, CHEXBERT


@pytest.fixture(scope="module")
def run(stand_ins):
    return Run(models=stand_ins)


@pytest.fixture(scope="module")
def scored(run):
    return score(PAIRS, KEYS, run).scores


def better(metric, a, b):
    """Whether a is at least as good as b, up to the last bits."""
    return a >= b - 1e-5 if metric.higher_is_better else a <= b + 1e-5


@pytest.mark.parametrize("key", sorted(set(KEYS) - NOT_BEST))
def test_a_report_is_its_own_best_prediction(key, scored):
    metric, values = get_metric(key), dict(zip((p.id for p in PAIRS), scored[key].values, strict=True))
    for i in range(len(REPORTS)):
        for j in range(len(REPORTS)):
            assert better(metric, values[f"{i}-{i}"], values[f"{i}-{j}"]), (i, j)
        other = values[f"{i}-{(i + 1) % len(REPORTS)}"]
        assert key in ALIKE or abs(values[f"{i}-{i}"] - other) > 1e-3


@pytest.mark.parametrize("key", KEYS)
def test_every_value_is_within_the_declared_bounds(key, scored):
    metric, values = get_metric(key), scored[key].values
    assert values.shape == (len(PAIRS),)
    assert np.isfinite(values).all()
    for bound, sign in ((metric.lower_bound, 1), (metric.upper_bound, -1)):
        assert bound is None or (sign * (values - bound) >= -1e-5).all()


@pytest.mark.parametrize("key", KEYS)
def test_an_empty_report_gains_nothing(key, scored):
    metric, values = get_metric(key), dict(zip((p.id for p in PAIRS), scored[key].values, strict=True))
    empty = len(REPORTS)
    for i in range(len(REPORTS)):
        if key not in NOT_BEST | ALIKE:
            assert better(metric, values[f"{i}-{i}"], values[f"{i}-{empty}"])
        if metric.lower_bound == 0.0 and key not in NOT_ZERO:
            assert values[f"{i}-{empty}"] == 0.0


@pytest.mark.parametrize("key", KEYS)
def test_order_neighbours_and_batches_do_not_affect_scores(key, run, scored):
    values = dict(zip((p.id for p in PAIRS), scored[key].values, strict=True))
    few = PAIRS[::-7]
    again = score(few, [key], replace(run, batch_size=3)).scores[key].values
    assert again == pytest.approx([values[p.id] for p in few], abs=1e-5)
