"""What is published of a withheld dataset does not follow single studies: whoever changes one sees the same bytes."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from evaluator.core.files import dump_json
from evaluator.core.types import Scores
from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.analysis import analyse_board
from evaluator.leaderboard.pairwise import board_pairwise
from evaluator.leaderboard.subgroups import board_subgroups
from evaluator.leaderboard.table import TableParts
from evaluator.scoring.intervals import intervals
from evaluator.scoring.record import MetricEntry
from evaluator.scoring.records import Board, published_numbers

WITHHELD = Board(get_dataset("rexgradient"), "findings")
N = 400
KEYS = ("radcliq_v1", "bleu_2", "radgraph_f1")
P = {0.0009, 0.0099, 0.0499, 1.0}


def frames():
    rng = np.random.default_rng(12)
    shared = pd.DataFrame(
        {
            "study_id": [f"s{i:04}" for i in range(N)],
            "patient": [f"p{i:04}" for i in range(N)],
            "subgroup:sex": ["F" if i % 2 else "M" for i in range(N)],
            "subgroup:normal": ["normal" if i % 3 else "abnormal" for i in range(N)],
        }
    )
    base = rng.normal(0, 0.2, N)
    return {
        f"team/{name}": shared.assign(**{k: base + rng.normal(shift, 0.2, N) for k in KEYS})
        for name, shift in (("a", 0.4), ("b", 0.415), ("c", 0.43), ("d", 0.5))
    }


def public_bytes(found):
    """Everything a board publishes of its per-study scores."""
    columns = dict.fromkeys(found, KEYS)
    exposure = WITHHELD.dataset.exposure
    analysis = analyse_board(WITHHELD, "d", found, columns, "radcliq_v1")
    parts: TableParts = analysis.table_parts(exposure.step(N), exact_tests=exposure.exact_tests)
    cells = {}
    for name, frame in found.items():
        values = {k: frame[k].to_numpy() for k in KEYS}
        scores = {k: Scores(v, np.zeros(N, dtype=np.bool_)) for k, v in values.items()}
        ends = intervals(WITHHELD, "d", frame["patient"].tolist(), scores)
        entries = {
            k: {
                "mean": float(values[k].mean()),
                **ends[k],
                "n": N,
                "n_failed": 0,
                "signature": f"{k}|v1|protocol:clean",
            }
            for k in KEYS
        }
        cells[name] = {
            k: published_numbers(WITHHELD, MetricEntry(**e)).model_dump() for k, e in entries.items()
        }
    subgroups = board_subgroups(WITHHELD, "d", found, "radcliq_v1", None, [*found])
    published = {
        "cells": cells,
        "places": {n: (p.rank_low, p.rank_high) for n, p in analysis.places.items()},
        "pairs": [p.view() for p in parts.pairs],
        "stability": parts.stability.view(),
        "resolution": parts.resolution.view(),
        "sensitivity": parts.sensitivity.view(),
        "pairwise": asdict(board_pairwise(WITHHELD, "d", found, columns)),
        "subgroups": subgroups.view(),
    }
    return {name: dump_json(value) for name, value in published.items()}, parts, subgroups


@pytest.fixture
def salted(monkeypatch):
    monkeypatch.setenv("REXRANK_SALT", "long and random")


def test_one_changed_study_changes_no_published_byte(salted):
    studies = frames()
    before, parts, subgroups = public_bytes(studies)
    for study, change in ((3, 0.02), (77, -0.02)):
        others = {**studies, "team/b": studies["team/b"].copy()}
        others["team/b"].loc[study, "radcliq_v1"] += change
        after, _, _ = public_bytes(others)
        assert {name for name in before if before[name] != after[name]} == set()
    tested = [p.p for p in parts.pairs]
    tested += [v for axis in subgroups.axes for m in axis.models.values() for v in (m.p, m.q)]
    assert set(tested) <= P
    assert len(set(tested)) > 1
    shares = [s for m in parts.stability.models.values() for s in (m.first, m.top3)]
    assert all(round(s * 20) == pytest.approx(s * 20, abs=1e-9) for s in (*shares, *parts.stability.tau))
