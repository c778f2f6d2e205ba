"""Boards as LaTeX, for papers; CSV, JSON and Markdown are those of `evaluator.leaderboard.table_files`."""

from __future__ import annotations

from typing import Final

from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table import Table
from evaluator.leaderboard.table_files import digits_of, display_text, rank_text

_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "−": "$-$",
    "∞": r"$\infty$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def latex_text(value: object) -> str:
    r"""`value` as LaTeX text in which no character is a command.

    >>> latex_text("50 % of \\input{x}")
    '50 \\% of \\textbackslash{}input\\{x\\}'
    """
    return "".join(_LATEX.get(c, c) for c in " ".join(str(value).split()))


def table_latex(table: Table) -> str:
    """The board as a `tabular` that needs no package; numbers as readers see them."""
    metrics, digits = table.metrics, digits_of(table.step)
    lines = [
        f"% {latex_text(table.title)}, {table.track} track; {table.n} studies of {table.n_clusters} patients",
        "% 95 % intervals in brackets; a rank is the range that the tests leave open",
    ]
    if table.rehearsal:
        lines.append("% REHEARSAL: stand-in weights or a stand-in judge; these are not results")
    lines += [
        f"% {latex_text(m.display_title)} = ({m.skill.zero:.3f} - mean) / {m.skill.zero - m.skill.perfect:.3f}; 1/mean is ReXrank's"
        for m in metrics
        if m.skill
    ]
    lines += [rf"\begin{{tabular}}{{ll{'r' * len(metrics)}}}", r"\hline"]
    head = ["Rank", "Model", *(m.display_title for m in metrics)]
    lines += [" & ".join(map(latex_text, head)) + r" \\", r"\hline"]
    for row in table.all_rows:
        mark = " (baseline)" if row.kind == "null" else ""
        cells = [rank_text(row), row.name + mark]
        cells += [_cell(row, m.key, digits) for m in metrics]
        lines.append(" & ".join(map(latex_text, cells)) + r" \\")
    return "\n".join([*lines, r"\hline", r"\end{tabular}"]) + "\n"


def _cell(row: Row, key: str, digits: int) -> str:
    """A cell without what stands beside a skill: the caption says how the mean follows from it."""
    cell = row.metrics.get(key)
    shown = cell.display.model_copy(update={"mean": None}) if cell else None
    return display_text(shown, digits).replace("-", "−")
