"""What ReXrank itself published, by snapshot: separate from measured rows, contradictions marked.

`leaderboard/reported/<snapshot>.csv` contains only facts: dataset, track, model, institution, year, link,
metric, value, below lines that begin with `# ` and name the source. A row contradicts itself if its
1/RadCliQ-v1 cannot come from its own RadGraph, BERTScore and SembScore, of which RadCliQ-v1 is a linear
function, or its mean accuracy not from the accuracies of the five skills.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evaluator.core.problems import InputError, visible
from evaluator.datasets.challenge import dataset_files
from evaluator.datasets.registry import dataset_ids, get_dataset

MAX_CELL: Final = 1_000
"""Most characters in a cell; the csv module's limit applies to the whole process."""
COLUMNS: Final = ("dataset", "track", "model", "institution", "year", "link", "metric", "value")
COEFFICIENTS: Final = {
    "radgraph_f1": -1.24521633021832,
    "bertscore": -1.6508453287258653,
    "semb_score": -0.9947717072020826,
}
INTERCEPT: Final = 2.4501430833271307
"""RadCliQ-v1 as an affine function of its parts (CXR-Report-Metric 9c9ecad, radcliq-v1.pkl)."""
HALF_STEP: Final = 0.0005
"""Published numbers are rounded to three decimals."""
SKILLS: Final = (
    "accuracy_differential_diagnosis",
    "accuracy_geometric",
    "accuracy_location",
    "accuracy_negation",
    "accuracy_presence",
)
RANKED_BY: Final = ("radcliq_v1_reciprocal", "accuracy_macro", "accuracy")
"""ReXrank's ordering metrics: the first that any row of a snapshot has."""
MACRO: Final = "accuracy_macro"
HALF_ACCURACY_STEP: Final = 0.00005
"""Accuracies are rounded to four decimals."""


@dataclass(frozen=True, slots=True)
class ReportedRow:
    """One published row: values by metric key, `None` for an empty cell."""

    snapshot: str
    dataset: str
    track: str
    model: str
    institution: str
    year: str
    link: str
    values: Mapping[str, float | None]

    @property
    def contradicts_itself(self) -> bool:
        """Whether its checked number cannot be reconciled with the row's own parts, given how both are rounded."""
        return not (consistent(self.values) and consistent_mean(self.values))

    @property
    def checked(self) -> str:
        """The metric that follows from the row's own parts: the mean of the skills, or 1/RadCliQ-v1."""
        return MACRO if MACRO in self.values else "radcliq_v1_reciprocal"

    @property
    def from_parts(self) -> float | None:
        """The checked metric computed from the row's own parts; `None` if a part is missing or it has none."""
        if self.checked == MACRO:
            return mean_of_skills(self.values)
        mean = mean_from_parts(self.values)
        return 1 / mean if mean else None


def mean_of_skills(values: Mapping[str, float | None]) -> float | None:
    """The unweighted mean of the five skills' accuracies; `None` when one is missing.

    >>> round(mean_of_skills(dict(zip(SKILLS, (0.7671, 0.8045, 0.8347, 0.8503, 0.8521)))), 4)
    0.8217
    """
    known = [v for k in SKILLS if (v := values.get(k)) is not None]
    return sum(known) / len(known) if len(known) == len(SKILLS) else None


def consistent_mean(values: Mapping[str, float | None]) -> bool:
    """Whether a published mean of the skills matches them to the fourth decimal, given the rounding."""
    macro, mean = values.get(MACRO), mean_of_skills(values)
    return macro is None or mean is None or abs(macro - mean) <= 2 * HALF_ACCURACY_STEP + 1e-9


def mean_from_parts(values: Mapping[str, float | None]) -> float | None:
    """Mean RadCliQ-v1, lower is better, computed from the row's RadGraph, BERTScore and SembScore.

    `None` if one is missing.
    """
    parts = [values.get(k) for k in COEFFICIENTS]
    known = [p for p in parts if p is not None]
    if len(known) < len(parts):
        return None
    return INTERCEPT + sum(c * p for c, p in zip(COEFFICIENTS.values(), known, strict=True))


def residual(values: Mapping[str, float | None]) -> float | None:
    """Published mean RadCliQ-v1 minus that of the parts; `None` when a cell is missing."""
    reciprocal, predicted = values.get("radcliq_v1_reciprocal"), mean_from_parts(values)
    return None if not reciprocal or predicted is None else 1 / reciprocal - predicted


