"""The rules for a bundle's tables: each matches its records, its pairs and main, at no finer a step than allowed.

Each raises `RexrankError` that names the file and the rule and never quotes the content.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from evaluator.core.problems import RexrankError
from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.datasets.tasks.task import all_tracks
from evaluator.github.bundle_content import (
    TOLERANCE,
    Bundle,
    board_of,
    check_coarse,
    check_metrics,
    read_content,
    record_at,
    refuse,
    typed_content,
)
from evaluator.leaderboard import table_files as tables
from evaluator.leaderboard.eligibility import Entrants
from evaluator.leaderboard.overall_files import pairwise_name
from evaluator.leaderboard.pairwise import MetricPair, with_pairs
from evaluator.leaderboard.pairwise_file import pairwise_digest, read_pairwise
from evaluator.leaderboard.rank_types import RuleOrder
from evaluator.leaderboard.ranking import overview, record_row
from evaluator.leaderboard.row import MetricCell, Row, WithdrawnRow
from evaluator.leaderboard.table import Table, better_counts
from evaluator.metrics.registry import metric_keys
from evaluator.scoring.corpus import step_of
from evaluator.scoring.records import Board
from evaluator.statistics.ranks import ALPHA
from evaluator.statistics.rounding import six_decimals


def check_table(bundle: Bundle, name: str) -> None:
    """Checks that a table matches main's data on its dataset, its records, and its CSV and Markdown forms."""
    if not name.endswith(".json"):
        source = f"{name.rpartition('.')[0]}.json"
        render = tables.table_csv if name.endswith(".csv") else tables.table_markdown
        text = render(typed_content(bundle, source, "table", Table)) if source in bundle.content else None
        if text is None or (bundle.folder / name).read_bytes() != text.encode():
            refuse(name, "does not match the table's JSON")
        return
    table, board = read_content(bundle, name, "table", Table)
    dataset = board.dataset
    step = six_decimals(step_of(dataset.exposure, table.primary, table.n)) if table.n else None
    if (table.title, table.access, table.step) != (dataset.title, dataset.access, step):
        refuse(name, "contradicts main about its dataset")
    if len({r.id for r in table.all_rows}) != len(table.all_rows):
        refuse(name, "has a model twice")
    if table.pairwise_sha256 is not None and f"pairwise/{board.name}.parquet" not in bundle.names:
        refuse(name, "has no pairwise differences next to it")
    for row in table.all_rows:
        _check_row(row, table, board, name, bundle)
    _check_ranks(table, name)


def _check_ranks(table: Table, name: str) -> None:
    """Checks that ranks are ones that the board's rows can have, on the whole, in groups and under other rules."""
    n = len(table.rows)
    if not _possible([(r.rank_low, r.rank_high) for r in table.rows], n):
        refuse(name, "has ranks that its rows cannot have")
    if not all(map(_ties_are_neighbours, table.sensitivity.rules.values())):
        refuse(name, "has a ranking rule whose ties are not neighbours in its order")
    for axis in table.subgroups.axes if table.subgroups else ():
        groups = {g.name for g in axis.groups}
        for group, steps in axis.rank_steps.items():
            whole = len(steps.low) == len(steps.high) and _possible(steps.ranges(), n)
            if group not in groups or not whole:
                refuse(name, "has ranks in subgroups that its rows cannot have")


def _possible(ranges: Sequence[tuple[int, int]], n: int) -> bool:
    """Whether these are ranges of ranks within a board of `n` rows, one for each row."""
    return len(ranges) == n and all(0 < low <= high <= n for low, high in ranges)


def _ties_are_neighbours(rule: RuleOrder) -> bool:
    """Whether each group of ties is a part of the order, further down than the group before."""
    places = {model: i for i, model in enumerate(rule.order)}
    end = 0
    for tied in rule.ties:
        start = places.get(tied[0], -1) if tied else -1
        if start < end or rule.order[start : start + len(tied)] != tied:
            return False
        end = start + len(tied)
    return len(places) == len(rule.order)


RANKING: Final = frozenset({"tied_with_best", "cluster", "why_unranked"})
"""Fields of a row that follow from all records of a board together, not only from its own."""


