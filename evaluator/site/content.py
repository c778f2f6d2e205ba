"""What the pages are made of: the leaderboard's files, read and checked once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, NamedTuple

from evaluator.core.problems import RexrankError
from evaluator.leaderboard.history import read_history
from evaluator.leaderboard.reported import ReportedRow, load_reported
from evaluator.leaderboard.table_files import all_rows

TableKey = tuple[str, str]
REPOSITORY: Final = "https://github.com/rexrank/challenge"


class Entry(NamedTuple):
    """A model on one board: the board's table, the model's row of it, its record."""

    table: Mapping[str, Any]
    row: Mapping[str, Any]
    record: Mapping[str, Any]


@dataclass(frozen=True)
class Content:
    """Everything a site shows. `models`: entries by `team/model`; `pairwise`: by (dataset, track).

    `texts` keeps what was read of reference texts, by board; `shown` which models have texts to show;
    `medians` by board and metric the usual median study.
    """

    leaderboard: Path
    site_url: str
    tables: Mapping[TableKey, Mapping[str, Any]] = field(default_factory=dict)
    models: Mapping[str, list[Entry]] = field(default_factory=dict)
    pairwise: Mapping[TableKey, Mapping[str, Any]] = field(default_factory=dict)
    overview: Mapping[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    reported: list[ReportedRow] = field(default_factory=list)
    texts: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    shown: dict[str, bool] = field(default_factory=dict)
    medians: dict[str, dict[str, float]] = field(default_factory=dict)


def read_content(leaderboard: Path, site_url: str) -> Content:
    """The leaderboard's files; raises `RexrankError` for one that is damaged or keeps no schema."""
    tables = {}
    for path in sorted((leaderboard / "tables").glob("*.json")):
        table = read_json(path)
        check_table(table, path.name)
        tables[table["dataset"], table["track"]] = table
    overview = leaderboard / "overview.json"
    pairs = [read_json(p) for p in sorted((leaderboard / "pairwise").glob("*.*.json"))]
    return Content(
        leaderboard=leaderboard,
        site_url=site_url if site_url.endswith("/") else f"{site_url}/",
        tables=tables,
        models=_models(leaderboard, tables),
        pairwise={(p["dataset"], p["track"]): p for p in pairs if (p["dataset"], p["track"]) in tables},
        overview=read_json(overview) if overview.is_file() else {},
        history=read_history(leaderboard),
        reported=list(load_reported(leaderboard / "reported")),
    )


def _models(leaderboard: Path, tables: Mapping[TableKey, Mapping[str, Any]]) -> dict[str, list[Entry]]:
    models: dict[str, list[Entry]] = {}
    for table in tables.values():
        for row in all_rows(table):
            if row["kind"] == "submission":
                entry = Entry(table, row, read_json(leaderboard / row["record"]))
                models.setdefault(row["id"], []).append(entry)
    return dict(sorted(models.items()))


def metric_title(event: Mapping[str, Any], content: Content) -> str:
    """What readers call the metric by which an event's board ranked, in the form in which it is shown."""
    table = content.tables.get((event["dataset"], event["track"]), {"metrics": []})
    titles = {m["key"]: str(m["display_title"]) for m in table["metrics"]}
    return titles.get(str(event.get("primary")), str(event.get("primary") or ""))


def read_json(path: Path) -> Any:
    """The value of a JSON file of the leaderboard."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RexrankError(
            f"cannot read {path}: {error}. Make the tables again with: rexrank rank"
        ) from error


def check_table(table: Any, name: str) -> None:
    """Nothing; raises `RexrankError` when a table does not keep `table-v1.schema.json`."""
    error = next(iter(_validator().iter_errors(table)), None)
    if error is not None:
        where = "/".join(map(str, error.path))
        raise RexrankError(
            f"the table {name} does not keep its schema at /{where}: {error.message[:200]}. "
            "Make it again with: rexrank rank"
        )


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema_text("table-v1")))


def schema_text(name: str) -> str:
    """The text of a JSON Schema that ships with the package, such as `table-v1`."""
    return resources.files("evaluator.schemas").joinpath(f"{name}.schema.json").read_text("utf-8")