def consistent(values: Mapping[str, float | None]) -> bool:
    """Whether the rounding intervals of both sides of the identity overlap."""
    reciprocal, gap = values.get("radcliq_v1_reciprocal"), residual(values)
    if not reciprocal or gap is None:
        return True
    parts_slack = HALF_STEP * sum(abs(c) for c in COEFFICIENTS.values())
    shown_slack = HALF_STEP / reciprocal**2
    return abs(gap) <= parts_slack + shown_slack + 1e-9


def ranked_by(rows: Sequence[ReportedRow]) -> str:
    """The key of ReXrank's ordering metric for the rows of one snapshot."""
    return next((k for k in RANKED_BY if any(r.values.get(k) for r in rows)), RANKED_BY[0])


def cost_of(row: ReportedRow, key: str) -> float:
    """The cost that ranks a row, lower is better; infinity without a value.

    For 1/RadCliQ-v1, it is the mean behind it; one below 0 is better than any other.
    """
    value = row.values.get(key)
    if not value:
        return math.inf
    return 1 / value if key.endswith("_reciprocal") else -value


def best_reported(rows: Iterable[ReportedRow]) -> dict[str, dict[str, dict[str, float]]]:
    """By dataset, track and metric, the best published mean among rows that do not contradict themselves.

    Reciprocals are turned back into the mean that is scored here (lower is better); one of 0 or less has
    none. A row of skills without a mean counts with the mean computed from them.
    """
    best: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        if row.contradicts_itself:
            continue
        board = best.setdefault(row.dataset, {}).setdefault(row.track, {})
        mean = mean_of_skills(row.values)
        known = {**row.values, MACRO: mean} if mean is not None else row.values
        for key, value in known.items():
            if value is None:
                continue
            name = key.removesuffix("_reciprocal")
            if name == key:
                board[name] = max(board.get(name, value), value)
            elif value > 0:
                board[name] = min(board.get(name, 1 / value), 1 / value)
    return best


def load_reported(folder: Path) -> list[ReportedRow]:
    """The rows of every snapshot in `folder`, in the order of the files; raises `InputError` for a bad one."""
    rows: list[ReportedRow] = []
    for path in sorted(folder.glob("*.csv")):
        by_row: dict[tuple[str, str, str, str, str, str], dict[str, float | None]] = {}
        try:
            for row in _cells(path):
                dataset, track, model, institution, year, link, metric, value = row
                key = (dataset, track, model, institution, year, link)
                by_row.setdefault(key, {})[metric] = _number(value) if value else None
        except (OSError, ValueError, csv.Error) as error:
            raise InputError(
                f"{path} is not a table of reported rows: {error}. "
                f"Restore the last committed version: git checkout HEAD -- {path}"
            ) from error
        rows += [ReportedRow(path.stem, *key, values=values) for key, values in by_row.items()]
    return rows


def _cells(path: Path) -> Iterator[list[str]]:
    """The rows of a snapshot below its source and header; raises `ValueError` for another header or number of cells."""
    if not path.is_file():
        raise ValueError("it is not a file")
    lines = path.read_bytes().decode("utf-8").splitlines()
    n_source = next((n for n, line in enumerate(lines) if not line.startswith("# ")), len(lines))
    # Source lines are kept as empty ones, so that line numbers match the file.
    rows = csv.reader(["" for _ in lines[:n_source]] + lines[n_source:], strict=True)
    if next(itertools.islice(rows, n_source, None), None) != [*COLUMNS]:
        raise ValueError(f"the first line after the source is not {','.join(COLUMNS)}")
    for row in rows:
        if len(row) != len(COLUMNS):
            raise ValueError(f"line {rows.line_num} has {len(row)} cells, not {len(COLUMNS)}")
        if max(map(len, row)) > MAX_CELL:
            raise ValueError(f"line {rows.line_num} has a cell of more than {MAX_CELL} characters")
        if row[0] in dataset_files() and row[0] not in dataset_ids():
            continue  # for a dataset of another challenge
        if row[0] not in dataset_ids() or row[1] not in get_dataset(row[0]).tracks:
            raise ValueError(
                f"line {rows.line_num} does not belong to a board: {visible(row[0])}, {visible(row[1])}"
            )
        yield row


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a finite number")
    return value
