"""The rules of a bundle's files, one function a kind: schema, place, and what main and the other files say.

Each raises `RexrankError` that names the file and the rule and never quotes the content.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from evaluator.core.files import dump_json
from evaluator.core.problems import RexrankError
from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.github import recompute
from evaluator.github.bundle_files import KINDS
from evaluator.leaderboard import table_files as tables
from evaluator.leaderboard.eligibility import Entrants
from evaluator.leaderboard.history import Event, history_line
from evaluator.leaderboard.pairwise import MetricPair
from evaluator.leaderboard.pairwise_file import pairwise_digest, read_pairwise
from evaluator.leaderboard.ranking import overview, record_row
from evaluator.leaderboard.row import MetricCell, Row, WithdrawnRow
from evaluator.leaderboard.table import PairTest, Table
from evaluator.metrics.registry import metric_keys
from evaluator.scoring.baselines import TEAM, Sanity
from evaluator.scoring.case_texts import CaseTexts
from evaluator.scoring.corpus import count_columns, frame_value, step_of
from evaluator.scoring.record import Record
from evaluator.scoring.records import FAILED_PREFIX, SUBGROUP_PREFIX, Board, published
from evaluator.statistics.ranks import ALPHA
from evaluator.statistics.rounding import DECIMALS, coarse, six_decimals

if TYPE_CHECKING:
    import pandas as pd

HISTORY: Final = "history.jsonl"
TOLERANCE: Final = 1e-9
_M = TypeVar("_M", bound=BaseModel)
MEANS: Final = 1.1 * 10.0**-DECIMALS
"""How far a mean to six decimals may be from that of scores to six decimals."""
MAX_OTHER_COLUMNS: Final = 32
"""Columns of per-study scores beside the metrics: study, patient, subgroups."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle's folder, the names of its files, the content of those that are JSON, and a checkout of main."""

    folder: Path
    names: Sequence[str]
    content: Mapping[str, Any]
    root: Path | None = None


def refuse(name: str, why: str) -> NoReturn:
    """Nothing; raises `RexrankError` that a file of the bundle breaks a rule."""
    raise RexrankError(f"{name} of the bundle {why}. Nothing of the bundle is published.")


@cache
def _validator(kind: str) -> Any:
    from jsonschema import Draft202012Validator

    text = resources.files("evaluator.schemas").joinpath("bundle-v1.schema.json").read_text("utf-8")
    reference = f"#/$defs/{KINDS[kind].__name__}"
    return Draft202012Validator({"$ref": reference, "$defs": json.loads(text)["$defs"]})


def _keeps(kind: str, value: Any, name: str) -> None:
    if next(_validator(kind).iter_errors(value), None) is not None:
        refuse(name, f"does not keep the schema of {kind}")


def check_form(bundle: Bundle, name: str) -> None:
    """A JSON file is what this program would write of its content, and its numbers have six decimals at most."""
    value = bundle.content[name]
    try:
        same = dump_json(value).encode() == (bundle.folder / name).read_bytes()
    except (ValueError, RecursionError):
        same = False
    if not same:
        refuse(name, "is not JSON as the runner writes it")
    if six_decimals(value) != value:
        refuse(name, f"holds numbers of more than {DECIMALS} decimals")


def _board_of(name: str) -> Board:
    """The board that a path belongs to; a data set that main does not know is refused."""
    kind, _, rest = name.partition("/")
    single = kind in {"tables", "sanity", "pairwise"}
    dataset, track = (rest.rsplit(".", 2) if single else rest.split("/"))[:2]
    if dataset not in dataset_ids():
        refuse(name, "is of a data set that main does not know")
    if track not in get_dataset(dataset).tracks:
        refuse(name, "is of a track that its data set does not have")
    return Board(get_dataset(dataset), track)


def _read(bundle: Bundle, name: str, kind: str, model: type[_M]) -> tuple[_M, Board]:
    """A file's content, which keeps its schema, and the board that place and content agree on."""
    board = _board_of(name)
    _keeps(kind, bundle.content[name], name)
    value = _typed(bundle, name, kind, model)
    place = (board.dataset.id, board.track)
    if (getattr(value, "dataset", place[0]), getattr(value, "track", place[1])) != place:
        refuse(name, "names another board than its place")
    return value, board


def _typed(bundle: Bundle, name: str, kind: str, model: type[_M]) -> _M:
    """The typed content of a file; one that keeps no schema is refused without a word of its own."""
    try:
        return model.model_validate(bundle.content[name])
    except ValidationError:
        refuse(name, f"does not keep the schema of {kind}")


