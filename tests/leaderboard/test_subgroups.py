"""A board's subgroups as tables contain them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from support.records import entry, record

from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.compare import compare_models
from evaluator.leaderboard.subgroup_types import Group, RankSteps
from evaluator.leaderboard.subgroups import axes_of, board_subgroups, group_masks
from evaluator.scoring.records import Board

PUBLIC = Board(get_dataset("sandbox"), "findings")
WITHHELD = Board(get_dataset("rexgradient"), "findings")
N = 400


def frame(shift=0.0, gap=0.0, seed=1):
    rng = np.random.default_rng(seed)
    sex = np.array(["F", "M"])[np.arange(N) % 2]
    site = np.where(np.arange(N) < 12, "S01", "S02")
    return pd.DataFrame(
        {
            "study_id": [f"s{i:04}" for i in range(N)],
            "patient": [f"p{i:04}" for i in range(N)],
            "subgroup:sex": pd.array(sex, dtype="string"),
            "subgroup:site": pd.array(site, dtype="string"),
            "subgroup:normal": pd.array(
                ["normal" if i % 3 else "abnormal" for i in range(N)], dtype="string"
            ),
            "subgroup:length": pd.array(["short", "long"] * (N // 2), dtype="string"),
            "radcliq_v1": rng.normal(1, 0.3, N) + shift + gap * (sex == "F"),
        }
    )


def subgroups(board, **frames):
    null = ("baseline/x", frame(0.5, seed=9))
    return board_subgroups(board, "d", frames, "radcliq_v1", null, [*frames])


def test_axes_in_the_order_of_preference_with_unknown_labels():
    one = frame()
    one["subgroup:sex"] = one["subgroup:sex"].mask(one.index < 3)
    axes = axes_of([one])
    assert [a.name for a in axes] == ["normal", "sex", "length", "site"]
    assert axes[1].labels[:4] == [None, None, None, "M"]


def test_means_ranks_and_gaps_of_a_public_board():
    frames = {"a": frame(), "b": frame(0.4, 0.5, seed=2)}
    axes = subgroups(PUBLIC, **frames)
    assert axes.standardised_by == ("normal", "length")
    assert axes.null == "baseline/x"
    sex = next(x for x in axes.axes if x.axis == "sex")
    assert sex.groups[0] == Group(name="F", studies=200, patients=200)
    b = sex.models["b"]
    assert b.worst == "F"
    assert b.gaps[0].raw.value == pytest.approx(0.5, abs=0.1)
    assert b.gaps[0].beyond_null.low > 0
    assert b.q < 0.05
    steps = sex.rank_steps["F"]
    assert (steps, steps.ranges()) == (RankSteps(low=(1, 1), high=(1, 1)), [(1, 1), (2, 2)])
    turned = board_subgroups(PUBLIC, "d", frames, "radcliq_v1", None, ["b", "a"])
    steps = next(x for x in turned.axes if x.axis == "sex").rank_steps["F"]
    assert (steps, steps.ranges()) == (RankSteps(low=(2, -1), high=(2, -1)), [(2, 2), (1, 1)])


def test_a_single_model_has_the_same_numbers_as_among_others():
    alone = subgroups(PUBLIC, a=frame())
    beside = subgroups(PUBLIC, a=frame(), b=frame(0.4, 0.5, seed=2))
    for one, two in zip(alone.axes, beside.axes, strict=True):
        for group, numbers in one.models["a"].groups.items():
            other = two.models["a"].groups[group]
            assert (numbers.value, numbers.low, numbers.high) == (other.value, other.low, other.high)
        assert one.models["a"].gaps == two.models["a"].gaps


def test_a_private_board_shows_no_small_cell_and_no_fine_number(monkeypatch):
    monkeypatch.setenv("REXRANK_SALT", "salt")
    axes = subgroups(WITHHELD, a=frame())
    assert "site" not in {x.axis for x in axes.axes}
    assert all(g.studies % 10 == 0 for x in axes.axes for g in x.groups)
    sex = next(x for x in axes.axes if x.axis == "sex")
    value = sex.models["a"].groups["F"].value
    assert value == pytest.approx(round(value / 0.025) * 0.025, abs=1e-12)
    assert "s0001" not in json.dumps(axes.view())
    assert set(group_masks(WITHHELD, frame())) == {x.axis for x in axes.axes}


def test_nothing_to_say():
    assert board_subgroups(PUBLIC, "d", {}, "radcliq_v1", None, []) is None
    plain = frame()[["study_id", "patient", "radcliq_v1"]]
    assert board_subgroups(PUBLIC, "d", {"a": plain}, "radcliq_v1", None, ["a"]) is None


def test_comparisons_by_subgroup_keep_the_private_rules(monkeypatch):
    monkeypatch.setenv("REXRANK_SALT", "salt")
    model = record(metrics={"radcliq_v1": entry(1.0, "radcliq_v1|v1|protocol:clean")})
    records = [model, model]
    frames = [frame(), frame(0.2, seed=5)]
    public = {r.group: r for r in compare_models(PUBLIC, records, frames)}
    private = {r.group: r for r in compare_models(WITHHELD, records, frames)}
    assert "site: S01" in public
    assert not any(g.startswith("site") for g in private)
    assert private["sex: F"].n == 200
    assert private["all"].difference == pytest.approx(public["all"].difference, abs=0.013)
    assert private["all"].difference != public["all"].difference


def test_both_tracks_together_reveal_no_small_cell(monkeypatch):
    """Each track alone is safe; cells that differ by a dozen patients between the tracks are shown on one only."""
    monkeypatch.setenv("REXRANK_SALT", "salt")
    findings = frame()
    report = findings.iloc[100:].reset_index(drop=True).copy()
    report["subgroup:sex"] = report["subgroup:sex"].mask(report.index < 12, "M")

    def axes(shown_here, other):
        groups = board_subgroups(WITHHELD, "d", {"a": shown_here}, "radcliq_v1", None, ["a"], None, other)
        return {x.axis for x in groups.axes}

    assert {"normal", "sex"} <= axes(report, None)
    assert "normal" in axes(report, findings)
    assert "sex" not in axes(report, findings)
    same = findings.iloc[100:].reset_index(drop=True)
    assert axes(same, findings) == axes(same, None)
