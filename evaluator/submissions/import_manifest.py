"""The manifest of an import: a row for each file of predictions, in CSV, JSON or TOML."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Generic, NamedTuple, TypeVar

from pydantic import Field, JsonValue, ValidationError

from evaluator.core.host_files import UNREADABLE, InvalidFile, read_host_file
from evaluator.core.problems import Problems, pointer, visible
from evaluator.core.typed import DISAGREE, FIELD, Line, Typed, add_violations, form, is_day
from evaluator.datasets.registry import dataset_ids
from evaluator.submissions.rules.files import name_wanted, suggest_slug

MAX_MANIFEST: Final = 2_000_000
MAX_ROWS: Final = 2_000
T = TypeVar("T")
COLUMNS: Final = ("team", "model", "dataset", "file", "card", "date", "source")
Place = Annotated[str, form(r"[^\x00-\x1f\x7f]{1,400}", "a path inside the manifest's folder")]


class ImportRow(Typed):
    """One file of predictions: its model, its dataset, and where it comes from."""

    team: Line = Field(description="Team slug.")
    model: Line = Field(description="Model slug.")
    dataset: Line = Field(description="Dataset id.")
    file: Place = Field(description="The predictions, in any format that rexrank convert reads.")
    card: Place = Field(description="The model card, model.yaml, without the field imported.")
    date: Annotated[str, form("[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day, YYYY-MM-DD")] = Field(
        description="Date on which the predictions were first published, YYYY-MM-DD."
    )
    source: Line = Field(description="Where they were first published, in a few words.", max_length=200)

    @property
    def name(self) -> str:
        """`team/model`."""
        return f"{self.team}/{self.model}"


Listed = Annotated[tuple[T, ...], Field(strict=False, min_length=1, max_length=MAX_ROWS)]


class Manifest(Typed, Generic[T]):
    """The files of an import."""

    predictions: Listed[T] = Field(description="One row per prediction file.")


class Rows(NamedTuple):
    """A manifest as far as it could be read: its valid rows by position, and the models of the others."""

    name: str
    sound: Mapping[int, ImportRow]
    unsound: frozenset[str]
    problems: Problems


def read_manifest(path: Path) -> Rows:
    """The rows of a manifest in CSV (one column per field), JSON or TOML, with all their problems.

    Raises `InvalidFile` for a file that is not a list of rows at all.
    """
    if path.suffix.lower() == ".csv":
        raw = _csv_rows(path)
    else:
        loose = read_host_file(path, Manifest[dict[str, JsonValue]], name=path.name, limit=MAX_MANIFEST)
        raw = list(loose.predictions)
    problems = Problems()
    try:
        Manifest[ImportRow].model_validate({"predictions": raw})
    except ValidationError as error:
        add_violations(error, path.name, problems, Manifest[ImportRow])
    sound: dict[int, ImportRow] = {}
    unsound = set()
    for index, value in enumerate(raw):
        try:
            sound[index] = ImportRow.model_validate(value)
        except ValidationError:
            unsound.add(f"{value.get('team', '')}/{value.get('model', '')}")
    return Rows(path.name, sound, frozenset(unsound), problems)


def _csv_rows(path: Path) -> list[dict[str, JsonValue]]:
    """The rows of a CSV file, empty cells left out; raises `InvalidFile` for one that is not CSV in UTF-8."""
    problems = Problems()
    reader = None
    try:
        with path.open("rb") as source:
            data = source.read(MAX_MANIFEST)
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig")), restkey="", strict=True)
        return [{str(k): v for k, v in row.items() if v} for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        line = reader.line_num if reader is not None else None
        found, fix = f"cannot be read: {error}", "save it as CSV in UTF-8, with a line of column names"
        problems.add(
            UNREADABLE, path.name, line=line, found=found, wanted=f"CSV with {', '.join(COLUMNS)}", fix=fix
        )
        raise InvalidFile(path.name, problems) from error


def places(problems: Problems) -> frozenset[int]:
    """The positions of the rows that have problems."""
    parts = (p.pointer.split("/") for p in problems)
    return frozenset(int(p[2]) for p in parts if p[:2] == ["", "predictions"] and len(p) > 2)


def check_rows(rows: Rows) -> None:
    """Reports reserved names, unknown datasets, invalid dates (RX603), and rows that contradict each other (RX604)."""
    problems = rows.problems
    lines: dict[tuple[str, str], int] = {}
    first: dict[str, ImportRow] = {}

    def wrong(code: str, index: int, part: str, found: str, wanted: str, fix: str) -> None:
        place = pointer("predictions", index, part) if part else pointer("predictions", index)
        problems.add(code, rows.name, pointer=place, found=found, wanted=wanted, fix=fix)

    for index, row in rows.sound.items():
        for part, value in (("team", row.team), ("model", row.model)):
            wanted = name_wanted(value)
            if wanted is not None:
                wrong(
                    FIELD,
                    index,
                    part,
                    f"{part} is {visible(value)!r}",
                    wanted,
                    f"write {suggest_slug(value)!r}",
                )
        if row.dataset not in dataset_ids():
            known = f"one of {', '.join(dataset_ids())}"
            wrong(FIELD, index, "dataset", f"unknown dataset {visible(row.dataset)!r}", known, "correct it")
        if not is_day(row.date) or row.date > datetime.now(UTC).date().isoformat():
            wrong(FIELD, index, "date", f"{row.date} is not a past date", "a day, YYYY-MM-DD", "correct it")
        own = first.setdefault(row.name, row)
        for part in ("card", "date", "source"):
            if getattr(own, part) != getattr(row, part):
                found = f"{part} of {row.name} differs from its first row"
                fix = "make them the same, or use two models"
                wrong(DISAGREE, index, part, found, "one card, date and source per model", fix)
        earlier = lines.setdefault((row.name, row.dataset), index)
        if earlier != index:
            found = f"{row.name} has predictions of {row.dataset} in row {earlier + 1} as well"
            wrong(DISAGREE, index, "", found, "one file per model and dataset", "remove one of the two rows")
