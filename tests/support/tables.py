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


def typed(value: Mapping[str, Any]) -> Table:
    """The table of a JSON value."""
    return parse_table(value, "test.json")


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
        "status": "active", "submitted": "2026-01-02", "rank": 1, "rank_low": 1, "rank_high": 2, "tied_with_best": True,
        "metrics": {}, "badges": [], "diagnostics": {}, "pull_request": 7,
        "record": f"records/sandbox/findings/{team}__{model}.json", **fields,
    }  # fmt: skip


def table(*rows: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """A board as JSON: `rows` are ranked."""
    column = {
        "key": "bleu_2", "title": "BLEU-2", "display_title": "BLEU-2", "family": "lexical", "higher_is_better": True,
        "reciprocal": False, "signature": "bleu_2|v1",
    }  # fmt: skip
    return {
        "schema": "rexrank/table/v2", "dataset": "sandbox", "track": "findings", "title": "Sandbox", "access": "public",
        "n": 3, "n_clusters": 2, "protocol": "clean", "primary": "bleu_2", "rule": "primary/v1", "step": None,
        "rehearsal": False, "metrics": [column], "rows": list(rows), "incomplete": [], "withdrawn": [], "nulls": [],
        "notes": [], "resolution": {}, "sensitivity": {}, "stability": {}, "subgroups": None, **fields,
    }  # fmt: skip


def ranked(board: Board, entrants: Entrants, *, rehearsal: bool = False) -> Table:
    """The board with places that say nothing: every ranked model may stand anywhere."""
    names = [r.name for r in entrants.ranked]
    place = Place(rank_low=1, rank_high=max(1, len(names)), tied_with_best=True, cluster=1)
    analysis = BoardAnalysis(dict.fromkeys(names, place), (), {}, {}, {})
    return make_table(board, entrants, Analysis(analysis) if names else None, rehearsal=rehearsal)
