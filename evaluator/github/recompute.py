"""What the publisher recomputes from main and public data instead of trusting the runner.

Texts of a public dataset come from main's submissions, its references from what is already published, new
lines of the history must name models that main knows, and one metric of some items (BLEU-2 of reports) is
recomputed. What only the runner can know (models' scores, the baselines, the references of a board's first
publication) is left to the rules of `evaluator/github/bundle_rules.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evaluator.core.problems import RexrankError
from evaluator.core.types import Pair
from evaluator.datasets.references import load_references, references_of
from evaluator.leaderboard.history import Event
from evaluator.metrics.registry import get_metric
from evaluator.models.runtime import Run
from evaluator.scoring.case_texts import CaseTexts, read_references
from evaluator.scoring.record import Record
from evaluator.scoring.records import Board, typed_record
from evaluator.statistics.rounding import DECIMALS
from evaluator.submissions.reading import parse_predictions

if TYPE_CHECKING:
    import pandas as pd

SPOTS: Final = 50
"""How many items of a record, chosen by hash, have their scores in one metric recomputed."""
TOLERANCE: Final = 0.6 * 10.0**-DECIMALS
MAX_TEXT_BYTES: Final = 200
"""Bytes of an id, a patient or a subgroup's name in a file of per-study scores."""
MAX_GROUPS: Final = 16


def objection_to_references(value: CaseTexts, board: Board, root: Path) -> str | None:
    """Why `references.json` of a board is not what main has, or `None`.

    The first version of a dataset that is not synthetic is accepted.
    """
    if board.dataset.synthetic:
        truth = load_references(board.dataset, None)
        texts = {p.id: p.reference for p in truth.pairs({}, board.track, value.protocol)}
        same = value.texts == texts and value.references_sha256 == truth.digest
        return None if same else "does not match the references on main"
    current = read_references(root / "leaderboard", board)
    if current is None or current == value:
        return None
    return "differs from main's: if the references were updated, remove main's file first"


def objection_to_texts(value: CaseTexts, board: Board, source: bytes | None) -> str | None:
    """Why a model's texts are not byte for byte those of main's predictions under the board's protocol, or `None`."""
    predictions = None if source is None else parse_predictions("predictions", source, board.dataset)
    if predictions is None:
        return "is for a submission that main does not have"
    form = references_of(board.task)
    for item, text in value.texts.items():
        prediction = predictions.get(item)
        if text not in (
            form.written(prediction, board.track, value.protocol) if prediction is not None else {""}
        ):
            return "contains texts that main's submission does not"
    return None


def objection_to_scores(
    board: Board, frame: pd.DataFrame, references: CaseTexts, predictions: CaseTexts
) -> str | None:
    """Why a metric's scores are not those of the texts next to them, or `None`; for up to `SPOTS` items.

    The metric is the task's `recomputed`.
    """
    key = board.task.recomputed
    if key not in frame.columns:
        return None
    scores = dict(zip(frame["study_id"], frame[key], strict=True))
    spots = _spots(references.texts, references.references_sha256)
    pairs = [Pair(i, references.texts[i], predictions.texts.get(i, "")) for i in spots]
    metric = get_metric(key)
    again = metric.score(pairs, Run(protocol=references.protocol)).values.tolist()
    if any(not abs(scores.get(p.id, -1.0) - v) <= TOLERANCE for p, v in zip(pairs, again, strict=True)):
        return f"has a {metric.title} that does not match its texts"
    return None


def _spots(studies: Iterable[str], seed: str) -> Sequence[str]:
    return sorted(studies, key=lambda s: hashlib.sha256(f"{seed}|{s}".encode()).digest())[:SPOTS]


def objection_to_event(event: Event, known: Mapping[str, set[str]]) -> str | None:
    """Why an event of the history is impossible, or `None`; `known`: the names that each `team/model` has or had."""
    if event.name not in known.get(event.id, set()):
        return "has a line for a model or a name that main does not have"
    return None


def known_models(root: Path, records: Iterable[Record]) -> dict[str, set[str]]:
    """By `team/model`, the names in main's history and records, and in the given records."""
    names: dict[str, set[str]] = {}
    past = root / "leaderboard/history.jsonl"
    for line in past.read_text("utf-8").splitlines() if past.is_file() else []:
        event = json.loads(line)
        names.setdefault(event["id"], set()).add(event["name"])
    for record in chain(_records(root), records):
        names.setdefault(record.name, set()).add(record.card.name or record.model)
    return names


def _records(root: Path) -> Iterator[Record]:
    for path in sorted((root / "leaderboard/records").glob("*/*/*.json")):
        yield typed_record(path)


def read_scores(path: Path, n: int, columns: int) -> pd.DataFrame:
    """Per-study scores of `n` studies in at most `columns` columns, inspected before they are read.

    Raises `RexrankError` for a file with other rows, columns or types, and for long texts: few bytes can
    encode many. A text column is read as its distinct values.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        head, schema = file.metadata, file.schema_arrow
        if head.num_rows != n or head.num_columns > columns or head.num_row_groups > MAX_GROUPS:
            raise RexrankError("other rows or columns")
        texts = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
        numbers = (pa.types.is_float64, pa.types.is_boolean, pa.types.is_int64)
        plain = [f.name for f in schema if any(is_of(f.type) for is_of in numbers)]
        sizes = [
            head.row_group(g).column(c).total_uncompressed_size
            for g in range(head.num_row_groups)
            for c in range(head.num_columns)
        ]
        if len({*texts, *plain}) != len(schema) or sum(sizes) > (MAX_TEXT_BYTES + 16) * max(n, 100) * columns:
            raise RexrankError("other types, a name twice, or more than such scores can be")
    # Opened again: only with their names are texts read as their distinct values.
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        table = file.read()
    for name in texts:
        for chunk in table.column(name).chunks:
            longest = max((len(v) for v in chunk.dictionary.to_pylist() if v), default=0)
            if longest > MAX_TEXT_BYTES:
                raise RexrankError("a long text")
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    for name in texts:
        frame[name] = frame[name].astype(object)
    return frame