def _check_row(row: Row, table: Table, board: Board, name: str, bundle: Bundle) -> None:
    """Checks that a row is what its record gives, recomputed; only ranks and reasons are its own."""
    folder = f"records/{board.dataset.id}/{board.track}"
    record = record_at(bundle, name, f"{folder}/{row.team}__{row.model}.json")
    nulls = tuple(record_at(bundle, name, f"{folder}/{r.team}__{r.model}.json") for r in table.nulls)
    signatures = {m.key: m.signature for m in table.metrics}
    if not signatures.keys() <= set(metric_keys()):
        refuse(name, "has a metric that main does not have")
    entrants = Entrants((), (), (), nulls, signatures, table.primary, ())
    gone = row.status == "withdrawn"
    again = record_row(
        WithdrawnRow if gone else Row, board, record, entrants, [] if gone else list(signatures)
    )
    if {k: _bare(c) for k, c in row.metrics.items()} != again.metrics:
        refuse(name, "has a row whose numbers differ from its record")
    _check_null_tests(row, {n.name for n in nulls}, table, board, name)
    # C22 compares a model's boards, so it is in its table and in no single record.
    marks = tuple(b for b in row.badges if b.code != "C22")
    if any(b not in again.badges for b in marks):
        refuse(name, "has a row with a badge that its record does not have")
    if marks != again.badges:
        refuse(name, "has a row without a badge that its record has")
    apart = {*RANKING, "metrics", "badges"}
    row_view, record_view = row.view(), again.view()
    if any(row_view.get(k) != v for k, v in record_view.items() if k not in apart):
        refuse(name, "has a row that contradicts its record")


def _bare(cell: MetricCell) -> MetricCell:
    """A cell without the interval of its gain, which needs scores."""
    gain = cell.gain_over_null
    if gain is None:
        return cell
    return cell.model_copy(update={"gain_over_null": gain.model_copy(update={"low": None, "high": None})})


def _check_null_tests(row: Row, nulls: AbstractSet[str], table: Table, board: Board, name: str) -> None:
    """Checks that tests and gains against baselines are the table's own, as coarse as its means, and match their p."""
    for test in row.against_nulls:
        if test.null not in nulls:
            refuse(name, "compares a model with a baseline that the table does not have")
        if test.outcome != "not_shown" and (
            test.p > ALPHA + TOLERANCE or (test.gain < 0) != (test.outcome == "below")
        ):
            refuse(name, "contradicts a baseline's test")
    ends = [(v, table.primary) for t in row.against_nulls for v in (t.gain, t.low, t.high)]
    gains = {k: c.gain_over_null for k, c in row.metrics.items() if c.gain_over_null is not None}
    ends += [(v, key) for key, gain in gains.items() for v in (gain.low, gain.high)]
    for value, key in ends:
        check_coarse(value, key, board, table.n, name)


def _check_pairs(pairs: Sequence[MetricPair], table: Table, key: str, board: Board, name: str) -> None:
    """Checks that pairs are of models that the table ranks, and as coarse as its means."""
    if not {m for p in pairs for m in (p.a, p.b)} <= {r.id for r in table.rows}:
        refuse(name, "compares models that the table does not rank")
    if step_of(board.dataset.exposure, key, table.n) is None:
        return
    # Many pairs have few distinct numbers: each is one of the steps.
    for value in {v for p in pairs for v in (p.difference, p.low, p.high) if v is not None}:
        check_coarse(value, key, board, table.n, name)


def check_pairwise(bundle: Bundle, name: str) -> None:
    """Checks that pairs are of models that the board ranks, on metrics that main knows, with the table's digest."""
    if name in map(pairwise_name, all_tracks()):
        return  # `check_overall` compares them with the overall table
    board = board_of(name)
    path = f"tables/{board.name}.json"
    if path not in bundle.content:
        refuse(name, "is for a board without a table")
    table = typed_content(bundle, path, "table", Table)
    try:
        value = read_pairwise(bundle.folder / name, table)
    except RexrankError:
        refuse(name, "is not a file of pairwise differences in the runner's format")
    check_metrics(value.metrics, name)
    for key, pairs in value.metrics.items():
        _check_pairs(pairs, table, key, board, name)
    if pairwise_digest(value) != table.pairwise_sha256:
        refuse(name, "does not match the digest in the table")
    worse = better_counts(with_pairs(table, value).pairs)
    if any(r.worse_than != worse[r.id] for r in table.rows):
        refuse(name, "contradicts the table about which models are better")


def check_overview(bundle: Bundle) -> None:
    """Nothing; raises `RexrankError` unless the overview exists if tables do, and follows from them."""
    order = [f"tables/{d}.{t}.json" for d in dataset_ids() for t in get_dataset(d).tracks]
    expected = overview([typed_content(bundle, n, "table", Table) for n in order if n in bundle.content])
    there = [n in bundle.names for n in ("overview.json", "overview.csv")]
    if there[0] != there[1] or (expected.boards and not there[0]):
        raise RexrankError("the bundle has tables without their overview. Nothing is published from it.")
    if there[0] and bundle.content["overview.json"] != expected.view():
        refuse("overview.json", "does not match the tables")
    if there[1] and (bundle.folder / "overview.csv").read_bytes() != tables.overview_csv(expected).encode():
        refuse("overview.csv", "does not match the tables")
