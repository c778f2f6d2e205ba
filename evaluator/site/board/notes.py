"""The foot of a board: its notes, badges in full, and the signatures of its metrics."""

from __future__ import annotations

import re
from dataclasses import dataclass

from evaluator.leaderboard.table import Table
from evaluator.leaderboard.table_files import digits_of
from evaluator.site.template import render
from evaluator.site.words import badges_of


@dataclass(frozen=True, slots=True)
class Badges:
    """A model's badges in full."""

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """A metric's signature."""

    title: str
    address: str
    text: str


@dataclass(frozen=True, slots=True)
class View:
    """The foot of a board; `marks` is `None` if no model has a mark."""

    notes: tuple[str, ...]
    marks: tuple[Badges, ...] | None
    signatures: tuple[SignatureLine, ...]


def notes(table: Table, root: str) -> str:
    """Notes, badges and signatures as HTML."""
    rows = [r for r in (*table.rows, *table.incomplete) if badges_of(r)]
    marks = tuple(Badges(r.name, _signed("; ".join(b.text for b in r.badges))) for r in rows if r.badges)
    signatures = tuple(SignatureLine(m.title, f"{root}metrics/{m.key}/", m.signature) for m in table.metrics)
    view = View((*table.notes, *_resolution(table)), marks if rows else None, signatures)
    return render("board/notes.html", view=view)


def _resolution(table: Table) -> list[str]:
    """How far apart two models must be for this board to separate them."""
    mde, mde_all_pairs = table.resolution.mde, table.resolution.mde_all_pairs
    metric = table.ranked_by
    if mde is None or mde_all_pairs is None or metric is None:
        return []
    digits = digits_of(table.step)
    words = (
        f"With 80 % power this board can separate two models that differ by about {mde:.{digits}f} in mean "
        f"{metric.title}; across all pairs at once, by {mde_all_pairs:.{digits}f}."
    )
    return [words]


def _signed(words: str) -> str:
    """`words` with real minus signs before numbers."""
    return re.sub(r"(?<!\w)-(?=\d)", "−", words)
