"""One pass of an encoder over unique texts: deduplicated, ordered by length, cached, with progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from evaluator.models.runtime import Run

_T = TypeVar("_T")


def encode_unique(
    texts: Sequence[str],
    namespace: str,
    encode: Callable[[list[str]], list[_T]],
    run: Run,
    what: str,
    length: Callable[[str], int] = len,
) -> dict[str, _T]:
    """The result of `encode` for each distinct text, by text.

    Batches hold texts of similar `length`, so that little is padded. Results are read from and written to the
    run's cache under `namespace`, which must cover everything that can change them; a killed run therefore
    loses at most one batch.
    """
    unique = sorted(set(texts), key=lambda t: (length(t), t))  # tie: none, texts differ
    known: dict[str, _T] = {}
    if run.cache is not None:
        entries = run.cache.get_many(namespace, unique)
        known = {t: v for t, v in zip(unique, entries, strict=True) if v is not None}
    todo = [t for t in unique if t not in known]
    n_done = len(known)
    for start in range(0, len(todo), run.batch_size):
        batch = todo[start : start + run.batch_size]
        values = encode(batch)
        known.update(zip(batch, values, strict=True))
        if run.cache is not None:
            run.cache.put_many(namespace, batch, values)
        n_done += len(batch)
        if run.progress:
            run.progress(what, n_done, len(unique))
    return known
