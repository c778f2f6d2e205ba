"""On a CPU all five encoders give a text the same bits, whatever else is encoded with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.needs import reason

from evaluator.core.types import Pair
from evaluator.datasets.sandbox.shipped_weights import shipped_models
from evaluator.metrics.registry import get_metric
from evaluator.models.batches import STEP, TOKENS, encode_rows, plan
from evaluator.models.runtime import Run

LENGTHS = st.lists(st.integers(1, 600), max_size=60)


@given(LENGTHS, st.integers(30, 512))
def test_every_row_is_in_one_pass_that_fits_it(lengths, limit):
    lengths = [min(n, limit) for n in lengths]
    passes = plan(lengths, limit, fixed=True)
    assert sorted(i for members, _, _ in passes for i in members) == list(range(len(lengths)))
    for members, width, height in passes:
        assert 0 < len(members) <= height
        assert max(lengths[i] for i in members) <= width <= limit
        assert height == 1 or width * height <= TOKENS
        assert width % STEP == 0 or width == limit


@given(LENGTHS, st.integers(0, 59))
def test_the_shape_of_a_pass_follows_from_the_row_alone(lengths, which):
    if not lengths:
        return
    i = which % len(lengths)
    (alone,) = plan([lengths[i]], 600, fixed=True)
    (among,) = [p for p in plan(lengths, 600, fixed=True) if i in p[0]]
    assert alone[1:] == among[1:]


def test_rows_come_back_in_order_and_without_padding():
    torch = pytest.importorskip("torch", reason=reason("score"))
    rows = [[1, 2, 3], [4] * 20, [5], [6, 7]]
    out = encode_rows(lambda ids, mask: ids * mask, rows, pad=9, device="cpu", limit=512)
    assert [o.tolist() for o in out] == rows
    assert encode_rows(lambda ids, _: ids, [], pad=0, device="cpu", limit=8) == []
    assert torch is not None


TEXTS = (
    "The lungs are clear.",
    "There is a small right pleural effusion. The heart is enlarged.",
    "No pneumothorax. Mild pulmonary edema, unchanged since the prior study. No rib fracture.",
    "Clear lungs",
    "There is dense consolidation in the left upper lobe and a large left pleural effusion. " * 3,
)


@pytest.mark.parametrize("key", ["bertscore", "semb_score", "radgraph_f1", "ratescore"])
def test_neighbours_order_and_batch_size_do_not_change_a_bit(key):
    torch = pytest.importorskip("torch", reason=reason("score"))
    run = Run(models=shipped_models(), batch_size=32)
    pairs = [Pair(f"{i}{j}", a, b) for i, a in enumerate(TEXTS) for j, b in enumerate(TEXTS)]
    metric = get_metric(key)
    together = metric.score(pairs, run).values
    backwards = metric.score(pairs[::-1], replace(run, batch_size=3)).values[::-1]
    alone = np.concatenate([metric.score([p], replace(run, batch_size=1)).values for p in pairs])
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        threaded = metric.score(pairs, run).values
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    assert together.tobytes() == threaded.tobytes()
    assert together.tobytes() == np.ascontiguousarray(backwards).tobytes()
    assert together.tobytes() == alone.tobytes()
