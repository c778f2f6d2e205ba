"""Records in, tables out: one board, or all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from evaluator.core.files import dump_json, write_text
from evaluator.leaderboard import table_files as tables
from evaluator.leaderboard.analysis import analyse_board
from evaluator.leaderboard.eligibility import Entrants, name_of, read_releases, sort_entrants, usable
from evaluator.leaderboard.history import append_history, changes
from evaluator.leaderboard.pairwise import board_pairwise
from evaluator.leaderboard.ranking import board_keys, check_frames, make_table, mark_contamination, overview
from evaluator.leaderboard.subgroups import board_subgroups
from evaluator.leaderboard.table import Table, read_tables
from evaluator.metrics.registry import get_metric
from evaluator.scoring.baselines import check_sanity
from evaluator.scoring.records import Board, boards, read_records, read_studies

if TYPE_CHECKING:
    import pandas as pd

    from evaluator.core.types import ProgressCallback

RESTORE: Final = (
    "Restore it from the repository, or remove it: the history then takes its models for new ones."
)
"""What helps against a damaged table when tables are being made."""


def rank_board(
    board: Board, leaderboard: Path, store: Path, *, rehearsal: bool, show: ProgressCallback | None = None
) -> Table:
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
    subgroups = board_subgroups(board, digest, frames, entrants.primary, null, show)
    table = table.model_copy(update={"subgroups": subgroups, "notes": (*table.notes, *notes)})
    pairwise = board_pairwise(board, digest, frames, columns)
    write_text(leaderboard / "pairwise" / f"{board.name}.json", dump_json(pairwise.view()))
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
    best = min(fitting, key=lambda r: (sign * r["metrics"][key]["mean"], r["model"]))
    return name_of(best), read_studies(leaderboard, store, board, best)


def rank_all(
    leaderboard: Path, store: Path, *, rehearsal: bool, show: ProgressCallback | None = None
) -> list[Table]:
    """The tables of every board, written as CSV, JSON and Markdown, with the overview.

    Tables of boards that have no record any more are removed.
    """
    folder = leaderboard / "tables"
    before = list(read_tables(folder, fix=RESTORE))
    made = [rank_board(b, leaderboard, store, rehearsal=rehearsal, show=show) for b in boards(leaderboard)]
    made = mark_contamination(made)
    written = set()
    for table in made:
        for suffix, render in (
            ("json", tables.table_json),
            ("csv", tables.table_csv),
            ("md", tables.table_markdown),
        ):
            write_text(folder / f"{table.name}.{suffix}", render(table))
            written.add(f"{table.name}.{suffix}")
    for stale in [*folder.glob("*.*.*"), *(leaderboard / "pairwise").glob("*.*.json")]:
        if stale.name not in written and not stale.name.startswith("."):
            stale.unlink()
    summary = overview(made)
    write_text(leaderboard / "overview.json", dump_json(summary.view()))
    write_text(leaderboard / "overview.csv", tables.overview_csv(summary))
    append_history(leaderboard, changes({(t.dataset, t.track): t for t in before}, made))
    return made
