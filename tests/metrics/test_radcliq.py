"""RadCliQ against the published pickles' own outputs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evaluator.core.types import Scores
from evaluator.metrics.base import all_scored
from evaluator.metrics.radcliq import PARTS, V0, V1, RadCliqV0, RadCliqV1, compose
from evaluator.models.runtime import Run
from evaluator.scoring.engine import score

GOLDEN = json.loads((Path(__file__).parents[1] / "data/parity/core/golden/radcliq_formula.json").read_text())


def test_equals_the_pickles_on_given_components():
    assert tuple(GOLDEN["columns"]) == PARTS
    rows = np.array([r["x"] for r in GOLDEN["rows"]])
    assert len(rows) == 48
    assert np.abs(V1(rows) - [r["radcliq_v1"] for r in GOLDEN["rows"]]).max() <= 1e-9
    assert np.abs(V0(rows) - [r["radcliq_v0"] for r in GOLDEN["rows"]]).max() <= 1e-9


@pytest.mark.parametrize(
    ("formula", "zeros", "ones"), [(V1, 2.4501430833, -1.4406902828), (V0, 5.5161608041, -0.2421334229)]
)
def test_corners(formula, zeros, ones):
    assert formula(np.array([[0.0] * 4, [1.0] * 4])) == pytest.approx([zeros, ones], abs=1e-9)


def test_bleu_has_no_weight_in_v1_and_is_punished_in_v0():
    better = np.array([[0.5, 0.5, 0.5, 0.0], [0.5, 0.5, 0.5, 1.0]])
    assert np.ptp(V1(better)) < 1e-10
    assert np.diff(V0(better))[0] > 0


def test_through_the_encoders(pairs, official, compat):
    result = score(pairs, ["radcliq_v1", "radcliq_v0"], compat)
    assert not result.unavailable
    main = [i for i, p in enumerate(pairs) if "radcliq_v1" in official[p.id]]
    assert len(main) == 62
    for key in ("radcliq_v1", "radcliq_v0"):
        wanted = [official[pairs[i].id][key] for i in main]
        assert result.scores[key].values[main] == pytest.approx(wanted, abs=1e-5)


def test_a_failed_part_never_betters_the_score():
    good = {k: all_scored([0.9]) for k in PARTS}
    failed = good | {"radgraph_f1": Scores(np.array([0.0]), np.array([True]))}
    assert compose(failed, V1).failed[0]
    assert compose(failed, V1).values[0] > compose(good, V1).values[0]


def test_worst_is_what_an_empty_report_scores():
    assert pytest.approx(11.612592, abs=1e-5) == RadCliqV1.worst
    assert not RadCliqV1.higher_is_better
    assert RadCliqV1.reciprocal


def test_signature_names_every_part(compat):
    signature = str(RadCliqV1().signature(compat))
    assert all(
        part in signature for part in ("radgraph@", "distilroberta-base@", "chexbert@", "protocol:compat")
    )
    assert "bleu_2|" not in signature
    earlier = str(RadCliqV0().signature(Run(models=compat.models)))
    assert earlier.startswith("radcliq_v0|v1|(")
    assert "+bleu_2|v1|" in earlier


@pytest.mark.parametrize(
    ("mean", "skill"), [(2.450143, 0.0), (-1.440690, 1.0), (0.5, 0.5012), (-0.611, 0.7868), (11.6, -2.352)]
)
def test_skill_is_a_straight_line_from_nothing_right_to_everything_right(mean, skill):
    assert RadCliqV1.skill.at(mean) == pytest.approx(skill, abs=1e-3)
    assert RadCliqV1.skill.at(mean) == pytest.approx((2.450 - mean) / 3.891, abs=1e-3)


def test_skill_of_the_mean_is_the_mean_of_the_skills():
    values = np.array([0.5, -0.3, 2.4, 11.6])
    assert RadCliqV1.skill.at(values.mean()) == pytest.approx(
        np.mean([RadCliqV1.skill.at(v) for v in values])
    )
