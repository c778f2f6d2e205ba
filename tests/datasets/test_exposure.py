"""What each kind of access shows: the whole table, and that small restricted datasets keep their numbers apart."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from evaluator.datasets.exposure import EXPOSURES
from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.scoring.record import MetricEntry
from evaluator.scoring.records import Board, published_numbers

TABLE = {
    #             studies  small_groups  membership_counts  limited_runs  ladder
    "public":     (True,   True,         True,              False,        False),
    "restricted": (False,  False,        True,              False,        False),
    "withheld":   (False,  False,        False,             True,         True),
}  # fmt: skip


def test_the_whole_table():
    columns = ("studies", "small_groups", "membership_counts", "limited_runs", "ladder")
    assert {a: tuple(asdict(e)[c] for c in columns) for a, e in EXPOSURES.items()} == TABLE


@pytest.mark.parametrize(
    ("access", "n", "step"),
    [
        ("public", 62, None),
        ("restricted", 62, 0.001),
        ("restricted", 10_000, 0.001),
        ("withheld", 62, 5 / 62),
        ("withheld", 10_000, 0.001),
        ("withheld", 0, 0.001),
    ],
)
def test_steps(access, n, step):
    assert EXPOSURES[access].step(n) == step


def test_the_access_of_every_dataset():
    there = {d: get_dataset(d).access for d in dataset_ids()}
    assert (
        there
        | {
            "rexgradient": "withheld",
            "mimic-cxr": "restricted",
            "iu-xray": "public",
            "chexpert-plus": "restricted",
            "rexvqa": "withheld",
            "rexvqa-public": "restricted",
            "sandbox": "public",
            "sandbox-vqa": "public",
        }
        == there
    )


@pytest.mark.parametrize(
    ("dataset", "n", "distinct"), [("chexpert-plus", 62, 31), ("rexgradient", 10_000, 31)]
)
def test_models_keep_their_numbers_apart(dataset, n, distinct):
    """31 models whose means lie 0.004 apart, on a board as small as CheXpert Plus's findings."""
    board = Board(get_dataset(dataset), "findings")
    entries = [
        MetricEntry(
            mean=m, se=0.02, low=None, high=None, n=n, n_failed=0, signature="bleu_2|v1|protocol:clean"
        )
        for m in np.linspace(0.1, 0.224, 31).tolist()
    ]
    means = {published_numbers(board, entry).mean for entry in entries}
    assert len(means) == distinct
