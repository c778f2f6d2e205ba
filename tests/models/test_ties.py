"""Choices among scores: the first of equal ones, regardless of last bits, order or shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.needs import reason

from evaluator.models.ties import TIE, first_best, first_top

torch = pytest.importorskip("torch", reason=reason("score"))


def noisy(scores: Any, seed: int) -> Any:
    return scores + 1e-8 * torch.rand(scores.shape, generator=torch.Generator().manual_seed(seed)) - 5e-9


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("shape", [(7,), (40, 4), (6, 9, 11)])
def test_the_first_of_equal_scores_is_chosen(seed: int, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    exact = rng.integers(0, 3, shape) / 4
    for order in (np.arange(shape[-1]), rng.permutation(shape[-1])):
        scores = exact[..., order]
        index = first_best(noisy(torch.tensor(scores, dtype=torch.float32), seed))
        assert index.tolist() == scores.argmax(axis=-1).tolist()


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("k", [1, 3, 12, 30])
def test_the_first_of_equal_scores_are_kept(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    exact = rng.integers(0, 4, 30) / 4
    for order in (np.arange(30), rng.permutation(30)):
        scores = exact[order]
        wanted = sorted(np.argsort(-scores, kind="stable")[:k].tolist())
        assert first_top(noisy(torch.tensor(scores, dtype=torch.float32), seed), k).tolist() == wanted


@pytest.mark.parametrize(("gap", "place"), [(TIE / 4, 0), (4 * TIE, 1)])
def test_the_tolerance_is_what_it_says(gap: float, place: int) -> None:
    scores = torch.tensor([0.0, gap], dtype=torch.float64)
    assert first_best(scores) == place
    assert first_top(scores, 1).tolist() == [place]
