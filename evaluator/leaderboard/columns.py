"""The columns of a board that are no metrics: what CSV, Markdown and the board's page say of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from evaluator.leaderboard.row import Row


@dataclass(frozen=True, slots=True)
class FactColumn:
    """A fact of a row: the field's name, which is its name in CSV, and its title for readers.

    Without a title the fact stands in CSV and JSON alone.
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
    FactColumn("rank"),
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
"""In the order of the CSV."""


def shown_columns() -> tuple[FactColumn, ...]:
    """The facts that readers see beside rank and name."""
    return tuple(column for column in COLUMNS if column.title)
