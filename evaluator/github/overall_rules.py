"""The rule for a bundle's overall tables: recomputed from the boards' tables, main's setting and their own tests."""

from __future__ import annotations

from evaluator.core.problems import RexrankError
from evaluator.datasets.challenge import challenge
from evaluator.datasets.tasks.task import all_tracks
from evaluator.github.bundle_content import Bundle, refuse
from evaluator.leaderboard.overall_check import objection
from evaluator.leaderboard.overall_files import overall_files, pairwise_name
from evaluator.leaderboard.overall_table import OverallTable, having, parse_overall
from evaluator.leaderboard.pairwise import Pairwise
from evaluator.leaderboard.pairwise_file import read_pairwise
from evaluator.leaderboard.table import parse_table


def check_overall(bundle: Bundle) -> None:
    """Nothing; raises `RexrankError` unless each overall table, in every form, follows from tables and tests.

    The tests themselves need scores of datasets that are not public, and are taken as given.
    """
    setting = challenge().overall
    for track in all_tracks():
        names = {d: f"tables/{d}.{track}.json" for d in having(setting, track)}
        tables = {d: parse_table(bundle.content[n], n) for d, n in names.items() if n in bundle.content}
        pairwise = pairwise_name(track)
        there = [f"overall.{track}.{kind}" in bundle.names for kind in ("json", "csv", "md")]
        if not any(there) and not tables and pairwise not in bundle.names:
            continue
        if not all(there) or not tables:
            raise RexrankError(
                f"the bundle has the boards or the overall table of the {track} track without the other. Nothing is published from it."
            )
        name = f"overall.{track}.json"
        table = _parsed(bundle, name)
        if table.track != track:
            refuse(name, "belongs to another track")
        if why := objection(table, setting, tables, _pairwise(bundle, table)):
            refuse(name, why)
        for path, text in overall_files(table).items():
            if (bundle.folder / path).read_bytes() != text.encode():
                refuse(path, "does not match the overall table")


def _pairwise(bundle: Bundle, table: OverallTable) -> Pairwise | None:
    """The pairs of a table; `None` for one without an overall rank, which has no file of them."""
    name = pairwise_name(table.track)
    if (name in bundle.names) != (table.pairwise_sha256 is not None):
        refuse(f"overall.{table.track}.json", "has a digest without its pairs, or pairs without a digest")
    if table.pairwise_sha256 is None:
        return None
    try:
        return read_pairwise(bundle.folder / name, table)
    except RexrankError:
        refuse(name, "is not a file of pairwise differences in the runner's format")


def _parsed(bundle: Bundle, name: str) -> OverallTable:
    """The typed table; one that violates its schema is refused without quoting it."""
    try:
        return parse_overall(bundle.content[name], name)
    except RexrankError:
        refuse(name, "violates the schema of overall tables")
