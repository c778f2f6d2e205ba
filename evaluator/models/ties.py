"""Choices among a network's scores: of scores equal to within rounding, the first wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import torch

TIE: Final = 1e-6
"""Scores this close are equal; a float32 network's last bits depend on the processor."""


def first_best(scores: torch.Tensor) -> torch.Tensor:
    """Along the last dimension (of k scores), the index of the first within `TIE` of the best; int64, shape (…)."""
    near = scores >= scores.amax(dim=-1, keepdim=True) - TIE
    return near.byte().argmax(dim=-1)  # tie: first index, which torch documents for argmax


def first_top(scores: torch.Tensor, k: int) -> torch.Tensor:
    """The indices, rising, of the `k` best of scores of shape (n,), 0 < k ≤ n; int64.

    Of those within `TIE` of the last place, the first are taken.
    """
    last = scores.topk(k).values[-1]  # tie: none, only the value is used
    above, level = scores > last + TIE, (scores - last).abs() <= TIE
    top = above | (level & (level.cumsum(0) <= k - above.sum()))
    return top.nonzero()[:, 0]
