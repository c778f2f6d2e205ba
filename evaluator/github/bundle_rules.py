"""The rules for a bundle's files, one function per kind: schema, path, and consistency with main and the other files.

Each raises `RexrankError` that names the file and the rule and never quotes the content.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from evaluator.github import recompute
from evaluator.github.bundle_content import (
    Bundle,
    board_of,
    check_coarse,
    check_metrics,
    read_content,
    record_at,
    refuse,
    typed_content,
)
from evaluator.github.bundle_files import BundleEvent
from evaluator.github.bundle_table_rules import check_pairwise, check_table
from evaluator.leaderboard.history import Event, history_line
from evaluator.scoring.baselines import TEAM, Sanity
from evaluator.scoring.case_texts import CaseTexts
from evaluator.scoring.corpus import count_columns, frame_value
from evaluator.scoring.record import MetricEntry, Record
from evaluator.scoring.records import FAILED_PREFIX, SUBGROUP_PREFIX, Board, published
from evaluator.statistics.rounding import DECIMALS, six_decimals

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


HISTORY: Final = "history.jsonl"


MEANS: Final = 1.1 * 10.0**-DECIMALS
"""How far a mean to six decimals may be from that of scores to six decimals."""


MAX_OTHER_COLUMNS: Final = 32
"""Columns of per-study scores besides the metrics: study, patient, subgroups."""


def check_record(bundle: Bundle, name: str) -> None:
    """Checks that a record matches its path and main's data on its board, and shows only what may be shown."""
    record, board = read_content(bundle, name, "record", Record)
    if name.rpartition("/")[2] != f"{record.team}__{record.model}.json":
        refuse(name, "names a model that does not match its path")
    if (record.kind == "null") != (record.team == TEAM):
        refuse(name, "confuses a model with a baseline row")
    n = board.dataset.tracks.get(board.track)
    sizes = {record.n, *(e.n for e in record.metrics.values()), *([] if n is None else [n])}
    if len(sizes) > 1:
        refuse(name, "has a different number of studies from the board")
    if published(board, record).view() != bundle.content[name]:
        refuse(name, "contains numbers finer than its dataset's step, or withheld")
    if board.dataset.exposure.studies and f"studies/{name[8:-5]}.parquet" not in bundle.names:
        refuse(name, "has no per-study scores next to it")


def check_sanity(bundle: Bundle, name: str) -> None:
    """Checks that probes are of metrics that main knows, in the dataset's steps."""
    value, board = read_content(bundle, name, "sanity", Sanity)
    check_metrics(value.metrics, name)
    for key, probes in value.metrics.items():
        check_coarse(probes.shuffled, key, board, value.n, name)
        for mean in (probes.itself, probes.empty):
            check_coarse(mean, key, board, value.n_probed, name)


def check_cases(bundle: Bundle, name: str) -> None:
    """Checks that texts are from a public dataset, all for the same studies and the same references."""
    if not board_of(name).dataset.exposure.studies:
        refuse(name, "contains texts of a dataset that is not public")
    value, board = read_content(bundle, name, "cases", CaseTexts)
    truth = _truth(bundle, board)
    if truth is None or not value.beside(truth):
        refuse(name, "used different references from its board")
    if bundle.root is None or bundle.submissions is None:
        return
    if name.endswith("/references.json"):
        why = recompute.objection_to_references(value, board, bundle.root)
    else:
        team, _, model = Path(name).stem.partition("__")
        source = f"submissions/{team}/{model}/{board.dataset.id}.json"
        if bundle.is_settled(name, source):
            return
        why = recompute.objection_to_texts(value, board, bundle.submissions.read(source))
    if why:
        refuse(name, why)


def _truth(bundle: Bundle, board: Board) -> CaseTexts | None:
    """The references of a board in the bundle, `None` without them."""
    path = f"cases/{board.dataset.id}/{board.track}/references.json"
    return typed_content(bundle, path, "cases", CaseTexts) if path in bundle.content else None


