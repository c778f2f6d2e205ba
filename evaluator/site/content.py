"""The data behind the pages: the leaderboard's files, read and checked once."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from evaluator.core.problems import RexrankError
from evaluator.datasets.challenge import OverallSetting, challenge
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.tasks.task import all_tracks
from evaluator.leaderboard.history import HISTORY, Event, read_history
from evaluator.leaderboard.overall_check import objection
from evaluator.leaderboard.overall_files import overall_csv, overall_markdown, pairwise_name
from evaluator.leaderboard.overall_table import OverallTable, having, read_overall
from evaluator.leaderboard.pairwise import Pairwise, with_pairs
from evaluator.leaderboard.pairwise_file import pairwise_digest, read_pairwise
from evaluator.leaderboard.ranking import overview
from evaluator.leaderboard.reported import ReportedRow, load_reported
from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table import OVERVIEW_SCHEMA, Overview, Table, read_table
from evaluator.leaderboard.table_files import table_csv, table_markdown
from evaluator.scoring.case_texts import CaseTexts
from evaluator.scoring.record import Record
from evaluator.scoring.records import Board, all_boards, boards, collect, load_record, record_path

_T = TypeVar("_T")
TableKey = tuple[str, str]
RANK_AGAIN: Final = "Rebuild the tables with: rexrank rank"
NOTHING: Final = Overview(schema=OVERVIEW_SCHEMA, boards=())


class Entry(NamedTuple):
    """A model on one board: the board's table, the model's row in it, its record."""

    table: Table
    row: Row
    record: Record


@dataclass(frozen=True)
class Content:
    """Everything a site shows. `models`: entries by `team/model`; `pairwise`: by (dataset, track); `overall`: by track.

    `texts` caches reference texts, by board; `shown`, which models have texts to show; `medians`, by board
    and metric, the usual median study.
    """

    leaderboard: Path
    site_url: str
    tables: Mapping[TableKey, Table] = field(default_factory=dict)
    models: Mapping[str, list[Entry]] = field(default_factory=dict)
    pairwise: Mapping[TableKey, Pairwise] = field(default_factory=dict)
    overview: Overview = NOTHING
    overall: Mapping[str, OverallTable] = field(default_factory=dict)
    setting: OverallSetting = field(default_factory=lambda: challenge().overall)
    history: list[Event] = field(default_factory=list)
    reported: list[ReportedRow] = field(default_factory=list)
    texts: dict[str, CaseTexts | None] = field(default_factory=dict)
    shown: dict[str, bool] = field(default_factory=dict)
    medians: dict[str, dict[str, float]] = field(default_factory=dict)


def read_content(leaderboard: Path, site_url: str) -> Content:
    """The leaderboard's files; raises `RexrankError` that names every damaged one and says how to fix it."""
    listing = [b for b in all_boards() if _has_table(leaderboard, b)]
    unranked = [b.name for b in boards(leaderboard) if b not in listing]
    if unranked:
        raise RexrankError(f"there are records but no table for {', '.join(unranked)}. {RANK_AGAIN}")
    files = collect([partial(_read_board, leaderboard, b) for b in listing])
    tables: dict[TableKey, Table] = {(t.dataset, t.track): t for t, _ in files}
    setting = challenge().overall
    history, fragment = read_history(leaderboard)
    if fragment:
        sys.stderr.write(
            f"rexrank: the last line of {leaderboard / HISTORY} is incomplete and was skipped. {RANK_AGAIN}\n"
        )
    return Content(
        leaderboard=leaderboard,
        site_url=site_url if site_url.endswith("/") else f"{site_url}/",
        tables=tables,
        models=_models(leaderboard, tables),
        pairwise={(t.dataset, t.track): pairs for t, pairs in files if pairs is not None},
        overview=overview(list(tables.values())),
        overall=_overall(leaderboard, setting, tables),
        setting=setting,
        history=history,
        reported=list(load_reported(leaderboard / "reported")),
    )


def _has_table(leaderboard: Path, board: Board) -> bool:
    path = leaderboard / "tables" / f"{board.name}.json"
    return path.exists() or path.is_symlink()


