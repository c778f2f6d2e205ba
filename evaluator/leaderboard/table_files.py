"""Tables as files: the same bytes for the same content, from which no submission can break out."""

from __future__ import annotations

import csv
import io
import math
from typing import Final

from evaluator.core.counts import count_text
from evaluator.core.files import dump_table
from evaluator.core.markdown import markdown_text
from evaluator.datasets.tasks.task import baseline_title, task_of, track_title
from evaluator.leaderboard.columns import COLUMNS, shown_columns
from evaluator.leaderboard.row import Display, Row
from evaluator.leaderboard.table import Overview, Table

_FORMULA_START: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_text(value: object) -> str:
    """A CSV cell that no spreadsheet takes for a formula; empty for `None`.

    >>> csv_text("=1+1"), csv_text(-0.5), csv_text(None)
    ("'=1+1", '-0.5', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA_START) else text


def table_csv(table: Table) -> str:
    """The table as CSV text: one row per model or baseline, with the numbers of its JSON, empty for unknown.

    If readers see a skill, its mean is named as such: `radcliq_v1_mean` next to the headline
    `radcliq_v1_skill`.
    """
    keys = [m.key for m in table.metrics]
    skills = {m.key: m.skill for m in table.metrics}
    header = [column.key for column in COLUMNS]
    for key in keys:
        mean = f"{key}_mean" if skills[key] else key
        header += [mean, f"{mean}_low", f"{mean}_high", f"{key}_n_failed"]
        if skill := skills[key]:
            header += [skill.key, f"{skill.key}_low", f"{skill.key}_high", f"{key}_reciprocal"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for row in table.all_rows:
        cells = [csv_text(column.value(row)) for column in COLUMNS]
        for key in keys:
            cell = row.metrics.get(key)
            numbers = (cell.mean, cell.low, cell.high, cell.n_failed) if cell else (None,) * 4
            cells += map(csv_text, numbers)
            if skills[key]:
                display = cell.display if cell else None
                values = (
                    (display.value, display.low, display.high, display.reciprocal) if display else (None,) * 4
                )
                cells += map(csv_text, values)
        writer.writerow(cells)
    return out.getvalue()


def table_json(table: Table) -> str:
    """The table as canonical JSON."""
    return dump_table(table.view())


def table_markdown(table: Table) -> str:
    """The table as GitHub Markdown, numbers as readers see them (skill, or 1/mean)."""
    task = task_of(table.track)
    lines = [
        f"# {markdown_text(table.title)}, {track_title(table.track)}",
        "",
        (
            f"{count_text(table.n or 0, task.item, task.items)} of {count_text(table.n_clusters or 0, 'patient')}; protocol `{table.protocol}`; ranked by "
            f"`{table.primary}` (rule `{table.rule}`); 95 % intervals in brackets."
        ),
        "",
    ]
    if table.rehearsal:
        lines += ["**Rehearsal: stand-in weights or a stand-in judge; these are not results.**", ""]
    facts = [column.title for column in shown_columns()]
    titles = [m.display_title for m in table.metrics]
    lines.append("| " + " | ".join(("Rank", "Model", *facts, *titles)) + " |")
    lines.append("|---|---|" + "---|" * len(facts) + "---:|" * len(titles))
    lines += [_markdown_row(row, table) for row in table.all_rows]
    notes = [*unranked_notes(table), *baseline_notes(table), *table.notes]
    lines += ["", *(f"- {markdown_text(note)}" for note in notes)]
    return "\n".join(lines).rstrip("\n") + "\n"


def unranked_notes(table: Table) -> list[str]:
    """A sentence for every listed model without a rank, with the reason."""
    return [f"{r.name} has no rank: {r.why_unranked}." for r in table.incomplete if r.why_unranked]


def baseline_notes(table: Table) -> list[str]:
    """A sentence for every ranked model that does not clear all baselines."""
    return [f"{r.name}: {words}." for r in table.rows if (words := baseline_words(r))]


def baseline_words(row: Row) -> str:
    """The baselines that a model does not clear; empty if it clears all, or if there are none."""
    by_title = {
        title: [baseline_title(t.null) for t in row.against_nulls if t.outcome == key]
        for key, title in (("below", "below"), ("not_shown", "does not clear"))
    }
    return "; ".join(f"{title} {', '.join(names)}" for title, names in by_title.items() if names)


def rank_text(row: Row) -> str:
    """The rank as shown: `1–3` for a range, `2` for a single rank, a dash for an unranked row."""
    if row.rank_low is None:
        return "–"
    return f"{row.rank_low}" if row.rank_low == row.rank_high else f"{row.rank_low}–{row.rank_high}"


def _markdown_row(row: Row, table: Table) -> str:
    kind = " (baseline)" if row.kind == "null" else ""
    cells = [rank_text(row), markdown_text(row.name) + kind]
    cells += [markdown_text(column.shown(row)) for column in shown_columns()]
    cells += [cell_text(row, m.key, digits_of(table.step)) for m in table.metrics]
    return "| " + " | ".join(cells) + " |"


def digits_of(step: float | None) -> int:
    """Decimals of shown numbers: three, or as many as the dataset's step has, so that none reveals more."""
    return 3 if not step else max(0, math.ceil(-math.log10(step)))


def cell_text(row: Row, key: str, digits: int = 3) -> str:
    """A row's metric as displayed, with its interval, or a dash when it is missing."""
    cell = row.metrics.get(key)
    return display_text(cell.display if cell else None, digits)


def display_text(shown: Display | None, digits: int = 3) -> str:
    """A displayed value and interval with this many decimals, or a dash when it is missing.

    A skill is followed by the mean and 1/mean.
    """
    if shown is None:
        return "–"
    if shown.value is None:
        return shown.note or "–"
    return value_text(shown, digits) + (f" ({beside_text(shown, digits)})" if shown.mean is not None else "")


def beside_text(shown: Display, digits: int = 3) -> str:
    """The values next to a skill: the mean, and ReXrank's 1/mean or why there is none."""
    if shown.mean is None:
        return ""
    one_over = "no 1/mean" if shown.reciprocal is None else f"1/mean {shown.reciprocal:.{digits}f}"
    return f"mean {shown.mean:.{digits}f}, {one_over}"


def value_text(shown: Display, digits: int = 3) -> str:
    """A displayed value and its interval."""
    text = "–" if shown.value is None else f"{shown.value:.{digits}f}"
    if shown.low is None and shown.high is None:
        return text
    high = "∞" if shown.high is None else f"{shown.high:.{digits}f}"
    low = "−∞" if shown.low is None else f"{shown.low:.{digits}f}"
    return f"{text} [{low}, {high}]"


def overview_csv(summary: Overview) -> str:
    """The overview as CSV: one row per board, the best group's ids separated by spaces."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["dataset", "track", "n", "n_models", "best_group"])
    for board in summary.boards:
        best = " ".join(m.id for m in board.best_group)
        writer.writerow(map(csv_text, (board.dataset, board.track, board.n, board.n_models, best)))
    return out.getvalue()
