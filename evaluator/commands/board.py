"""`rexrank rank`, `compare` and `site`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluator import tables
from evaluator.baselines import check_sanity
from evaluator.entrants import Entrants, name_of, read_releases, sort_entrants, usable
from evaluator.files import dump_json, write_text
from evaluator.groups import board_subgroups
from evaluator.history import append_history, changes
from evaluator.metrics.registry import get_metric
from evaluator.pairwise import board_pairwise
from evaluator.problems import RexrankError
from evaluator.progress import progress
from evaluator.ranking import board_keys, check_frames, make_table, mark_contamination, overview
from evaluator.records import Board, boards, read_records, read_studies
from evaluator.runs import store_directory
from evaluator.statistics.ties import by_cost
from evaluator.uncertainty import analyse_board

if TYPE_CHECKING:
    import pandas as pd

    from evaluator.metrics.base import ProgressCallback


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


def run_rank(leaderboard: Path, store: Path | None, *, rehearsal: bool) -> int:
    """0 after writing every table; raises `RexrankError` when there is nothing to rank."""
    with progress() as show:
        made = rank_all(leaderboard, store_directory(store), rehearsal=rehearsal, show=show)
    if not made:
        raise RexrankError(
            f"no record under {leaderboard / 'records'}. Score a submission first: rexrank score …"
        )
    for table in made:
        print_table(table)
    print(f"tables: {leaderboard / 'tables'}")
    return 0


def print_table(table: dict[str, Any]) -> None:
    """The board on standard output: rank ranges, names, displayed values with intervals."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    note = " – rehearsal with stand-ins, not results" if table["rehearsal"] else ""
    grid = Table(
        title=f"{table['title']}, {table['track']} track (n = {table['n']}, {table['n_clusters']} patients){note}",
        title_justify="left",
    )
    grid.add_column("Rank", justify="right")
    grid.add_column("Model")
    for metric in table["metrics"]:
        grid.add_column(metric["display_title"], justify="right")
    for row in tables.all_rows(table):
        kind = {"null": " (baseline)"}.get(row["kind"], "")
        cells = [_two_lines(tables.display_text(row["metrics"].get(m["key"]))) for m in table["metrics"]]
        grid.add_row(tables.rank_text(row), Text(f"{row['name']}{kind}"), *cells)
    console = Console()
    if not console.is_terminal:
        console = Console(width=40 + 18 * len(table["metrics"]))
    console.print(
        grid if tables.all_rows(table) else Text(f"{table['title']}, {table['track']} track: no row.")
    )
    for line in [*tables.unranked_notes(table), *table["notes"]]:
        console.print(Text(f"note: {line}"))


def _two_lines(text: str) -> str:
    return text.replace(" [", "\n\\[", 1)


def run_compare(a: str, b: str, dataset: str, track: str, leaderboard: Path, store: Path | None) -> int:
    """0 after printing the paired differences of two models."""
    from evaluator.comparison import compare_models, render_comparison
    from evaluator.datasets.registry import TRACKS, get_dataset

    if track not in TRACKS:
        raise RexrankError(f"there is no track {track!r}; choose findings or report.")
    board = Board(get_dataset(dataset), "findings" if track == "findings" else "report")
    by_name = {name_of(r): r for r in read_records(leaderboard, board, store_directory(store))}
    absent = [n for n in (a, b) if n not in by_name]
    if absent:
        raise RexrankError(
            f"{', '.join(absent)}: no record on {board.name}. There are: {', '.join(by_name) or 'none'}."
        )
    records = [by_name[n] for n in (a, b)]
    frames = {n: read_studies(leaderboard, store_directory(store), board, by_name[n]) for n in (a, b)}
    check_frames(board, frames)
    print(render_comparison(a, b, compare_models(board, records, [frames[a], frames[b]])))
    return 0


def run_site_build(leaderboard: Path, out: Path, config: Path) -> int:
    """0 after writing the pages and building the site."""
    from evaluator.pages.build import build

    build(leaderboard, config, out)
    print(f"site: {out / 'index.html'}")
    return 0


def run_site_serve(leaderboard: Path, config: Path, port: int) -> int:
    """0 when the server is stopped."""
    from evaluator.pages.build import serve

    serve(leaderboard, config, port)
    return 0
