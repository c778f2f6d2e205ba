"""Boards as LaTeX, for papers; CSV, JSON and Markdown are those of `evaluator.leaderboard.table_files`."""

from __future__ import annotations

from typing import Final

from evaluator.core.counts import count_text
from evaluator.datasets.challenge import challenge
from evaluator.datasets.tasks.task import task_of
from evaluator.leaderboard.row import Row
from evaluator.leaderboard.table import Table
from evaluator.leaderboard.table_files import digits_of, rank_text
from evaluator.site.board.cells import Marks, marks_of, shown_parts
from evaluator.site.board.columns import shown_higher
from evaluator.site.words import TRACK_TITLES

CITE: Final = "zhang2024rexrank"
"""The key of ReXrank's paper in the BibTeX of the page on citation."""
_ARROWS: Final = {True: r"$\uparrow$", False: r"$\downarrow$"}
_MARKS: Final = {"best": "textbf", "second": "underline"}
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
    r"""`value` as LaTeX text in which no character acts as a command.

    >>> latex_text("50 % of \\input{x}")
    '50 \\% of \\textbackslash{}input\\{x\\}'
    """
    return "".join(_LATEX.get(c, c) for c in " ".join(str(value).split()))


def table_latex(table: Table, site_url: str, *, cite: str = CITE) -> str:
    """The board as a float with booktabs: numbers and intervals as readers see them, best in bold, second underlined."""
    task = task_of(table.track)
    metrics, digits = table.metrics, digits_of(table.step)
    marks = marks_of(table.rows, metrics, digits)
    track = TRACK_TITLES.get(table.track, table.track)
    address = f"{site_url}leaderboards/{table.dataset}/{table.track}/"
    caption = [
        f"{latex_text(table.title)}, {latex_text(track)}: {count_text(table.n, task.item, task.items)} of {count_text(table.n_clusters, 'patient')}.",
        r"95\,\% intervals in parentheses; a rank is the range the tests cannot rule out. Best in bold, second best underlined.",
        *(
            f"{latex_text(m.display_title)} is $({m.skill.zero:.3f} - \\mathrm{{mean}}) / {m.skill.zero - m.skill.perfect:.3f}$."
            for m in metrics
            if m.skill
        ),
        rf"{latex_text(challenge().name)}~\cite{{{cite}}}, \url{{{address}}}.",
    ]
    heads = [f"{latex_text(m.display_title)} {_ARROWS[shown_higher(m)]}" for m in metrics]
    rows = [_row(row, table, marks, digits) for row in table.all_rows]
    rehearsal = ["% REHEARSAL: stand-in weights or a stand-in judge; these are not results"] * table.rehearsal
    return "\n".join(
        [
            r"% needs \usepackage{booktabs,url}, and the BibTeX entry that the site gives under About, Citation",
            *rehearsal,
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{' '.join(caption)}}}",
            rf"\label{{tab:{table.name}}}",
            rf"\begin{{tabular}}{{ll{'r' * len(metrics)}}}",
            r"\toprule",
            " & ".join(["Rank", "Model", *heads]) + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _row(row: Row, table: Table, marks: Marks, digits: int) -> str:
    mark = " (baseline)" if row.kind == "null" else ""
    cells = [latex_text(rank_text(row)), latex_text(row.name + mark)]
    cells += [_cell(row, m.key, marks.get((row.id, m.key), ""), digits) for m in table.metrics]
    return " & ".join(cells) + r" \\"


def _cell(row: Row, key: str, mark: str, digits: int) -> str:
    """A value with its interval; the caption says how the mean follows from a skill."""
    entry = row.metrics.get(key)
    if entry is None:
        return "--"
    value, low, high, _ = shown_parts(entry, digits)
    text = latex_text(value)
    if mark:
        text = rf"\{_MARKS[mark]}{{{text}}}"
    if not (low or high):
        return text
    return rf"{text} {{\scriptsize ({latex_text(low)} to {latex_text(high)})}}"