def _read_board(leaderboard: Path, board: Board) -> tuple[Table, Pairwise | None]:
    """A board's table and pairs, `None` without them.

    Raises `RexrankError` if they are no longer as ranking wrote them.
    """
    path = leaderboard / "tables" / f"{board.name}.json"
    table = read_table(path)
    if (table.dataset, table.track) != (board.dataset.id, board.track):
        raise RexrankError(f"{path} belongs to another board. {RANK_AGAIN}")
    for suffix, render in ((".csv", table_csv), (".md", table_markdown)):
        # The site renders both again: they are read only to check that they belong to this table.
        if not _holds(path.with_suffix(suffix), render, table):
            raise RexrankError(f"{path} and {path.with_suffix(suffix).name} do not agree. {RANK_AGAIN}")
    pairs = _pairwise(leaderboard / "pairwise" / f"{board.name}.parquet", table)
    return (table if pairs is None else with_pairs(table, pairs)), pairs


def _pairwise(path: Path, table: Table) -> Pairwise | None:
    """A board's pairs; `None`, with a note on standard error, if only the table is available."""
    if not path.exists() and not path.is_symlink():
        sys.stderr.write(
            f"rexrank: {path} is missing: the site offers no model comparison on this board. {RANK_AGAIN}\n"
        )
        return None
    pairs = read_pairwise(path, table)
    if pairwise_digest(pairs) != table.pairwise_sha256:
        raise RexrankError(f"{path} does not match the digest in the table. {RANK_AGAIN}")
    return pairs


def _overall(
    leaderboard: Path, setting: OverallSetting, tables: Mapping[TableKey, Table]
) -> dict[str, OverallTable]:
    """The overall tables by track.

    Raises `RexrankError` for one that is not for these boards or differs from its CSV.
    """
    overall: dict[str, OverallTable] = {}
    for track in all_tracks():
        here = {d: tables[d, track] for d in having(setting, track) if (d, track) in tables}
        path = leaderboard / f"overall.{track}.json"
        if not here:
            continue
        table = read_overall(path)
        pairs = _overall_pairwise(leaderboard / pairwise_name(track), table)
        why = objection(table, setting, here, pairs)
        if why is not None or table.track != track:
            raise RexrankError(f"{path} {why or 'belongs to another track'}. {RANK_AGAIN}")
        for suffix, render in ((".csv", overall_csv), (".md", overall_markdown)):
            if not _holds(path.with_suffix(suffix), render, table):
                raise RexrankError(f"{path} and {path.with_suffix(suffix).name} do not agree. {RANK_AGAIN}")
        overall[track] = table if pairs is None else with_pairs(table, pairs)
    return overall


def _overall_pairwise(path: Path, table: OverallTable) -> Pairwise | None:
    """The pairs of an overall table; `None` for one without ranks, and if only the table is available."""
    if table.pairwise_sha256 is None:
        return None
    if not path.exists() and not path.is_symlink():
        sys.stderr.write(
            f"rexrank: {path} is missing: the site offers no tests of the overall rank. {RANK_AGAIN}\n"
        )
        return None
    return read_pairwise(path, table)


def _holds(path: Path, render: Callable[[_T], str], table: _T) -> bool:
    try:
        return path.is_file() and path.read_bytes() == render(table).encode()
    except (OSError, ValueError):
        return False


def _models(leaderboard: Path, tables: Mapping[TableKey, Table]) -> dict[str, list[Entry]]:
    rows = [(table, row) for table in tables.values() for row in table.all_rows if row.kind == "submission"]
    entries = collect([partial(_entry, leaderboard, table, row) for table, row in rows])
    models: dict[str, list[Entry]] = {}
    for entry in entries:
        models.setdefault(entry.row.id, []).append(entry)
    return dict(sorted(models.items()))


def _entry(leaderboard: Path, table: Table, row: Row) -> Entry:
    board = Board(get_dataset(table.dataset), table.track)
    path = record_path(leaderboard, board.dataset.id, board.track, row.team, row.model)
    if not path.exists() and not path.is_symlink():
        raise RexrankError(f"there is no record {path}, which a row of {board.name} refers to. {RANK_AGAIN}")
    return Entry(table, row, load_record(path, board))


def metric_title(event: Event, content: Content) -> str:
    """The title of the metric by which an event's board ranked, in the form in which it is shown."""
    table, primary = content.tables.get((event.dataset, event.track)), event.primary or ""
    column = table.column(primary) if table else None
    return column.display_title if column else primary


def schema_text(name: str) -> str:
    """The text of a JSON Schema as the site serves it, such as `table-v2`: the package's, with its address as `$id`."""
    schema = json.loads(
        resources.files("evaluator.schemas").joinpath(f"{name}.schema.json").read_text("utf-8")
    )
    address = f"{challenge().site}data/schemas/{name}.schema.json"
    return (
        json.dumps({"$schema": schema["$schema"], "$id": address, **schema}, indent=2, ensure_ascii=False)
        + "\n"
    )
