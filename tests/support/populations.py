"""Several boards of the same models with an overall table, by the real statistics over drawn scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluator.datasets.challenge import OverallSetting, challenge
from evaluator.leaderboard.overall_files import pairwise_name
from evaluator.leaderboard.overall_table import OverallTable, having, read_overall
from evaluator.leaderboard.pairwise import with_pairs
from evaluator.leaderboard.pairwise_file import read_pairwise
from support.crowd import make_crowd


def make_populations(
    folder: Path,
    datasets: Sequence[str] = having(challenge().overall, "findings"),
    *,
    n_models: int = 8,
    n_studies: int = 120,
    setting: OverallSetting | None = None,
) -> dict[str, OverallTable]:
    """The overall tables by track, written with the boards of a crowd."""
    make_crowd(folder, datasets, n_models=n_models, n_studies=n_studies, setting=setting)
    return {track: whole_overall(folder, track) for track in ("findings", "report")}


def whole_overall(folder: Path, track: str) -> OverallTable:
    """A track's overall table with its pairs."""
    table = read_overall(folder / f"overall.{track}.json")
    return with_pairs(table, read_pairwise(folder / pairwise_name(track), table))
