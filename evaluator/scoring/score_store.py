"""Finished scores, keyed by everything they depend on, so that no metric is computed twice.

The key of an entry is the metric's signature and the texts of every pair. A killed run therefore resumes
where it stopped, a preview and a publication share their work, and nothing stale is ever read: another
signature or another text gives another key.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from evaluator.core.files import write_bytes
from evaluator.core.types import Pair, Scores
from evaluator.metrics.signature import Signature


class ScoreStore:
    """`Scores` in one folder, one file each, written whole or not at all."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @staticmethod
    def key(signature: Signature, pairs: Sequence[Pair]) -> str:
        """SHA-256 over the signature and every pair's id, texts and context, in order."""
        digest = hashlib.sha256(str(signature).encode())
        for pair in pairs:
            for part in (
                pair.id,
                pair.reference,
                pair.prediction,
                *(part for item in pair.context for part in item),
            ):
                data = part.encode("utf-8", "surrogatepass")
                digest.update(len(data).to_bytes(8, "big"))
                digest.update(data)
        return digest.hexdigest()

    def get(self, key: str, n: int) -> Scores | None:
        """The entry of `key`; `None` unless it exists, is complete and has `n` pairs."""
        try:
            data = io.BytesIO(self._path(key).read_bytes())
            with np.load(data, allow_pickle=False) as entry:
                values = np.asarray(entry["values"], dtype=np.float64)
                failed = np.asarray(entry["failed"], dtype=np.bool_)
                counts = np.asarray(entry["counts"], dtype=np.int64) if "counts" in entry else None
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None
        if values.shape != (n,) or failed.shape != (n,) or not np.isfinite(values).all():
            return None
        if counts is not None and (counts.ndim != 2 or len(counts) != n):
            return None
        return Scores(values, failed, counts=counts)

    def put(self, key: str, scores: Scores) -> None:
        """Nothing; stores the scores, and raises `RexrankError` if the disk is full."""
        buffer = io.BytesIO()
        if scores.counts is None:
            np.savez(buffer, values=scores.values, failed=scores.failed)
        else:
            np.savez(buffer, values=scores.values, failed=scores.failed, counts=scores.counts)
        write_bytes(self._path(key), buffer.getvalue())

    def _path(self, key: str) -> Path:
        return self.root / "scores" / key[:2] / f"{key}.npz"
