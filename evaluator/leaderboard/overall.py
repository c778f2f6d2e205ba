"""Which model is best across all datasets: one row per model, with its rank ranges and an overall one.

Everything except the overall tests follows from the boards' own tables, so that the publisher can recompute
it (`skeleton`, `with_ranks`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from evaluator.core.types import FloatArray
from evaluator.datasets.challenge import OverallSetting
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.tasks.task import all_tracks
from evaluator.leaderboard.overall_table import (
    OVERALL_SCHEMA,
    BoardRanks,
    OverallBoard,
    OverallPlaces,
    OverallRanks,
    OverallRow,
    OverallTable,
    having,
)
from evaluator.leaderboard.pairwise import overall_pairwise
from evaluator.leaderboard.pairwise_file import pairwise_digest
from evaluator.leaderboard.row import RankedRow
from evaluator.leaderboard.table import PairTest, Table
from evaluator.metrics.registry import get_metric
from evaluator.statistics import bootstrap
from evaluator.statistics.board_analysis import PairResult
from evaluator.statistics.overall import Overall, Population, analyse_overall
from evaluator.statistics.ranks import Place, places_of
from evaluator.statistics.rounding import coarse, p_class
from evaluator.statistics.ties import by_cost, levels

RULE: Final = "overall/v1"
"""Name and version: equal-weight mean, over the boards, of standardised differences in their ranking metric."""
STEP: Final = 0.01
"""Rounding of scores, differences and intervals: far coarser than one study's influence on any dataset."""


class PrimaryScores(NamedTuple):
    """Per-study scores of a board's ranked models on its ranking metric, by id; the patients; the board's seed."""

    values: Mapping[str, FloatArray]
    patients: Sequence[str]
    seed: int


def make_overall(
    track: str, setting: OverallSetting, tables: Mapping[str, Table], scores: Mapping[str, PrimaryScores]
) -> OverallTable:
    """The overall table of a track from its boards' tables and scores, both by dataset.

    Models ranked on all boards have an overall rank and 95 % intervals; the others are listed without one.
    """
    table = skeleton(track, setting, tables)
    ids = sorted(r.id for r in table.rows)
    if len(ids) < 2 or len({tables[b.dataset].primary for b in table.boards}) > 1:
        return table
    populations = [_population(tables[b.dataset], scores[b.dataset], ids) for b in table.boards]
    seed = bootstrap.seed_of("overall", track, "|".join(str(p.seed) for p in populations))
    analysis = analyse_overall(ids, populations, seed)
    without = {}
    for i, board in enumerate(table.boards if len(populations) > 1 else ()):
        rest = analyse_overall(ids, [p for j, p in enumerate(populations) if j != i], seed, intervals=False)
        places = _places(ids, _scores(rest), _pairs(rest.pairs, table))
        without[board.dataset] = dict(zip(ids, places, strict=True))
    boards = tuple(
        b.model_copy(update={"scale": float(f"{s:.2g}")})
        for b, s in zip(table.boards, analysis.scales, strict=True)
    )
    table = table.model_copy(
        update={
            "boards": boards,
            "band": float(f"{analysis.band:.2g}"),
            "pairs": _pairs(analysis.pairs, table),
        }
    )
    digest = pairwise_digest(overall_pairwise(table))
    table = table.model_copy(update={"pairwise_sha256": digest})
    ranges = {i: {d: (p[i].rank_low, p[i].rank_high) for d, p in without.items()} for i in ids}
    return with_ranks(table, dict(zip(ids, _scores(analysis), strict=True)), ranges)


def _population(table: Table, scores: PrimaryScores, ids: Sequence[str]) -> Population:
    metric = get_metric(table.primary)
    sign = -1.0 if metric.higher_is_better else 1.0
    values = np.column_stack([scores.values[i] for i in ids])
    return Population(
        sign * values, bootstrap.clusters_of(scores.patients), scores.seed, metric.equivalence or 0.0
    )


def _scores(analysis: Overall) -> list[float]:
    """Scores as published, higher is better: the basis of order and ties, so that readers can follow both."""
    return [_shown(-float(c)) for c in analysis.cost]


def _shown(value: float) -> float:
    """A number rounded to the step, in its shortest form."""
    return round(coarse(value, STEP), 2)


def _pairs(pairs: Sequence[PairResult], table: OverallTable) -> tuple[PairTest, ...]:
    """The tests as published: leads of a over b."""
    withheld = any(get_dataset(b.dataset).exposure.ladder for b in table.boards)

    def shown(value: float | None) -> float | None:
        return None if value is None else _shown(0 - value)

    return tuple(
        PairTest(
            a=p.a,
            b=p.b,
            difference=_shown(0 - p.difference),
            low=shown(p.high),
            high=shown(p.low),
            p=p_class(p.p) if withheld else p.p,
            better=p.better,
            matters=p.matters,
        )
        for p in pairs
    )


def _places(ids: Sequence[str], scores: Sequence[float], pairs: Sequence[PairTest]) -> list[Place]:
    """Places only from published scores and tests."""
    index = {name: i for i, name in enumerate(ids)}
    better = np.zeros((len(ids), len(ids)), dtype=np.bool_)
    for pair in pairs:
        if pair.separates:
            ahead, behind = (pair.a, pair.b) if pair.better == "a" else (pair.b, pair.a)
            better[index[ahead], index[behind]] = True
    return places_of(levels([-s for s in scores]), better)


