"""Forward passes whose result for a text does not depend on what else is encoded with it.

The last bits of a matrix product depend on its shape and on the number of threads. On a CPU, every pass
therefore runs on one core and has a shape that follows from the row's own length: rows are padded to a
multiple of 8 tokens, a pass takes as many rows as make 160 tokens (the last row is repeated to fill it), and
as many passes run at once as torch has threads. Sharding, order, batch size and number of cores then do not
change a bit; short texts gain most (a row of 8 tokens costs a quarter of what it costs alone), and cores do
not wait for each other within a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np

from evaluator.core.types import FloatArray

STEP: Final = 8
"""Widths of passes are multiples of this number of tokens."""
TOKENS: Final = 160
"""Tokens in a pass on a CPU: more bring no further gain and leave more padding at the end."""

GPU_TOKENS: Final = 32_768
"""Tokens in a pass elsewhere: enough to keep a GPU busy with little of its memory."""


def plan(lengths: Sequence[int], limit: int, *, fixed: bool) -> list[tuple[list[int], int, int]]:
    """(positions of rows, width, height) of every pass; width in tokens, height in rows.

    `fixed`: shapes by length alone, width at most `limit`; otherwise as many rows in order as make
    `GPU_TOKENS`.

    >>> plan([3, 9, 5], 512, fixed=True)
    [([0, 2], 8, 20), ([1], 16, 10)]
    >>> plan([3, 9, 5], 512, fixed=False)
    [([0, 1, 2], 9, 3)]
    """
    if not fixed:
        return _full(lengths)
    by_width: dict[int, list[int]] = {}
    for i, length in enumerate(lengths):
        by_width.setdefault(min(-(-length // STEP) * STEP, limit), []).append(i)
    passes = []
    for width, members in sorted(by_width.items()):
        height = max(1, TOKENS // width)
        passes += [(members[k : k + height], width, height) for k in range(0, len(members), height)]
    return passes


def _full(lengths: Sequence[int]) -> list[tuple[list[int], int, int]]:
    passes = []
    members: list[int] = []
    for i, length in enumerate(lengths):
        if members and max(length, *(lengths[m] for m in members)) * (len(members) + 1) > GPU_TOKENS:
            passes.append(members)
            members = []
        members.append(i)
    return [(m, max(lengths[i] for i in m), len(m)) for m in [*passes, members] if m]


def encode_rows(
    forward: Callable[[Any, Any], Any],
    rows: Sequence[Sequence[int]],
    *,
    pad: int,
    device: str,
    limit: int,
) -> list[Any]:
    """Per row of token ids, the output of `forward(ids, mask)`, shape (tokens, …), on the CPU, in row order.

    `forward` maps two tensors of shape (height, width) on the device to one of shape (height, width, …). Rows
    are at most `limit` tokens long. What follows an encoder is small and stays on the CPU. Raises
    `ValueError` for values that are not finite.
    """
    import torch

    out: list[Any] = [None] * len(rows)

    def run(one: tuple[list[int], int, int]) -> None:
        members, width, height = one
        ids = torch.full((height, width), pad, dtype=torch.long)
        mask = torch.zeros((height, width), dtype=torch.long)
        for i in range(height):
            row = rows[members[min(i, len(members) - 1)]]
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        with torch.inference_mode():  # applies to the thread that enters it
            result = forward(ids.to(device), mask.to(device)).cpu()
        for i, member in enumerate(members):
            out[member] = finite(result[i, : len(rows[member])])

    passes = plan([len(r) for r in rows], limit, fixed=device == "cpu")
    if device == "cpu":
        # tie: the plan's order, which does not affect results
        one_core_each(run, sorted(passes, key=lambda one: -one[1] * one[2]))
    else:
        for one in passes:
            run(one)
    return out


def token_embeddings(
    model: Any,
    rows: Sequence[Sequence[int]],
    specials: Collection[int],
    *,
    pad: int,
    device: str,
    limit: int,
) -> list[FloatArray]:
    """Per row of token ids L2-normalised embeddings of an encoder, float32 of shape (tokens, hidden + 1).

    The last column is the token's weight in BERTScore: 0 for the ids in `specials`, wherever they stand, else 1.
    """
    import torch

    def forward(ids: Any, mask: Any) -> Any:
        hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
        return torch.nn.functional.normalize(hidden, dim=-1)

    vectors = encode_rows(forward, rows, pad=pad, device=device, limit=limit)
    weights = [np.array([[float(i not in specials)] for i in row], dtype=np.float32) for row in rows]
    return [np.concatenate([v.numpy(), w], axis=1) for v, w in zip(vectors, weights, strict=True)]


def finite(values: Any) -> Any:
    """`values`, a tensor; raises `ValueError` when some are not finite, as happens with damaged weights."""
    if values.is_floating_point() and not bool(values.isfinite().all()):
        raise ValueError("it gives values that are not finite")
    return values


def one_core_each(run: Callable[[Any], None], items: Iterable[Any]) -> None:
    """Calls `run` on every item, each on a single core, with as many at once as torch has threads.

    Put the longest items first, so that no core waits long at the end.
    """
    import torch

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(run, items))
    finally:
        torch.set_num_threads(threads)
