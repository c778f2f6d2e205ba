"""Pairwise differences as a columnar file: one row per metric and pair; only the newest state is kept.

The number of pairs grows with the square of the models. In columns, a pair takes a few bytes instead of
JSON's 200, and main has only their digest, in the board's table or the overall one, so that the history does
not grow with them.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from dataclasses import fields
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evaluator.core.problems import RexrankError
from evaluator.leaderboard.overall_table import OverallTable
from evaluator.leaderboard.pairwise import MetricPair, Pairwise
from evaluator.leaderboard.table import AGAIN, Table
from evaluator.statistics.rounding import DECIMALS

if TYPE_CHECKING:
    import pyarrow as pa

TEXTS: Final = ("metric", "a", "b", "better")
SHARES: Final = ("p", "q", "p_adjusted")
NUMBERS: Final = ("difference", "low", "high", *SHARES)
COLUMNS: Final = ("metric", *(f.name for f in fields(MetricPair)))
METRIC: Final = re.compile("[a-z0-9_]{1,40}")
MODEL: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}/[a-z0-9][a-z0-9.-]{0,39}")
MAX_TEXT_BYTES: Final = 120
"""Most bytes in a metric's key or in `team/model`."""
MAX_GROUPS: Final = 64


def pairwise_bytes(pairwise: Pairwise) -> bytes:
    """The rows of all metrics as Parquet, with nothing but the rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # A column at a time: all rows at once would take as much memory as the scores of many models.
    columns = {n: pa.array(_column(pairwise, n), _type(n)) for n in COLUMNS}
    buffer = io.BytesIO()
    pq.write_table(
        pa.table(columns), buffer, compression="zstd", write_statistics=False, write_page_checksum=True
    )
    return buffer.getvalue()


def pairwise_digest(pairwise: Pairwise) -> str:
    """SHA-256 over the rows, whichever version of the library wrote them."""
    digest, start = hashlib.sha256(b"["), b""
    for key, pairs in pairwise.metrics.items():
        rows = [(key, *(getattr(p, n) for n in COLUMNS[1:])) for p in pairs]
        if rows:
            digest.update(start + json.dumps(rows, separators=(",", ":"))[1:-1].encode())
            start = b","
    digest.update(b"]")
    return digest.hexdigest()


def _type(name: str) -> pa.DataType:
    import pyarrow as pa

    return pa.string() if name in TEXTS else pa.float64() if name in NUMBERS else pa.bool_()


def _column(pairwise: Pairwise, name: str) -> list[Any]:
    """A column of all rows, one metric after the other."""
    if name == COLUMNS[0]:
        return [key for key, pairs in pairwise.metrics.items() for _ in pairs]
    return [getattr(p, name) for pairs in pairwise.metrics.values() for p in pairs]


def read_pairwise(path: Path, table: Table | OverallTable) -> Pairwise:
    """The pairs of a table's models in a file; inspected before it is read, since few bytes can encode many.

    Raises `RexrankError` for a file that is damaged, has another form, or is larger than the table's models
    allow.
    """
    import pyarrow as pa

    try:
        columns = _read(path, table)
        rows = zip(*(c.to_pylist() for c in columns.columns), strict=True)
        metrics = {
            key: tuple(MetricPair(*row[1:]) for row in group) for key, group in groupby(rows, lambda r: r[0])
        }
        return Pairwise(metrics)
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is damaged"
        raise RexrankError(f"cannot read the pairwise differences {path}: {reason}. {AGAIN}") from error


def _read(path: Path, table: Table | OverallTable) -> pa.Table:
    """The file's columns, checked for the form and size that ranking writes; raises `ValueError` for others."""
    import pyarrow.parquet as pq

    if not path.is_file():
        raise ValueError("no file")  # reading a pipe would never end
    n = len(table.rows)
    most = (len(table.metrics) if isinstance(table, Table) else 1) * n * (n - 1) // 2
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        head, schema = file.metadata, file.schema_arrow
        if schema.names != [*COLUMNS] or not all(_alike(schema.field(c).type, c) for c in COLUMNS):
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
    _check_values(columns)
    return columns


def _alike(kind: pa.DataType, name: str) -> bool:
    import pyarrow as pa

    return kind == _type(name) or (name in TEXTS and kind == pa.large_string())


def _check_values(columns: pa.Table) -> None:
    """Nothing; raises `ValueError` for a text that is not a name, a value that is not a number, or an empty cell."""
    import numpy as np

    names = {n: set(columns[n].unique().to_pylist()) for n in TEXTS}
    if not names["better"] <= {None, "a", "b"}:
        raise ValueError("a model that is neither")
    forms = {"metric": METRIC, "a": MODEL, "b": MODEL}
    if not all(isinstance(v, str) and form.fullmatch(v) for n, form in forms.items() for v in names[n]):
        raise ValueError("texts that are not names")
    if columns["difference"].null_count:
        raise ValueError("a pair without a difference")
    for name in NUMBERS:
        values = columns[name].drop_null().to_numpy()
        if not np.isfinite(values).all() or (name in SHARES and ((values < 0) | (values > 1)).any()):
            raise ValueError("something that is not a number")
        if (np.round(values, DECIMALS) != values).any():
            raise ValueError("a number with more decimals than are published")
