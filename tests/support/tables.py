"""Tables and rows for tests: whole ones from the few fields that a test is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluator.leaderboard.analysis import Analysis
from evaluator.leaderboard.eligibility import Entrants
from evaluator.leaderboard.ranking import make_table
from evaluator.leaderboard.table import Table, parse_table
from evaluator.scoring.records import Board
from evaluator.statistics.board_analysis import BoardAnalysis
from evaluator.statistics.ranks import Place


def as_file(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table whose rows have their ranks, as a file has them: in `ranks`; 1 to 2 where a row has none."""
    least = {"low": 1, "high": 2, "worse_than": 0}
    keys = {"low": "rank_low", "high": "rank_high", "worse_than": "worse_than"}
    rows = [{k: v for k, v in r.items() if k not in keys.values()} for r in table["rows"]]
    ranks = {k: [r.get(key, least[k]) for r in table["rows"]] for k, key in keys.items()}
    return {**table, "rows": rows, "ranks": table.get("ranks", ranks)}


def typed(value: Mapping[str, Any]) -> Table:
    """The table of a JSON value whose rows have their ranks."""
    return parse_table(as_file(value), "test.json")


def cell(mean: float = 0.5, **fields: Any) -> dict[str, Any]:
    """A metric's cell as JSON."""
    display = {"value": mean, "low": None, "high": None, "note": ""}
    return {
        "mean": mean,
        "se": None,
        "low": None,
        "high": None,
        "n": 3,
        "n_failed": 0,
        "display": display,
        **fields,
    }


def row(id_: str = "team/model", **fields: Any) -> dict[str, Any]:
    """A row as JSON."""
    team, _, model = id_.partition("/")
    return {
        "id": id_, "team": team, "model": model, "name": model, "institution": "Somewhere", "kind": "submission",
        "status": "active", "submitted": "2026-01-02", "tied_with_best": True,
        "metrics": {}, "badges": [], "diagnostics": {}, "pull_request": 7,
        "record": f"records/sandbox/findings/{team}__{model}.json", **fields,
    }  # fmt: skip


def table(*rows: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """A board as JSON: `rows` are ranked, and may have their ranks."""
    column = {
        "key": "bleu_2", "title": "BLEU-2", "display_title": "BLEU-2", "family": "lexical", "higher_is_better": True,
        "reciprocal": False, "signature": "bleu_2|v1",
    }  # fmt: skip
    return as_file({
        "schema": "rexrank/table/v2", "dataset": "sandbox", "track": "findings", "title": "Sandbox", "access": "public",
        "n": 3, "n_clusters": 2, "protocol": "clean", "primary": "bleu_2", "rule": "primary/v1", "step": None,
        "rehearsal": False, "metrics": [column], "rows": list(rows), "incomplete": [], "withdrawn": [], "nulls": [],
        "notes": [], "resolution": {}, "sensitivity": {}, "stability": {}, "subgroups": None, **fields,
    })  # fmt: skip


def ranked(board: Board, entrants: Entrants, *, rehearsal: bool = False) -> Table:
    """The board with places that say nothing: every ranked model may stand anywhere."""
    names = [r.name for r in entrants.ranked]
    place = Place(rank_low=1, rank_high=max(1, len(names)), tied_with_best=True, cluster=1)
    analysis = BoardAnalysis(dict.fromkeys(names, place), (), {}, {}, {})
    return make_table(board, entrants, Analysis(analysis) if names else None, rehearsal=rehearsal)
