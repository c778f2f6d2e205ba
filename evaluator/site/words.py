"""Numbers, inputs and marks as readers see them."""

from __future__ import annotations

from typing import Final

from evaluator.datasets.challenge import challenge
from evaluator.datasets.registry import Dataset
from evaluator.datasets.tasks.task import all_tracks, get_task
from evaluator.leaderboard.row import Inputs, Row
from evaluator.leaderboard.table import Table

TRACK_TITLES: Final = {t: task.track(t).title for t, task in all_tracks().items()}


def question() -> str:
    """The question that readers come with, in a sentence: about reports, if the challenge has them."""
    reports = "report-generation" in challenge().tasks
    return "Which model writes the best chest X-ray reports?" if reports else "Which model is best?"


VIEWS: Final = {"all": "all views", "frontal": "frontal view", "none": "no image"}
CONTEXTS: Final = {
    "none": "",
    "indication": "indication",
    "indication+history": "indication, history",
    "indication+prior": "indication, prior study",
    "all": "all context",
}


AXIS_TITLES: Final = {
    "normal": "reference",
    "findings": "findings",
    "age_group": "age",
    "view": "views",
    "prior": "prior mentioned",
}
"""Titles of the axes of subgroups."""


def size_text(dataset: Dataset, track: str, table: Table | None = None) -> str:
    """How many items a board is measured on, in words."""
    items = get_task(dataset.task).items
    n = table.n if table and table.n else dataset.tracks[track] or dataset.size
    return f"{items} not yet counted" if n is None else f"{n:,} {items}"


def number(value: float, digits: int = 3) -> str:
    """`value` with this many decimals and a real minus sign; nothing rounds to a negative zero.

    >>> number(-0.0634), number(-0.0004), number(0.4031, 2)
    ('−0.063', '0.000', '0.40')
    """
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def inputs_of(inputs: Inputs) -> str:
    """A model's inputs, in words.

    >>> inputs_of(Inputs(views="frontal", context="indication"))
    'frontal view, indication'
    """
    views, context = inputs.views, inputs.context
    known = [VIEWS.get(views, views)] if views else []
    known += [CONTEXTS.get(context, context)] if context else []
    return ", ".join(k for k in known if k) or "unknown"


def badges_of(row: Row) -> list[str]:
    """Short marks of a row, in words."""
    return facts_of(row) + [b.text for b in row.badges]


def facts_of(row: Row) -> list[str]:
    """The marks that describe a model, not findings of checks."""
    marks = ["trained on this dataset's source"] if row.trained_on_dataset else []
    marks += ["superseded"] if row.status == "superseded" else []
    return marks


def percent(share: float) -> str:
    """A share in whole percent, never rounded up to 100.

    >>> percent(0.94), percent(0.998)
    ('94 %', 'more than 99 %')
    """
    return "more than 99 %" if 0.995 <= share < 1 else f"{share:.0%}".replace("%", " %")
