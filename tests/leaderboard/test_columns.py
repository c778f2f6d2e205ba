"""The facts of a board's rows: what CSV and Markdown say, and that adding a column takes one line."""

from __future__ import annotations

import pytest
from support import tables

from evaluator.leaderboard import columns
from evaluator.leaderboard.columns import COLUMNS, FactColumn
from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table_files import table_csv, table_markdown


def test_every_column_is_a_fact_of_the_row():
    facts = {*Row.model_fields, *(n for n, v in vars(Row).items() if isinstance(v, property))}
    assert {c.key for c in COLUMNS} <= facts
    assert len({c.key for c in COLUMNS}) == len(COLUMNS)


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "–"), ("", "–"), ("7B", "7B"), (True, "yes"), (False, "no"), (0, "0")]
)
def test_a_fact_as_readers_see_it(value, shown):
    row = Row.model_construct(parameters=value)
    assert FactColumn("parameters", "Parameters").shown(row) == shown


def test_a_column_is_one_line(monkeypatch):
    table = tables.typed(tables.table(tables.row(parameters="7|B", metrics={})))
    before = table_csv(table).splitlines()
    more = (*COLUMNS, FactColumn("parameters", "Parameters"))
    monkeypatch.setattr(columns, "COLUMNS", more)
    monkeypatch.setattr("evaluator.leaderboard.table_files.COLUMNS", more)
    head, first, *_ = table_csv(table).splitlines()
    n = len(COLUMNS)
    assert (head.split(",")[:n], head.split(",")[n]) == (before[0].split(",")[:n], "parameters")
    assert first.split(",")[n] == "7|B"
    lines = table_markdown(table).splitlines()
    assert any(line.startswith("| Rank | Model |") and "| Parameters |" in line for line in lines)
    assert not any("7|B" in line for line in lines)
