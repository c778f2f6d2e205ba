"""Several boards of the same models with an overall table, by the real statistics over drawn scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evaluator.datasets.registry import TRACKS
from evaluator.leaderboard.overall import PrimaryScores, make_overall
from evaluator.leaderboard.overall_files import overall_files
from evaluator.leaderboard.overall_table import OverallSetting, OverallTable
from evaluator.leaderboard.table import read_table
from support.crowd import draw, make_crowd


def make_populations(
    folder: Path,
    datasets: Sequence[str] = OverallSetting().boards,
    *,
    n_models: int = 8,
    n_studies: int = 120,
    setting: OverallSetting | None = None,
) -> dict[str, OverallTable]:
    """The overall tables by track, written with the boards of a crowd."""
    make_crowd(folder, datasets, n_models=n_models, n_studies=n_studies)
    made = {}
    for number, track in enumerate(TRACKS):
        drawn = draw(n_models, n_studies, np.random.default_rng(number))
        values = {name: found["radcliq_v1"] for name, found in drawn.values.items()}
        patients = [f"p{i:04d}" for i in range(n_studies)]
        tables = {d: read_table(folder / f"tables/{d}.{track}.json") for d in datasets}
        scores = {d: PrimaryScores(values, patients, k) for k, d in enumerate(datasets)}
        made[track] = make_overall(track, setting or OverallSetting(), tables, scores)
        for name, text in overall_files(made[track]).items():
            (folder / name).write_text(text, "utf-8")
    return made
