"""The columns of a board that are not metrics: facts on a model in CSV, Markdown and on the board's page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from evaluator.leaderboard.row import Row


@dataclass(frozen=True, slots=True)
class FactColumn:
    """A fact of a row: the field's name, which is its name in CSV, and its title for readers.

    Without a title, the fact is only in CSV and JSON.
    """

    key: str
    title: str = ""

    def value(self, row: Row) -> object:
        """The row's own value."""
        return getattr(row, self.key)

    def shown(self, row: Row) -> str:
        """The value as readers see it, a dash for none."""
        value = self.value(row)
        if isinstance(value, bool):
            return "yes" if value else "no"
        return "–" if value is None or value == "" else str(value)


COLUMNS: Final = (
    FactColumn("rank_low"),
    FactColumn("rank_high"),
    FactColumn("tied_with_best"),
    FactColumn("id"),
    FactColumn("name"),
    FactColumn("institution"),
    FactColumn("kind"),
    FactColumn("status"),
    FactColumn("submitted"),
    FactColumn("against_baselines"),
)
"""The fact columns, in the order of the CSV."""


def shown_columns() -> tuple[FactColumn, ...]:
    """The facts that readers see next to rank and name."""
    return tuple(column for column in COLUMNS if column.title)
