"""Records in, tables out: one board, or all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluator.core.files import dump_json, write_text
from evaluator.leaderboard import table_files as tables
from evaluator.leaderboard.analysis import analyse_board
from evaluator.leaderboard.eligibility import Entrants, name_of, read_releases, sort_entrants, usable
from evaluator.leaderboard.history import append_history, changes
from evaluator.leaderboard.pairwise import board_pairwise
from evaluator.leaderboard.ranking import board_keys, check_frames, make_table, mark_contamination, overview
from evaluator.leaderboard.subgroups import board_subgroups
from evaluator.metrics.registry import get_metric
from evaluator.scoring.baselines import check_sanity
from evaluator.scoring.records import Board, boards, read_records, read_studies
from evaluator.statistics.ties import by_cost

if TYPE_CHECKING:
    import pandas as pd

    from evaluator.core.types import ProgressCallback


def rank_board(
    board: Board, leaderboard: Path, store: Path, *, rehearsal: bool, show: ProgressCallback | None = None
) -> dict[str, Any]:
    """The table of one board, from its records and per-study scores."""
    records = read_records(leaderboard, board, store)
    entrants = sort_entrants(board, records, rehearsal=rehearsal, released=read_releases(leaderboard))
    notes = check_sanity(leaderboard, board, entrants.signatures)
    frames = {name_of(r): read_studies(leaderboard, store, board, r) for r in entrants.ranked}
    check_frames(board, frames)
    keys = board_keys(entrants)
    columns = {name_of(r): [k for k in keys if usable(r, k, entrants.signatures)] for r in entrants.ranked}
    digest = entrants.ranked[0]["provenance"]["references_sha256"] if entrants.ranked else ""
    analysis = analyse_board(board, digest, frames, columns, entrants.primary, show)
    table = make_table(board, entrants, analysis, rehearsal=rehearsal)
    null = _best_null(board, entrants, leaderboard, store)
    table["subgroups"] = board_subgroups(board, digest, frames, entrants.primary, null, show)
    table["notes"] += notes
    pairwise = board_pairwise(board, digest, frames, columns)
    write_text(leaderboard / "pairwise" / f"{board.name}.json", dump_json(pairwise))
    return table


def _best_null(
    board: Board, entrants: Entrants, leaderboard: Path, store: Path
) -> tuple[str, pd.DataFrame] | None:
    """The null row that is best on the primary metric, and its per-study scores."""
    key = entrants.primary
    sign = -1 if get_metric(key).higher_is_better else 1
    fitting = [r for r in entrants.nulls if usable(r, key, entrants.signatures)]
    if not fitting:
        return None
    by_name = sorted(fitting, key=lambda r: str(r["model"]))  # tie: none, names differ
    best = by_cost(by_name, [sign * r["metrics"][key]["mean"] for r in by_name])[0]
    return name_of(best), read_studies(leaderboard, store, board, best)


def rank_all(
    leaderboard: Path, store: Path, *, rehearsal: bool, show: ProgressCallback | None = None
) -> list[dict[str, Any]]:
    """The tables of every board, written as CSV, JSON and Markdown, with the overview.

    Tables of boards that have no record any more are removed.
    """
    folder = leaderboard / "tables"
    before = [json.loads(p.read_text("utf-8")) for p in sorted(folder.glob("*.*.json"))]
    made = [rank_board(b, leaderboard, store, rehearsal=rehearsal, show=show) for b in boards(leaderboard)]
    mark_contamination(made)
    written = set()
    for table in made:
        name = f"{table['dataset']}.{table['track']}"
        for suffix, render in (
            ("json", tables.table_json),
            ("csv", tables.table_csv),
            ("md", tables.table_markdown),
        ):
            write_text(folder / f"{name}.{suffix}", render(table))
            written.add(f"{name}.{suffix}")
    for stale in [*folder.glob("*.*.*"), *(leaderboard / "pairwise").glob("*.*.json")]:
        if stale.name not in written and not stale.name.startswith("."):
            stale.unlink()
    summary = overview(made)
    write_text(leaderboard / "overview.json", dump_json(summary))
    write_text(leaderboard / "overview.csv", tables.overview_csv(summary))
    append_history(leaderboard, changes({(t["dataset"], t["track"]): t for t in before}, made))
    return made