def check_record(bundle: Bundle, name: str) -> None:
    """A record is of its place and of what main says of its board, and shows what may be shown."""
    record, board = _read(bundle, name, "record", Record)
    if name.rpartition("/")[2] != f"{record.team}__{record.model}.json":
        refuse(name, "names another model than its place")
    if (record.kind == "null") != (record.team == TEAM):
        refuse(name, "takes a model for a null row, or a null row for a model")
    n = board.dataset.tracks.get(board.track)
    sizes = {record.n, *(e.n for e in record.metrics.values()), *([] if n is None else [n])}
    if len(sizes) > 1:
        refuse(name, "is of another number of studies than the board")
    if published(board, record).view() != bundle.content[name]:
        refuse(name, "holds numbers that are finer than its set's step, or withheld")
    if board.dataset.exposure.studies and f"studies/{name[8:-5]}.parquet" not in bundle.names:
        refuse(name, "has no per-study scores beside it")


def _record_at(bundle: Bundle, name: str, path: str) -> Record:
    if path not in bundle.content:
        refuse(name, "is of a model without a record")
    return _typed(bundle, path, "record", Record)


def check_table(bundle: Bundle, name: str) -> None:
    """A table says of its data set what main says, shows its records, and is the same as CSV and Markdown."""
    if not name.endswith(".json"):
        source = f"{name.rpartition('.')[0]}.json"
        render = tables.table_csv if name.endswith(".csv") else tables.table_markdown
        text = render(_typed(bundle, source, "table", Table)) if source in bundle.content else None
        if text is None or (bundle.folder / name).read_bytes() != text.encode():
            refuse(name, "is not what the table's JSON gives")
        return
    table, board = _read(bundle, name, "table", Table)
    dataset = board.dataset
    step = six_decimals(step_of(dataset.exposure, table.primary, table.n)) if table.n else None
    if (table.title, table.access, table.step) != (dataset.title, dataset.access, step):
        refuse(name, "says other things of its data set than main")
    if len({r.id for r in table.all_rows}) != len(table.all_rows):
        refuse(name, "has a model twice")
    if table.pairwise_sha256 is not None and f"pairwise/{board.name}.parquet" not in bundle.names:
        refuse(name, "has no pairwise differences beside it")
    for row in table.all_rows:
        _check_row(row, table, board, name, bundle)
    _check_pairs(table.pairs, table, table.primary, board, name)


RANKING: Final = frozenset({"rank", "rank_low", "rank_high", "tied_with_best", "cluster", "why_unranked"})
"""Fields of a row that follow from all records of a board together, and not from its own."""


def _check_row(row: Row, table: Table, board: Board, name: str, bundle: Bundle) -> None:
    """A row is what its record gives, computed again; its own are ranks and reasons alone."""
    folder = f"records/{board.dataset.id}/{board.track}"
    record = _record_at(bundle, name, f"{folder}/{row.team}__{row.model}.json")
    nulls = tuple(_record_at(bundle, name, f"{folder}/{r.team}__{r.model}.json") for r in table.nulls)
    signatures = {m.key: m.signature for m in table.metrics}
    if not signatures.keys() <= set(metric_keys()):
        refuse(name, "has a metric that main does not know")
    entrants = Entrants((), (), (), nulls, signatures, table.primary, ())
    gone = row.status == "withdrawn"
    again = record_row(
        WithdrawnRow if gone else Row, board, record, entrants, [] if gone else list(signatures)
    )
    if {k: _bare(c) for k, c in row.metrics.items()} != again.metrics:
        refuse(name, "has a row with other numbers than its record")
    _check_null_tests(row, {n.name for n in nulls}, table, board, name)
    # C22 compares a model's boards, so that its table says it and no single record.
    marks = tuple(b for b in row.badges if b.code != "C22")
    if any(b not in again.badges for b in marks):
        refuse(name, "has a row with a mark that its record does not have")
    if marks != again.badges:
        refuse(name, "has a row without a mark that its record has")
    apart = {*RANKING, "metrics", "badges"}
    row_view, record_view = row.view(), again.view()
    if any(row_view.get(k) != v for k, v in record_view.items() if k not in apart):
        refuse(name, "has a row that says other things than its record")


def _bare(cell: MetricCell) -> MetricCell:
    """A cell without the interval of its gain, which needs scores."""
    gain = cell.gain_over_null
    if gain is None:
        return cell
    return cell.model_copy(update={"gain_over_null": gain.model_copy(update={"low": None, "high": None})})


