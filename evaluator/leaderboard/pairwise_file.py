"""Pairwise differences as a file: one row a metric and pair, in columns, of which only the newest state is kept.

The number of pairs grows with the square of the models. In columns a pair takes a few bytes where JSON takes 200;
and main holds only a digest of them, in the board's table, so that the history does not grow with them.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from evaluator.core.problems import RexrankError
from evaluator.leaderboard.pairwise import PAIRWISE_SCHEMA, Pairwise
from evaluator.leaderboard.table import AGAIN, Table

if TYPE_CHECKING:
    import pyarrow as pa

TEXTS: Final = ("metric", "a", "b")
NUMBERS: Final = ("difference", "low", "high", "p", "q")
MAX_TEXT_BYTES: Final = 120
"""Bytes of a metric's key or of `team/model`."""
MAX_GROUPS: Final = 64


def pairwise_bytes(pairwise: Pairwise) -> bytes:
    """The rows of all metrics as Parquet, with nothing but the rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = _rows(pairwise)
    columns = {
        name: pa.array([r[i] for r in rows], pa.string() if name in TEXTS else pa.float64())
        for i, name in enumerate((*TEXTS, *NUMBERS))
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, compression="zstd", use_dictionary=True)
    return buffer.getvalue()


def pairwise_digest(pairwise: Pairwise) -> str:
    """SHA-256 over the rows, whichever version of the library wrote them."""
    return hashlib.sha256(json.dumps(_rows(pairwise), separators=(",", ":")).encode()).hexdigest()


def _rows(pairwise: Pairwise) -> list[tuple[Any, ...]]:
    return [
        (key, p.a, p.b, p.difference, p.low, p.high, p.p, p.q)
        for key, pairs in pairwise.metrics.items()
        for p in pairs
    ]


def read_pairwise(path: Path, table: Table) -> Pairwise:
    """The pairs of a table's board in a file; looked at before it is read, since few bytes can stand for many.

    Raises `RexrankError` for a file that is damaged, of another form or larger than the table's models can have.
    """
    import pyarrow as pa

    try:
        rows = _read(path, table).to_pylist()
        metrics: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            metrics[row.pop("metric")].append(row)
        return Pairwise.model_validate(
            {
                "schema": PAIRWISE_SCHEMA,
                "dataset": table.dataset,
                "track": table.track,
                "n": table.n,
                "n_clusters": table.n_clusters,
                "metrics": metrics,
            }
        )
    except (OSError, ValueError, TypeError, pa.ArrowException, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is damaged"
        raise RexrankError(f"cannot read the pairwise differences {path}: {reason}. {AGAIN}") from error


def _read(path: Path, table: Table) -> pa.Table:
    """The file's columns, found to be of the form and size that ranking writes; raises `ValueError` for others."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise ValueError("no file")  # a pipe would never end
    n = len(table.rows)
    most = len(table.metrics) * n * (n - 1) // 2
    with pq.ParquetFile(path) as file:
        head, schema = file.metadata, file.schema_arrow
        texts, numbers = schema.types[: len(TEXTS)], schema.types[len(TEXTS) :]
        sound = {*texts} <= {pa.string(), pa.large_string()} and {*numbers} == {pa.float64()}
        if schema.names != [*TEXTS, *NUMBERS] or not sound:
            raise ValueError("other columns")
        if head.num_rows > most or head.num_row_groups > MAX_GROUPS:
            raise ValueError("more rows than pairs")
        sizes = [
            head.row_group(g).column(c).total_uncompressed_size
            for g in range(head.num_row_groups)
            for c in range(head.num_columns)
        ]
        if sum(sizes) > (len(TEXTS) * MAX_TEXT_BYTES + len(NUMBERS) * 16) * max(head.num_rows, 100):
            raise ValueError("longer texts than names")
        columns = file.read()
    longest = max((len(v) for name in TEXTS for v in columns[name].unique().to_pylist() if v), default=0)
    if longest > MAX_TEXT_BYTES:
        raise ValueError("a long text")
    return columns
