"""RadCliQ: a weighted sum of other scores, fitted to radiologists' error counts. Lower is better.

Yu et al., Patterns 2023. The constants were taken once from the pickles `radcliq-v0.pkl` and `radcliq-v1.pkl`
of CXR-Report-Metric 9c9ecad; no pickle is loaded here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np

from evaluator.core.problems import MetricUnavailable
from evaluator.core.types import FloatArray, Pair, Scores
from evaluator.metrics.base import Agreement, Band, Metric, SkillScale
from evaluator.metrics.registry import get_metric
from evaluator.metrics.signature import CompositeSignatures, Signature
from evaluator.models.runtime import Run

PARTS: Final = ("radgraph_f1", "bertscore", "semb_score", "bleu_2")


@dataclass(frozen=True, slots=True)
class Formula:
    """A linear model on standardised scores, in the order of `PARTS`."""

    means: tuple[float, float, float, float]
    scales: tuple[float, float, float, float]
    coefficients: tuple[float, float, float, float]
    intercept: float

    def __call__(self, parts: FloatArray) -> FloatArray:
        """RadCliQ of component scores of shape (n, 4)."""
        standard = (parts - np.array(self.means)) / np.array(self.scales)
        return np.asarray(standard @ np.array(self.coefficients) + self.intercept, dtype=np.float64)


V1: Final = Formula(
    means=(0.5379231241355762, 0.6175725628125001, 0.7647942121140658, 0.44738335396242174),
    scales=(0.3028258411486429, 0.22430938459304575, 0.2539439110169773, 0.2989271671041838),
    coefficients=(-0.37708368261038905, -0.37030009974480316, -0.25261621789593225, 4.315048405024756e-12),
    intercept=2.466552561323256e-10,
)

V0: Final = Formula(
    means=(0.5398376019082272, 0.6312549595000001, 0.7716797866672277, 0.4607372064809605),
    scales=(0.3018344440559102, 0.22466950746141123, 0.24750333805236252, 0.30336670936092264),
    coefficients=(-0.4796252644863446, -0.6762170542369337, -0.46366575161751994, 0.2165861905287535),
    intercept=1.641666666666666,
)


_WORST_PARTS: Final = np.array([[get_metric(k).worst for k in PARTS]])
"""The scores of an empty report in every part; RadCliQ-v1 is then 11.6, far from the 2.45 of zeros."""


_AT_ZEROS, _AT_ONES = (float(v) for v in V1(np.array([[0.0] * 4, [1.0] * 4])))
"""Mean RadCliQ-v1 when all parts are 0 (2.450) and when all are 1 (−1.441)."""


class RadCliqV1(Metric):
    """RadCliQ-v1, ReXrank's ranking metric; readers see its skill, with the mean and 1/mean next to it."""

    key: ClassVar[str] = "radcliq_v1"
    title: ClassVar[str] = "RadCliQ-v1"
    summary: ClassVar[str] = (
        "Combines RadGraph-F1, BERTScore and SembScore to predict how many errors radiologists count in a report."
    )
    display_title: ClassVar[str] = "RadCliQ-v1 skill"
    family: ClassVar[str] = "composite"
    higher_is_better: ClassVar[bool] = False
    lower_bound: ClassVar[float | None] = -1.4406902828
    upper_bound: ClassVar[float | None] = None
    worst: ClassVar[float] = float(V1(_WORST_PARTS)[0])
    equivalence: ClassVar[float | None] = 0.03
    composes: ClassVar[tuple[str, ...]] = PARTS
    reciprocal: ClassVar[bool] = True
    skill: ClassVar[SkillScale | None] = SkillScale("radcliq_v1_skill", zero=_AT_ZEROS, perfect=_AT_ONES)
    paper: ClassVar[str] = "Yu et al., Patterns 2023"
    code: ClassVar[str] = "rajpurkarlab/CXR-Report-Metric@9c9ecad, radcliq-v1.pkl"
    formula: ClassVar[Formula] = V1
    named: ClassVar[tuple[str, ...]] = PARTS[:3]
    on_boards: ClassVar[bool] = True
    presets: ClassVar[tuple[str, ...]] = ("paper-2024", "rexrank-2026")
    band: ClassVar[Band | None] = Band((-1.4407, -1.1), (1.4, 11.7), (-0.5, 2.6))
    """Parts that the signature names; BLEU-2's weight in v1 is 4e-12."""
    agreement: ClassVar[Agreement] = MappingProxyType(
        {
            "as_drawn": (0.58, 0.51, 0.64),
            "from_chexbert": 0.34,
            "from_bertscore": 0.35,
            "from_radgraph": 0.12,
            "from_bleu": 0.28,
            "real_models": (-0.107, -0.16, -0.052),
        }
    )

    def signature(self, run: Run) -> Signature:
        """The formula and the signatures of its parts, without their protocol: `radcliq_v1|v1|(…)|…`.

        Raises `MetricUnavailable` if a part cannot run.
        """
        bertscore = get_metric("bertscore")
        if bertscore.variant(run) != bertscore.variants[0]:
            raise MetricUnavailable(
                "its formula is fitted to BERTScore's own variant: leave --variant bertscore out."
            )
        parts = CompositeSignatures(tuple(get_metric(k).signature(run) for k in self.named))
        return Signature(self.key, "v1", (parts,), run.protocol)

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:  # noqa: ARG002 - composed of scores alone
        """RadCliQ of every pair, lower is better, in errors counted by radiologists; failed if any part failed.

        A part that failed has its worst value, so that a failure never lowers (betters) the score.
        """
        return compose(run.scores, self.formula)


class RadCliqV0(RadCliqV1):
    """RadCliQ-v0, the earlier formula; it punishes BLEU-2, as published."""

    key: ClassVar[str] = "radcliq_v0"
    title: ClassVar[str] = "RadCliQ-v0"
    display_title: ClassVar[str] = "1/RadCliQ-v0"
    skill: ClassVar[SkillScale | None] = None
    lower_bound: ClassVar[float | None] = None
    worst: ClassVar[float] = float(V0(_WORST_PARTS)[0])
    code: ClassVar[str] = "rajpurkarlab/CXR-Report-Metric@9c9ecad, radcliq-v0.pkl"
    formula: ClassVar[Formula] = V0
    named: ClassVar[tuple[str, ...]] = PARTS


def compose(scores: Mapping[str, Scores], formula: Formula) -> Scores:
    """The formula applied to the parts' scores, study by study; failed if any part failed."""
    parts = np.column_stack([scores[k].values for k in PARTS])
    failed = np.any([scores[k].failed for k in PARTS], axis=0)
    return Scores(formula(parts), failed)