def check_studies(bundle: Bundle, name: str) -> None:
    """Checks that per-study scores are from a public dataset and match the columns and means of their record."""
    if not board_of(name).dataset.exposure.studies:
        refuse(name, "contains per-study scores of a dataset that is not public")
    record = record_at(bundle, name, f"records/{name[8:-8]}.json")
    try:
        frame = recompute.read_scores(
            bundle.folder / name,
            record.n,
            sum(2 + len(count_columns(k)) for k in record.metrics) + MAX_OTHER_COLUMNS,
        )
    except Exception:  # noqa: BLE001 - whatever the reader raises, its words may quote the file
        refuse(name, "is not a table of per-study scores with the columns or studies of its record")
    columns = {str(c) for c in frame.columns if not str(c).startswith(SUBGROUP_PREFIX)}
    scores = {c for k in record.metrics for c in (k, f"{FAILED_PREFIX}{k}", *count_columns(k))}
    if columns != {"study_id", "patient", *scores} or len(frame) != record.n:
        refuse(name, "has columns or studies that its record does not have")
    if not frame["study_id"].is_unique:
        refuse(name, "has a study twice")
    arrays = {c: frame[c].to_numpy() for c in columns}
    for key, entry in record.metrics.items():
        _check_scores(arrays, key, entry, name)
    # A row waiting to be rescored was made by an earlier version.
    if record.kind == "submission" and not bundle.is_on_main(name):
        _check_again(bundle, name, frame)


def _check_scores(arrays: Mapping[str, NDArray[Any]], key: str, entry: MetricEntry, name: str) -> None:
    """Checks the columns of one metric against its entry in the record."""
    values, failed = arrays[key], arrays[f"{FAILED_PREFIX}{key}"]
    whole = all(arrays[c].dtype.kind == "i" and (arrays[c] >= 0).all() for c in count_columns(key))
    if values.dtype.kind != "f" or not whole or not abs(frame_value(key, arrays) - entry.mean) <= MEANS:
        refuse(name, "does not match the means in its record")
    if not (values.round(DECIMALS) == values).all():
        refuse(name, f"contains numbers with more than {DECIMALS} decimals")
    if failed.dtype.kind != "b" or int(failed.sum()) != entry.n_failed:
        refuse(name, "does not match the failures in its record")


def _check_again(bundle: Bundle, name: str, frame: pd.DataFrame) -> None:
    """Checks that the scores in one metric are those of the texts next to them."""
    board = board_of(name)
    truth, path = _truth(bundle, board), f"cases/{name[8:-8]}.json"
    if truth is None or path not in bundle.content:
        refuse(name, "has no texts next to it")
    texts = typed_content(bundle, path, "cases", CaseTexts)
    if why := recompute.objection_to_scores(board, frame, truth, texts):
        refuse(name, why)


def check_history(bundle: Bundle) -> None:
    """Checks that every line of the history is an event."""
    if HISTORY not in bundle.names:
        return
    try:
        text = (bundle.folder / HISTORY).read_bytes().decode("utf-8")
        values = [json.loads(line) for line in text.removesuffix("\n").split("\n")]
    except (ValueError, RecursionError):
        refuse(HISTORY, "has a line that is not JSON")
    events = [_event(value) for value in values]
    if six_decimals(values) != values:
        refuse(HISTORY, f"contains numbers with more than {DECIMALS} decimals")
    if text != "".join(map(history_line, events)):
        refuse(HISTORY, "has a line that is not in the runner's JSON format")
    if bundle.root is None:
        return
    records = (record_at(bundle, n, n) for n in bundle.content if n.startswith("records/"))
    known = recompute.known_models(bundle.root, records)
    for event in events:
        if why := recompute.objection_to_event(event, known):
            refuse(HISTORY, why)


def _event(value: Any) -> Event:
    try:
        return BundleEvent.model_validate(value)
    except ValidationError:
        refuse(HISTORY, "violates the schema of event")


RULES: Final[Mapping[str, Callable[[Bundle, str], None]]] = {
    "records": check_record,
    "tables": check_table,
    "pairwise": check_pairwise,
    "sanity": check_sanity,
    "cases": check_cases,
    "studies": check_studies,
}
"""By the first folder of a path."""