def _check_null_tests(row: Row, nulls: AbstractSet[str], table: Table, board: Board, name: str) -> None:
    """Tests and gains against baselines are of the table's own, as coarse as its means, and say what their p says."""
    for test in row.against_nulls:
        if test.null not in nulls:
            refuse(name, "compares a model with a baseline that the table does not have")
        if test.outcome != "not_shown" and (
            test.p > ALPHA + TOLERANCE or (test.gain < 0) != (test.outcome == "below")
        ):
            refuse(name, "says of a baseline what its test does not")
    ends = [(v, table.primary) for t in row.against_nulls for v in (t.gain, t.low, t.high)]
    gains = {k: c.gain_over_null for k, c in row.metrics.items() if c.gain_over_null is not None}
    ends += [(v, key) for key, gain in gains.items() for v in (gain.low, gain.high)]
    for value, key in ends:
        _check_coarse(value, key, board, table.n, name)


def _check_pairs(
    pairs: Sequence[PairTest | MetricPair], table: Table, key: str, board: Board, name: str
) -> None:
    """Pairs are of models that the table ranks, and as coarse as its means."""
    ranked = {r.id for r in table.rows}
    for pair in pairs:
        if not {pair.a, pair.b} <= ranked:
            refuse(name, "compares models that the table does not rank")
        for value in (pair.difference, pair.low, pair.high):
            _check_coarse(value, key, board, table.n, name)


def _check_coarse(value: float | None, key: str, board: Board, n: int, name: str) -> None:
    step = step_of(board.dataset.exposure, key, n)
    if value is not None and step is not None and abs(coarse(value, step) - value) > TOLERANCE:
        refuse(name, "holds numbers that are finer than its set's step")


def check_pairwise(bundle: Bundle, name: str) -> None:
    """Pairs of models that the board ranks, on metrics that main knows: those whose digest the table has."""
    board = _board_of(name)
    path = f"tables/{board.name}.json"
    if path not in bundle.content:
        refuse(name, "is of a board without a table")
    table = _typed(bundle, path, "table", Table)
    try:
        value = read_pairwise(bundle.folder / name, table)
    except RexrankError:
        refuse(name, "is not pairwise differences as the runner writes them")
    _check_metrics(value.metrics, name)
    for key, pairs in value.metrics.items():
        _check_pairs(pairs, table, key, board, name)
    if pairwise_digest(value) != table.pairwise_sha256:
        refuse(name, "is not the one whose digest the table has")


def _check_metrics(keys: Iterable[str], name: str) -> None:
    if not set(keys) <= set(metric_keys()):
        refuse(name, "has a metric that main does not know")


def check_sanity(bundle: Bundle, name: str) -> None:
    """Probes of metrics that main knows; in the set's steps."""
    value, board = _read(bundle, name, "sanity", Sanity)
    _check_metrics(value.metrics, name)
    for key, probes in value.metrics.items():
        _check_coarse(probes.shuffled, key, board, value.n, name)
        for mean in (probes.itself, probes.empty):
            _check_coarse(mean, key, board, value.n_probed, name)


def check_cases(bundle: Bundle, name: str) -> None:
    """Texts of a public set, all of the same studies and the same references."""
    if not _board_of(name).dataset.exposure.studies:
        refuse(name, "holds texts of a set that is not public")
    value, board = _read(bundle, name, "cases", CaseTexts)
    truth = _truth(bundle, board)
    if truth is None or not value.beside(truth):
        refuse(name, "is of other references than its board")
    if bundle.root is None:
        return
    if name.endswith("/references.json"):
        why = recompute.objection_to_references(value, board, bundle.root)
    else:
        team, _, model = Path(name).stem.partition("__")
        why = recompute.objection_to_texts(value, board, team, model, bundle.root)
    if why:
        refuse(name, why)


def _truth(bundle: Bundle, board: Board) -> CaseTexts | None:
    """The references of a board in the bundle, `None` without them."""
    path = f"cases/{board.dataset.id}/{board.track}/references.json"
    return _typed(bundle, path, "cases", CaseTexts) if path in bundle.content else None


