"""What the pages are made of: the leaderboard's files, read and checked once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple

from evaluator.core.problems import RexrankError
from evaluator.leaderboard.history import Event, read_history
from evaluator.leaderboard.pairwise import Pairwise, read_pairwise
from evaluator.leaderboard.reported import ReportedRow, load_reported
from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table import OVERVIEW_SCHEMA, Overview, Table, read_overview, read_tables

TableKey = tuple[str, str]
REPOSITORY: Final = "https://github.com/rexrank/challenge"
NOTHING: Final = Overview(schema=OVERVIEW_SCHEMA, boards=())


class Entry(NamedTuple):
    """A model on one board: the board's table, the model's row of it, its record."""

    table: Table
    row: Row
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Content:
    """Everything a site shows. `models`: entries by `team/model`; `pairwise`: by (dataset, track).

    `texts` keeps what was read of reference texts, by board; `shown` which models have texts to show;
    `medians` by board and metric the usual median study.
    """

    leaderboard: Path
    site_url: str
    tables: Mapping[TableKey, Table] = field(default_factory=dict)
    models: Mapping[str, list[Entry]] = field(default_factory=dict)
    pairwise: Mapping[TableKey, Pairwise] = field(default_factory=dict)
    overview: Overview = NOTHING
    history: list[Event] = field(default_factory=list)
    reported: list[ReportedRow] = field(default_factory=list)
    texts: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    shown: dict[str, bool] = field(default_factory=dict)
    medians: dict[str, dict[str, float]] = field(default_factory=dict)


def read_content(leaderboard: Path, site_url: str) -> Content:
    """The leaderboard's files; raises `RexrankError` for one that is damaged or keeps no schema."""
    tables: dict[TableKey, Table] = {}
    for table in read_tables(leaderboard / "tables"):
        tables[table.dataset, table.track] = table
    overview = leaderboard / "overview.json"
    pairs = [read_pairwise(p) for p in sorted((leaderboard / "pairwise").glob("*.*.json"))]
    return Content(
        leaderboard=leaderboard,
        site_url=site_url if site_url.endswith("/") else f"{site_url}/",
        tables=tables,
        models=_models(leaderboard, tables),
        pairwise={(p.dataset, p.track): p for p in pairs if (p.dataset, p.track) in tables},
        overview=read_overview(overview) if overview.is_file() else NOTHING,
        history=read_history(leaderboard),
        reported=list(load_reported(leaderboard / "reported")),
    )


def _models(leaderboard: Path, tables: Mapping[TableKey, Table]) -> dict[str, list[Entry]]:
    models: dict[str, list[Entry]] = {}
    for table in tables.values():
        for row in table.all_rows:
            if row.kind == "submission":
                entry = Entry(table, row, read_json(leaderboard / row.record))
                models.setdefault(row.id, []).append(entry)
    return dict(sorted(models.items()))


def metric_title(event: Event, content: Content) -> str:
    """What readers call the metric by which an event's board ranked, in the form in which it is shown."""
    table, primary = content.tables.get((event.dataset, event.track)), str(event.primary or "")
    column = table.column(primary) if table else None
    return column.display_title if column else primary


def read_json(path: Path) -> Any:
    """The value of a JSON file of the leaderboard."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RexrankError(
            f"cannot read {path}: {error}. Make the tables again with: rexrank rank"
        ) from error


def schema_text(name: str) -> str:
    """The text of a JSON Schema that ships with the package, such as `table-v1`."""
    return resources.files("evaluator.schemas").joinpath(f"{name}.schema.json").read_text("utf-8")
