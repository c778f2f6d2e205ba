"""Rows that ReXrank itself published: by snapshot, separate from what was measured here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.reported import ReportedRow
from evaluator.site.template import render
from evaluator.site.words import TRACK_TITLES, number

REPORTED_TITLES: Final = {
    "radcliq_v1_reciprocal": "1/RadCliQ-v1",
    "bleu_2": "BLEU-2",
    "bertscore": "BERTScore",
    "semb_score": "SembScore",
    "radgraph_f1": "RadGraph-F1",
    "ratescore": "RaTEScore",
    "green": "GREEN",
    "fineradscore_reciprocal": "1/FineRadScore",
    "crimson": "CRIMSON",
    "accuracy_macro": "Accuracy, mean of skills",
    "accuracy": "Accuracy, all questions",
    "accuracy_differential_diagnosis": "Differential diagnosis",
    "accuracy_geometric": "Geometric information",
    "accuracy_location": "Location and distribution",
    "accuracy_negation": "Negation",
    "accuracy_presence": "Presence",
    "accuracy_of_200": "Accuracy on 200 sampled questions",
}
REPORTED_NOTE: Final = "ReXrank published these rows. They were not re-scored here, have no intervals, and are never ranked with ours. RadCliQ-v1 is computed from RadGraph-F1, BERTScore and SembScore: a wavy underline marks a value that contradicts the row's own components. Overall accuracy on questions was the mean over the five skills in 2025 and has been the accuracy over all questions since 2026. Human readers answered different questions from the models and have no rank."


@dataclass(frozen=True, slots=True)
class Cell:
    """A published number, empty if there is none, and the value from the row's parts if they contradict it."""

    value: str = ""
    sort: str = ""
    from_parts: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A published row."""

    name: str
    link: str
    about: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The rows of one board that were published together."""

    name: str
    caption: str
    is_open: bool
    heads: tuple[str, ...]
    rows: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A board's snapshots, newest first."""

    note: str
    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many models each snapshot has on a board."""

    title: str
    address: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A row whose RadCliQ-v1 contradicts its parts."""

    snapshot: str
    board: str
    address: str
    model: str
    reported: str
    from_parts: str


@dataclass(frozen=True, slots=True)
class Page:
    """The published rows, board by board."""

    note: str
    n: int
    snapshots: tuple[str, ...]
    boards: tuple[Counts, ...]
    wrong: tuple[Contradiction, ...]


def reported_section(rows: Sequence[ReportedRow], *, is_open: bool) -> tuple[str, str, str]:
    """Anchor, title and HTML of a board's reported rows: one table per snapshot, newest first.

    `is_open`: whether the newest is unfolded, as on a board with nothing else.
    """
    order = sorted(rows, key=lambda r: r.snapshot, reverse=True)  # tie: the file's order
    groups = [(name, list(group)) for name, group in groupby(order, key=lambda r: r.snapshot)]
    snapshots = tuple(
        _snapshot(name, snapshot_rows, is_open=is_open and not place)
        for place, (name, snapshot_rows) in enumerate(groups)
    )
    view = Section(REPORTED_NOTE, snapshots)
    return "reported", "Reported by ReXrank", render("reported_section.html", view=view)


def _snapshot(snapshot: str, rows: Sequence[ReportedRow], *, is_open: bool) -> Snapshot:
    # A mean RadCliQ-v1 below 0 has a negative reciprocal and is better than any other.
    # tie: the model's name; published figures are constants
    order = sorted(rows, key=lambda r: (_mean(r), -_accuracy(r), r.model))
    keys = [k for k in REPORTED_TITLES if any(r.values.get(k) is not None for r in order)]
    wrong = sum(r.contradicts_itself for r in order)
    caption = f"ReXrank's snapshot of {snapshot}: {len(order)} models"
    if wrong:
        caption += f", {wrong} of them inconsistent"
    heads = tuple(REPORTED_TITLES[k] for k in keys)
    return Snapshot(snapshot, caption, is_open, heads, tuple(_line(r, keys) for r in order))


def _mean(row: ReportedRow) -> float:
    """The mean behind 1/RadCliQ-v1, by which rows are sorted; last for a row without one."""
    value = row.values.get("radcliq_v1_reciprocal")
    return 1 / value if value else math.inf


def _accuracy(row: ReportedRow) -> float:
    """The accuracy by which rows of questions are sorted; 0 for others."""
    known = (row.values.get(k) for k in ("accuracy_macro", "accuracy", "accuracy_of_200"))
    return next((v for v in known if v is not None), 0.0)


def _line(row: ReportedRow, keys: Sequence[str]) -> Line:
    about = " · ".join(v for v in (row.institution, row.year) if v)
    return Line(row.model, row.link, about, tuple(_cell(row, k) for k in keys))


def _cell(row: ReportedRow, key: str) -> Cell:
    value = row.values.get(key)
    if value is None:
        return Cell()
    wrong = key == row.checked and row.contradicts_itself
    parts = _number(key, row.from_parts) if wrong and row.from_parts is not None else ""
    return Cell(_number(key, value), repr(value), parts)


def _number(key: str, value: float) -> str:
    """A published number with its published decimals."""
    return f"{value:.4f}" if key.startswith("accuracy") else number(value)


def reported_page(rows: Sequence[ReportedRow]) -> str:
    """The published rows, board by board, and those that contradict themselves, as Markdown."""
    snapshots = sorted({r.snapshot for r in rows}, reverse=True)
    boards = tuple(
        Counts(
            _title(dataset, track),
            _address(dataset, track),
            tuple(
                sum((r.dataset, r.track, r.snapshot) == (dataset, track, s) for r in rows) for s in snapshots
            ),
        )
        for dataset, track in dict.fromkeys((r.dataset, r.track) for r in rows)
    )
    wrong = tuple(
        Contradiction(
            r.snapshot,
            _title(r.dataset, r.track),
            _address(r.dataset, r.track),
            r.model,
            _number(r.checked, r.values[r.checked] or 0),
            _number(r.checked, r.from_parts or 0),
        )
        for r in sorted(rows, key=lambda r: r.snapshot, reverse=True)  # tie: the file's order
        if r.contradicts_itself
    )
    return render("reported.md", view=Page(REPORTED_NOTE, len(rows), tuple(snapshots), boards, wrong))


def _title(dataset: str, track: str) -> str:
    return f"{get_dataset(dataset).title}, {TRACK_TITLES[track]}"


def _address(dataset: str, track: str) -> str:
    return f"../{dataset}/{track}/#reported"