def check_studies(bundle: Bundle, name: str) -> None:
    """Per-study scores of a public set: the columns of its record, whose means they give."""
    if not _board_of(name).dataset.exposure.studies:
        refuse(name, "holds per-study scores of a set that is not public")
    record = _record_at(bundle, name, f"records/{name[8:-8]}.json")
    try:
        frame = recompute.read_scores(
            bundle.folder / name,
            record.n,
            sum(2 + len(count_columns(k)) for k in record.metrics) + MAX_OTHER_COLUMNS,
        )
    except Exception:  # noqa: BLE001 - whatever the reader raises, its words may quote the file
        refuse(name, "is no table of per-study scores with the columns or studies of its record")
    columns = {str(c) for c in frame.columns if not str(c).startswith(SUBGROUP_PREFIX)}
    scores = {c for k in record.metrics for c in (k, f"{FAILED_PREFIX}{k}", *count_columns(k))}
    if columns != {"study_id", "patient", *scores} or len(frame) != record.n:
        refuse(name, "has other columns or studies than its record")
    if not frame["study_id"].is_unique:
        refuse(name, "has a study twice")
    for key, entry in record.metrics.items():
        values, failed = frame[key], frame[f"{FAILED_PREFIX}{key}"]
        whole = all(frame[c].dtype.kind == "i" and (frame[c] >= 0).all() for c in count_columns(key))
        if values.dtype.kind != "f" or not whole or not abs(frame_value(key, frame) - entry.mean) <= MEANS:
            refuse(name, "does not give the means of its record")
        if not (values.round(DECIMALS) == values).all():
            refuse(name, f"holds numbers of more than {DECIMALS} decimals")
        if failed.dtype.kind != "b" or int(failed.sum()) != entry.n_failed:
            refuse(name, "does not give the failures of its record")
    if record.kind == "submission":
        _check_again(bundle, name, frame)


def _check_again(bundle: Bundle, name: str, frame: pd.DataFrame) -> None:
    """The scores in one metric are those of the texts beside it."""
    board = _board_of(name)
    truth, path = _truth(bundle, board), f"cases/{name[8:-8]}.json"
    if truth is None or path not in bundle.content:
        refuse(name, "has no texts beside it")
    texts = _typed(bundle, path, "cases", CaseTexts)
    if why := recompute.objection_to_scores(board, frame, truth, texts):
        refuse(name, why)


def check_overview(bundle: Bundle) -> None:
    """Nothing; raises `RexrankError` unless the overview is what the tables give, and is there where they are."""
    order = [f"tables/{d}.{t}.json" for d in dataset_ids() for t in get_dataset(d).tracks]
    expected = overview([_typed(bundle, n, "table", Table) for n in order if n in bundle.content])
    there = [n in bundle.names for n in ("overview.json", "overview.csv")]
    if there[0] != there[1] or (expected.boards and not there[0]):
        raise RexrankError("the bundle has tables without their overview. Nothing of it is published.")
    if there[0] and bundle.content["overview.json"] != expected.view():
        refuse("overview.json", "is not what the tables give")
    if there[1] and (bundle.folder / "overview.csv").read_bytes() != tables.overview_csv(expected).encode():
        refuse("overview.csv", "is not what the tables give")


def check_history(bundle: Bundle) -> None:
    """Every line of the history is an event."""
    if HISTORY not in bundle.names:
        return
    try:
        text = (bundle.folder / HISTORY).read_bytes().decode("utf-8")
        values = [json.loads(line) for line in text.removesuffix("\n").split("\n")]
    except (ValueError, RecursionError):
        refuse(HISTORY, "has a line that is not JSON")
    for value in values:
        _keeps("event", value, HISTORY)
    if six_decimals(values) != values:
        refuse(HISTORY, f"holds numbers of more than {DECIMALS} decimals")
    events = [_event(value) for value in values]
    if text != "".join(map(history_line, events)):
        refuse(HISTORY, "has a line that is not JSON as the runner writes it")
    if bundle.root is None:
        return
    records = [_record_at(bundle, n, n) for n in bundle.content if n.startswith("records/")]
    known = recompute.known_models(bundle.root, records)
    for event in events:
        if why := recompute.objection_to_event(event, known):
            refuse(HISTORY, why)


def _event(value: Any) -> Event:
    try:
        return Event.model_validate(value)
    except ValidationError:
        refuse(HISTORY, "does not keep the schema of event")


RULES: Final[Mapping[str, Callable[[Bundle, str], None]]] = {
    "records": check_record,
    "tables": check_table,
    "pairwise": check_pairwise,
    "sanity": check_sanity,
    "cases": check_cases,
    "studies": check_studies,
}
"""By the first folder of a path."""
