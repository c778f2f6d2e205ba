"""`rexrank rank`, `compare` and `site`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from evaluator.cli.output import result
from evaluator.cli.progress import progress
from evaluator.core.counts import count_text
from evaluator.core.problems import InputError
from evaluator.core.workspace import store_directory
from evaluator.datasets.tasks.task import track_title
from evaluator.leaderboard import table_files as tables
from evaluator.leaderboard.overall_table import range_text, read_overall
from evaluator.leaderboard.rank import rank_all
from evaluator.leaderboard.ranking import check_frames
from evaluator.leaderboard.table import Table
from evaluator.scoring.records import Board, boards, collect, read_records, read_studies


def run_rank(leaderboard: Path, store: Path | None, *, rehearsal: bool) -> int:
    """0 after writing every table; raises `InputError`, changing nothing, if there is nothing to rank."""
    if not any(boards(leaderboard)):
        raise InputError(
            f"no records in {leaderboard / 'records'}. Score a submission first: rexrank score …"
        )
    with progress() as show:
        tables = rank_all(leaderboard, store_directory(store), rehearsal=rehearsal, show=show)
    result([{"dataset": t.dataset, "track": t.track, "rows": [r.name for r in t.all_rows]} for t in tables])
    for table in tables:
        print_table(table)
    print(f"tables: {leaderboard / 'tables'}")
    for path in sorted(leaderboard.glob("overall.*.md")):
        print(f"across all datasets: {path}")
    return 0


def print_table(table: Table) -> None:
    """The board on standard output: rank ranges, names, displayed values with intervals."""
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    note = " – rehearsal with stand-ins, not results" if table.rehearsal else ""
    grid = Grid(
        title=f"{table.title}, {track_title(table.track)} (n = {table.n}, {count_text(table.n_clusters, 'patient')}){note}",
        title_justify="left",
    )
    grid.add_column("Rank", justify="right")
    grid.add_column("Model")
    for metric in table.metrics:
        grid.add_column(metric.display_title, justify="right")
    for row in table.all_rows:
        kind = {"null": " (baseline)"}.get(row.kind, "")
        cells = [_two_lines(tables.cell_text(row, m.key)) for m in table.metrics]
        grid.add_row(tables.rank_text(row), Text(f"{row.name}{kind}"), *cells)
    console = Console()
    if not console.is_terminal:
        console = Console(width=40 + 18 * len(table.metrics))
    console.print(grid if table.all_rows else Text(f"{table.title}, {track_title(table.track)}: no rows."))
    for line in [*tables.unranked_notes(table), *tables.baseline_notes(table), *table.notes]:
        console.print(Text(f"note: {line}"))


def _two_lines(text: str) -> str:
    return text.replace(" [", "\n\\[", 1)


def run_compare(a: str, b: str, dataset: str, track: str, leaderboard: Path, store: Path | None) -> int:
    """0 after printing the paired differences of two models.

    Raises `InputError` for a model, track or folder that does not exist.
    """
    from evaluator.datasets.registry import get_dataset
    from evaluator.leaderboard.compare import compare_models, render_comparison

    board = Board(get_dataset(dataset), track or next(iter(get_dataset(dataset).tracks)))
    if board.track not in board.dataset.tracks:
        known = ", ".join(board.dataset.tracks)
        raise InputError(f"{dataset} has no track {track!r}; choose one of: {known}.")
    by_name = {r.name: r for r in read_records(leaderboard, board, store_directory(store))}
    absent = [n for n in (a, b) if n not in by_name]
    if absent:
        raise InputError(
            f"{', '.join(absent)}: no record on {board.name}. There are: {', '.join(by_name) or 'none'}."
        )
    records = [by_name[n] for n in (a, b)]
    readers = [partial(read_studies, leaderboard, store_directory(store), board, r) for r in records]
    frames = dict(zip((a, b), collect(readers), strict=True))
    check_frames(board, frames)
    comparison = compare_models(board, records, [frames[a], frames[b]])
    result([asdict(difference) for difference in comparison])
    print(render_comparison(a, b, comparison))
    for line in _overall_lines(leaderboard, board, (a, b)):
        print(line)
    return 0


def _overall_lines(leaderboard: Path, board: Board, models: Sequence[str]) -> list[str]:
    """The overall ranks of models, if they have any, read from the table that ranking has written."""
    path = leaderboard / f"overall.{board.track}.json"
    if not path.is_file():
        return []
    table = read_overall(path)
    rows = {r.id: r for r in table.rows}
    places = [
        f"{m} rank {range_text(rows[m].rank_low, rows[m].rank_high)} of {len(rows)}"
        for m in models
        if m in rows and rows[m].rank_low is not None
    ]
    titles = ", ".join(b.title for b in table.boards)
    return ["", f"over {titles}: {'; '.join(places)}"] if places else []


def run_site_build(leaderboard: Path, out: Path, config: Path) -> int:
    """0 after writing the pages and building the site."""
    from evaluator.site.build import build

    _require_folder(leaderboard)
    build(leaderboard, config, out)
    result({"site": str(out / "index.html")})
    print(f"site: {out / 'index.html'}")
    return 0


def run_site_serve(leaderboard: Path, config: Path, port: int) -> int:
    """0 once the server is stopped."""
    from evaluator.site.build import serve

    _require_folder(leaderboard)
    result({"port": port})
    serve(leaderboard, config, port)
    return 0


def _require_folder(leaderboard: Path) -> None:
    if not leaderboard.is_dir():
        raise InputError(f"{leaderboard} is not a folder. Name the leaderboard with --leaderboard.")
