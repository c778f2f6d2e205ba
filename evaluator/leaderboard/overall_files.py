"""The overall table as files: the same bytes for the same content."""

from __future__ import annotations

import csv
import io

from evaluator.core.files import dump_table
from evaluator.core.markdown import markdown_text
from evaluator.datasets.tasks.task import track_title
from evaluator.leaderboard.overall_table import OverallRow, OverallTable, range_text
from evaluator.leaderboard.table import PairTest
from evaluator.leaderboard.table_files import csv_text

COLUMNS = ("rank_low", "rank_high", "tied_with_best", "id", "name", "score", "never_worse")


def overall_files(table: OverallTable) -> dict[str, str]:
    """The text of each file of an overall table, by its name below the leaderboard."""
    name = f"overall.{table.track}"
    return {
        f"{name}.json": dump_table(table.view()),
        f"{name}.csv": overall_csv(table),
        f"{name}.md": overall_markdown(table),
    }


def pairwise_name(track: str) -> str:
    """The name below the leaderboard of the file with the tests of a track's overall table; not a board's name."""
    return f"pairwise/overall-{track}.parquet"


def overall_csv(table: OverallTable) -> str:
    """The table as CSV: one row per model, empty for unknown; ranges with a dataset left out at the end."""
    datasets = [b.dataset for b in table.boards]
    header = [*COLUMNS]
    for dataset in datasets:
        header += [f"{dataset}_rank_low", f"{dataset}_rank_high", f"{dataset}_worse_than", f"{dataset}_lacks"]
    for dataset in datasets:
        header += [f"without_{dataset}_rank_low", f"without_{dataset}_rank_high"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for row in (*table.rows, *table.incomplete):
        cells: list[object] = [getattr(row, c) for c in COLUMNS]
        for dataset in datasets:
            place = row.boards.get(dataset)
            cells += [*place] if place else [None] * 3
            cells.append(row.lacks.get(dataset))
        for dataset in datasets:
            cells += row.without.get(dataset, (None, None))
        writer.writerow(map(csv_text, cells))
    return out.getvalue()


def overall_pairs_csv(table: OverallTable) -> str:
    """The ranking tests as CSV: one row per pair of models, score of a minus score of b, empty for unknown."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(PairTest.model_fields)
    writer.writerows([csv_text(getattr(p, c)) for c in PairTest.model_fields] for p in table.pairs)
    return out.getvalue()


def overall_markdown(table: OverallTable) -> str:
    """The table as GitHub Markdown."""
    titles = [b.title for b in table.boards]
    lines = [
        f"# Across all datasets, {track_title(table.track)}",
        "",
        (
            f"Rank ranges on {', '.join(titles)} and across all of them (rule `{table.rule}`): the equal-weight mean of "
            f"standardised differences in `{table.primary}`."
        ),
        "",
    ]
    if table.rehearsal:
        lines += ["**Rehearsal: stand-in weights or a stand-in judge; these are not results.**", ""]
    lines += [line for note in table.notes for line in (markdown_text(note), "")]
    lines.append(
        "| Overall | Model | Score | "
        + " | ".join(map(markdown_text, titles))
        + " | Never significantly worse |"
    )
    lines.append("|---|---|---:|" + "---|" * (len(titles) + 1))
    lines += [_row(row, table) for row in table.rows]
    if table.incomplete:
        lines += ["", "Without a rank on every dataset:", "", "| Model | " + " | ".join(titles) + " |"]
        lines.append("|---|" + "---|" * len(titles))
        lines += [_incomplete(row, table) for row in table.incomplete]
    return "\n".join(lines).rstrip("\n") + "\n"


def _row(row: OverallRow, table: OverallTable) -> str:
    score = "–" if row.score is None else f"{row.score:+.2f}"
    cells = [range_text(row.rank_low, row.rank_high), markdown_text(row.name), score]
    return (
        "| "
        + " | ".join([*cells, *table.place_texts(row).values(), "yes" if row.never_worse else "no"])
        + " |"
    )


def _incomplete(row: OverallRow, table: OverallTable) -> str:
    places = table.place_texts(row)
    cells = [markdown_text(row.lacks[d]) if d in row.lacks else words for d, words in places.items()]
    return "| " + " | ".join([markdown_text(row.name), *cells]) + " |"
