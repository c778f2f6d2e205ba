"""Subgroup estimates and gaps: against plain means, by construction, and at known case mixes."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator.statistics.bootstrap import clusters_of, weight_chunks
from evaluator.statistics.disclosure import Axis
from evaluator.statistics.subgroups import (
    analyse_subgroups,
    cells_of,
    group_draws,
    places_in_groups,
)

RNG = np.random.default_rng(21)
N = 600
CLUSTERS = clusters_of([f"p{i // 2:04}" for i in range(N)])
SEX = [["F", "M"][i % 2] for i in range(N)]


def analyse_axes(values, axes, **more):
    """The results of one model."""
    options = {"higher_is_better": True, "draws": 2_000, **more}
    (results,) = analyse_subgroups(values[:, None], axes, CLUSTERS, 5, **options)
    return results


def analyse(values, labels, **more):
    return analyse_axes(values, [Axis("a", labels)], **more)


def test_many_models_at_once_are_each_as_if_alone():
    values = RNG.normal(size=(N, 3))
    strata = ["x" if i % 3 else "y" for i in range(N)]
    options = {"higher_is_better": True, "draws": 300, "strata": strata, "null": RNG.normal(size=N)}
    together = analyse_subgroups(values, [Axis("a", SEX)], CLUSTERS, 5, **options)
    assert together == [analyse_axes(column, [Axis("a", SEX)], **options) for column in values.T]


def test_draws_equal_the_explicit_masked_mean():
    values = RNG.normal(size=N)
    masks = [np.array([s == "F" for s in SEX]), np.arange(N) < 80]
    means = group_draws(values[:, None], [[m] for m in masks], CLUSTERS, 3, 60)[0][:, 0]
    weights = np.vstack(list(weight_chunks(CLUSTERS, 3, 60)))[:, CLUSTERS.index]
    for j, mask in enumerate(masks):
        expected = (weights[:, mask] @ values[mask]) / weights[:, mask].sum(axis=1)
        assert np.abs(means[j] - expected).max() <= 1e-12


def test_the_whole_dataset_as_a_group_is_the_board_itself():
    from evaluator.statistics.bootstrap import draw_means

    values = RNG.normal(size=N)
    whole, _ = group_draws(values[:, None], [[np.ones(N, bool)]], CLUSTERS, 3, 200)
    assert np.abs(whole[0, 0] - draw_means([values[:, None]], CLUSTERS, 3, 200)[0][:, 0]).max() <= 1e-12


def test_a_group_that_a_draw_misses_is_nan():
    mask = np.arange(N) < 2
    whole, parts = group_draws(np.ones((N, 1)), [[mask, ~mask]], CLUSTERS, 3, 200)
    assert np.isnan(parts[0, 0]).any()
    assert not np.isnan(whole).any()


def test_a_group_of_parts_has_the_draws_of_the_whole_group():
    """And each part those that it has alone."""
    values = RNG.normal(size=(N, 2))
    mask = np.array([s == "F" for s in SEX])
    kind = np.arange(N) % 3
    parts = [mask & (kind == k) for k in range(3)]
    whole, within = group_draws(values, [parts], CLUSTERS, 3, 100)
    alone, _ = group_draws(values, [[mask]], CLUSTERS, 3, 100)
    assert np.abs(whole - alone).max() <= 1e-12
    for part, draws in zip(parts, within[0], strict=True):
        own, _ = group_draws(values, [[part]], CLUSTERS, 3, 100)
        assert np.abs(draws - own[0]).max() <= 1e-12


def test_means_gaps_and_the_worst_group():
    values = RNG.normal(0, 0.1, N) + np.array([0.5 if s == "F" else 0.0 for s in SEX])
    (analysis,) = analyse(values, SEX)
    assert [(g.name, g.studies, g.patients) for g in analysis.groups] == [("F", 300, 300), ("M", 300, 300)]
    assert analysis.worst == "M"
    (gap,) = analysis.gaps
    assert gap.raw.value == pytest.approx(values[::2].mean() - values[1::2].mean())
    assert gap.raw.low < gap.raw.value < gap.raw.high
    assert (gap.standardised, gap.beyond_null) == (None, None)
    assert analysis.p == pytest.approx(1 / 2_001)
    (worse,) = analyse(values, SEX, higher_is_better=False, draws=500)
    assert worse.worst == "F"


def test_patients_in_both_groups_make_the_gap_paired():
    level = np.repeat(RNG.normal(0, 1, N // 2), 2)
    (analysis,) = analyse(level + RNG.normal(0, 0.01, N), SEX)
    width = analysis.gaps[0].raw.high - analysis.gaps[0].raw.low
    alone = analysis.groups[0].mean.high - analysis.groups[0].mean.low
    assert width < 0.1 * alone


def test_standardising_removes_a_gap_that_is_case_mix():
    normal = RNG.random(N) < np.where(np.array(SEX) == "F", 0.8, 0.3)
    values = np.where(normal, 0.6, 0.2) + RNG.normal(0, 0.02, N)
    strata = ["normal" if x else "abnormal" for x in normal]
    (analysis,) = analyse(values, SEX, strata=strata)
    (gap,) = analysis.gaps
    assert gap.raw.low > 0.1
    assert gap.standardised.low < 0 < gap.standardised.high
    assert gap.covered == 1.0


def test_standardised_gap_by_hand():
    strata = ["x" if i % 4 < 2 else "y" for i in range(N)]
    values = np.array(
        [{"F": 1.0, "M": 0.0}[s] * (2 if t == "x" else 1) for s, t in zip(SEX, strata, strict=True)]
    )
    (analysis,) = analyse(values, SEX, strata=strata)
    assert analysis.gaps[0].standardised.value == pytest.approx(1.5)
    rare = ["rare" if i < 10 else t for i, t in enumerate(strata)]
    (less,) = analyse(values, SEX, strata=rare)
    assert less.gaps[0].covered == pytest.approx(590 / 600)


def test_the_gap_beyond_the_baseline():
    null = RNG.normal(size=N) + np.array([0.3 if s == "F" else 0.0 for s in SEX])
    (analysis,) = analyse(null + 0.1, SEX, null=null)
    beyond = analysis.gaps[0].beyond_null
    assert (beyond.value, beyond.low, beyond.high) == pytest.approx((0, 0, 0), abs=1e-12)
    assert analysis.gaps[0].raw.value > 0.1


def test_small_groups_have_no_interval_and_are_not_the_worst():
    labels = ["rare" if i < 40 else "often" for i in range(N)]  # 20 patients
    values = np.where(np.arange(N) < 40, 0.0, 1.0)
    (analysis,) = analyse(values, labels)
    assert analysis.groups[1].mean.low is None
    assert analysis.worst == "often"
    assert analysis.p is None
    assert analysis.q is None


def test_q_is_over_all_axes():
    values = RNG.normal(0, 0.1, N) + np.array([0.5 if s == "F" else 0.0 for s in SEX])
    noise = RNG.choice(["u", "v"], N).tolist()
    one, two = analyse_axes(values, [Axis("sex", SEX), Axis("noise", noise)], draws=999)
    assert one.q == pytest.approx(min(2 * one.p, two.p))
    assert two.q == pytest.approx(two.p)


def test_unknown_groups_and_single_groups_are_left_out():
    labels = [None if i < 100 else s for i, s in enumerate(SEX)]
    (analysis,) = analyse(np.zeros(N), labels)
    assert sum(g.studies for g in analysis.groups) == 500
    assert analyse(np.zeros(N), ["same"] * N) == []


def test_non_public_datasets_show_only_what_may_be_shown():
    labels = ["rare" if i < 40 else s for i, s in enumerate(SEX)]
    cells = cells_of([Axis("a", labels)], CLUSTERS, private=True)["a"]
    assert sorted(cells) == ["M", "other or unknown"]
    (analysis,) = analyse(RNG.normal(size=N), labels, private=True)
    assert {g.name for g in analysis.groups} == set(cells)


def test_places_in_groups():
    values = RNG.normal(0, 0.1, (N, 2)) + np.array([0.5, 0.0]) * np.array(
        [[1 if s == "F" else -1] for s in SEX]
    )
    cells = cells_of([Axis("a", SEX)], CLUSTERS, private=False)["a"]
    places = places_in_groups(values, cells | {"few": np.arange(N) < 10}, CLUSTERS, 3, higher_is_better=True)
    assert {k: [p.rank_low for p in v] for k, v in places.items()} == {"F": [1, 2], "M": [2, 1]}
    turned = places_in_groups(values, cells, CLUSTERS, 3, higher_is_better=False)
    assert [p.rank_low for p in turned["F"]] == [2, 1]


def test_models_in_several_passes_are_as_in_one(monkeypatch):
    values = RNG.normal(size=(N, 4))
    options = {"higher_is_better": True, "draws": 200, "strata": SEX, "null": RNG.normal(size=N)}
    one = analyse_subgroups(values, [Axis("a", SEX)], CLUSTERS, 5, **options)
    monkeypatch.setattr("evaluator.statistics.subgroups.MAX_DRAWN", 6 * 200 * 3)
    assert analyse_subgroups(values, [Axis("a", SEX)], CLUSTERS, 5, **options) == one