def with_ranks(
    table: OverallTable,
    scores: Mapping[str, float],
    without: Mapping[str, Mapping[str, tuple[int, int]]],
    ranks: Mapping[str, OverallRow] | None = None,
) -> OverallTable:
    """The table with overall ranks from these scores and the table's own pairs, or those of `ranks`; best first."""
    ids = sorted(scores)
    if ranks:
        tied = {i: ranks[i].tied_with_best for i in ids}
        ranges = {i: ranks[i].places.overall for i in ids}
    else:
        places = dict(zip(ids, _places(ids, [scores[i] for i in ids], table.pairs), strict=True))
        tied = {i: p.tied_with_best for i, p in places.items()}
        ranges = {i: (p.rank_low, p.rank_high) for i, p in places.items()}
    rows = []
    for row in table.rows:
        rows.append(row.model_copy(update={"tied_with_best": tied[row.id], "score": scores[row.id]}))
        rows[-1].take(row.places._replace(overall=ranges[row.id], without=without[row.id]))
    ordered = tuple(by_cost(rows, [-scores[r.id] for r in rows]))
    boards, overall = _columns(table.boards, ordered, table.incomplete)
    return table.model_copy(update={"rows": ordered, "boards": boards, "ranks": overall})


def _columns(
    boards: Sequence[OverallBoard], rows: Sequence[OverallRow], incomplete: Sequence[OverallRow]
) -> tuple[tuple[OverallBoard, ...], OverallRanks]:
    """The boards with the ranks of these rows, and the rows' overall ranks."""

    def of_board(board: OverallBoard) -> OverallBoard:
        places = [r.boards.get(board.dataset) for r in (*rows, *incomplete)]
        ranks = BoardRanks(
            low=tuple(p.low if p else None for p in places),
            high=tuple(p.high if p else None for p in places),
            worse_than=tuple(p.worse_than if p else None for p in places),
        )
        without = [r.without[board.dataset] for r in rows if board.dataset in r.without]
        return board.model_copy(update={"ranks": ranks, "without": _overall_ranks(without)})

    overall = [r.places.overall for r in rows if r.places.overall]
    return tuple(map(of_board, boards)), _overall_ranks(overall)


def _overall_ranks(ranges: Sequence[tuple[int, int]]) -> OverallRanks:
    return OverallRanks(low=tuple(low for low, _ in ranges), high=tuple(high for _, high in ranges))


def skeleton(track: str, setting: OverallSetting, tables: Mapping[str, Table]) -> OverallTable:
    """Everything that follows from the boards' tables: rows in the order of ids, without overall ranks and tests."""
    datasets = having(setting, track)
    blocks = {d: b.title for b in setting.blocks for d in b.datasets}
    boards = tuple(_board(d, blocks[d], tables.get(d)) for d in datasets)
    ranked = {d: {r.id: r for r in tables[d].rows} if d in tables else {} for d in datasets}
    known: dict[str, str] = {}
    for dataset in datasets:
        for row in (*tables[dataset].rows, *tables[dataset].incomplete) if dataset in tables else ():
            known.setdefault(row.id, row.name)
    rows = [_row(i, known[i], datasets, tables, ranked) for i in sorted(known)]
    complete = tuple(r for r in rows if not r.lacks)
    # tie: the id; counts are whole
    incomplete = tuple(sorted((r for r in rows if r.lacks), key=lambda r: (len(r.lacks), r.id)))
    primaries = sorted({tables[d].primary for d in datasets if d in tables})
    columns, overall = _columns(boards, complete, incomplete)
    return OverallTable(
        schema=OVERALL_SCHEMA,
        track=track,
        rule=RULE,
        primary=primaries[0] if len(primaries) == 1 else all_tracks()[track].primary,
        rehearsal=any(tables[d].rehearsal for d in datasets if d in tables),
        boards=columns,
        ranks=overall,
        step=STEP,
        band=None,
        rows=complete,
        incomplete=incomplete,
        pairs=(),
        pairwise_sha256=None,
        notes=tuple(_notes(boards, complete, primaries)),
    )


def _board(dataset: str, block: str, table: Table | None) -> OverallBoard:
    return OverallBoard(
        dataset=dataset,
        title=get_dataset(dataset).title,
        block=block,
        n=table.n if table else 0,
        n_clusters=table.n_clusters if table else 0,
        n_models=len(table.rows) if table else 0,
        scale=None,
        ranks=BoardRanks(low=(), high=(), worse_than=()),
        without=_overall_ranks(()),
    )


def _row(
    name: str,
    title: str,
    datasets: Sequence[str],
    tables: Mapping[str, Table],
    ranked: Mapping[str, Mapping[str, RankedRow]],
) -> OverallRow:
    places = {d: row.ranks for d in datasets if (row := ranked[d].get(name)) is not None}
    gaps = {d: _why(tables.get(d), name) for d in datasets if name not in ranked[d]}
    never = not gaps and not any(p.worse_than for p in places.values())
    listed = OverallRow(id=name, name=title, tied_with_best=False, score=None, never_worse=never, lacks=gaps)
    listed.take(OverallPlaces(boards=places))
    return listed


def _why(table: Table | None, name: str) -> str:
    row = next((r for r in table.all_rows if r.id == name), None) if table else None
    if row is None:
        return "not entered"
    if row.status == "withdrawn":
        return "withdrawn"
    return row.why_unranked or "no rank"


def _notes(
    boards: Sequence[OverallBoard], complete: Sequence[OverallRow], primaries: Sequence[str]
) -> list[str]:
    names = ", ".join(b.title for b in boards)
    if len(primaries) > 1:
        return [
            (
                f"There is no overall rank yet: the boards are ranked by different metrics ({', '.join(primaries)}). The rank ranges on each dataset are listed below."
            )
        ]
    if len(complete) >= 2:
        return []
    n = "One model is" if complete else "No model is"
    return [
        (
            f"There is no overall rank yet: {n.lower()} ranked on all of {names}, and a ranking needs at least two. The rank ranges on each dataset are listed below."
        )
    ]
