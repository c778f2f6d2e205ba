"""Agreement of metrics with radiologists: every metric that runs here, with trusted weights only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np

from evaluator.core.problems import MetricUnavailable
from evaluator.core.types import BoolArray, FloatArray
from evaluator.metrics.registry import get_metric, metric_keys
from evaluator.models.runtime import Run
from evaluator.scoring.agreement import results
from evaluator.scoring.agreement.ratings import RadJudge, RadPref, RankingCase
from evaluator.scoring.agreement.results import (
    JudgedCases,
    MetricAgreement,
    RadJudgeAgreement,
    RadPrefAgreement,
    RaterAgreement,
    SourceAlone,
)
from evaluator.scoring.engine import Scored, as_pairs, score
from evaluator.scoring.score_store import ScoreStore
from evaluator.statistics import agreement
from evaluator.statistics.bootstrap import clusters_of, seed_of, weight_chunks

V = TypeVar("V")
DRAWS: Final = 50_000
"""With so few pairs, many draws are cheap: the Monte Carlo error of an interval's ends is below 0.001."""
UNTRUSTED: Final = "it would use stand-in or unverified weights, or a judge that nothing pins; agreement is measured with the published ones only. Fetch and verify them with: rexrank models fetch && rexrank models verify"


@dataclass(frozen=True, slots=True)
class AgreementResult:
    """The agreement of the measured metrics, and for each other metric why it was not measured."""

    pref: RadPrefAgreement
    judge: RadJudgeAgreement
    unavailable: Mapping[str, str]


def measure(
    pref: RadPref,
    judge: RadJudge,
    keys: Sequence[str],
    run: Run,
    store: ScoreStore | None = None,
    earlier: tuple[RadPrefAgreement | None, RadJudgeAgreement | None] = (None, None),
) -> AgreementResult:
    """The agreement of `keys` with radiologists, added to `earlier` results of other metrics on the same data.

    On RadPref: Kendall's tau-b and the share of preferences. On RadJudge: the cases ordered as expected. A
    metric that cannot run, or only with unpublished weights, is listed with the reason.
    """
    trusted, unavailable = _trusted(keys, run)
    rows = [*pref.rows, *(row for case in judge.cases for row in case.rows)]
    scored = score(as_pairs(rows, run.protocol), trusted, run, store)
    n = len(pref.rows)
    ratings = _Ratings(pref)
    old_pref = earlier[0].metrics if earlier[0] and earlier[0].data_sha256 == pref.digest else {}
    old_judge = earlier[1].metrics if earlier[1] and earlier[1].data_sha256 == judge.digest else {}
    preferred = {k: ratings.metric(k, scored) for k in scored.scores}
    judged = {k: _judged(k, scored, judge.cases, n) for k in scored.scores}
    return AgreementResult(
        RadPrefAgreement(
            schema="rexrank/agreement-radpref/v1",
            data_sha256=pref.digest,
            pairs=n // 2,
            radiologists=pref.ratings.shape[1],
            humans=ratings.humans(),
            source_alone=ratings.source_alone(),
            metrics=_in_order({**old_pref, **preferred}),
        ),
        RadJudgeAgreement(
            schema="rexrank/agreement-radjudge/v1",
            data_sha256=judge.digest,
            cases={c.id: c.category for c in judge.cases},
            metrics=_in_order({**old_judge, **judged}),
        ),
        {**unavailable, **scored.unavailable},
    )


def _trusted(keys: Sequence[str], run: Run) -> tuple[list[str], dict[str, str]]:
    """The metrics to score, and why each of the others is left out."""
    usable, reasons = [], {}
    for key in keys:
        try:
            trusted = get_metric(key).signature(run).trusted
        except MetricUnavailable as reason:
            reasons[key] = str(reason)
            continue
        if trusted:
            usable.append(key)
        else:
            reasons[key] = UNTRUSTED
    return usable, reasons


def _in_order(entries: Mapping[str, V]) -> dict[str, V]:
    return {k: entries[k] for k in metric_keys() if k in entries}


class _Ratings:
    """The ratings with the draws that every interval shares: weights of pairs, shape (draws, pairs)."""

    def __init__(self, pref: RadPref) -> None:
        self.pref = pref
        self.mean: FloatArray = pref.ratings.mean(axis=1)
        self.clusters = clusters_of(pref.pairs)
        seed = seed_of("radpref", "", pref.digest)
        self.weights = np.vstack([*weight_chunks(self.clusters, seed, DRAWS)]).astype(np.float64)

    def tau(self, x: FloatArray, y: FloatArray, mask: BoolArray | None = None) -> results.Estimate:
        """Tau-b over the candidates in `mask`, or over all without one."""
        inside = np.ones(len(x), dtype=np.bool_) if mask is None else mask
        estimate = agreement.tau(x[inside], y[inside], self.clusters.index[inside], self.weights)
        return results.Estimate(**asdict(estimate))

    def preference(self, x: FloatArray, y: FloatArray) -> results.Preference:
        """How often `x` prefers the same candidate as `y`."""
        # The draws number the pairs by name, as `clusters_of` does.
        order = np.argsort(self.clusters.index[::2])  # tie: none, each pair has its own number
        estimate = agreement.preference(x.reshape(-1, 2)[order], y.reshape(-1, 2)[order], self.weights)
        return results.Preference(**asdict(estimate))

    def metric(self, key: str, scored: Scored) -> MetricAgreement:
        """One metric against the mean rating."""
        n = len(self.mean)
        upwards = _upwards(key, scored)[:n]
        names = sorted(set(self.pref.sources))
        within = {k: np.array([s == k for s in self.pref.sources]) for k in names}
        return MetricAgreement(
            signature=str(scored.signatures[key]),
            n_failed=int(scored.scores[key].failed[:n].sum()),
            tau=self.tau(upwards, self.mean),
            within={name: self.tau(upwards, self.mean, mask) for name, mask in within.items()},
            preference=self.preference(upwards, self.mean),
        )

    def humans(self) -> tuple[RaterAgreement, ...]:
        """Each radiologist against the mean of the others."""
        agreements = []
        for j, own in enumerate(self.pref.ratings.T):
            others = np.delete(self.pref.ratings, j, axis=1).mean(axis=1)
            tau, preference = self.tau(own, others), self.preference(own, others)
            agreements.append(RaterAgreement(rater=f"{j + 1}", tau=tau, preference=preference))
        return tuple(agreements)

    def source_alone(self) -> SourceAlone:
        """The result of always preferring the better source."""
        sources = np.array(self.pref.sources)
        names = sorted(set(self.pref.sources))
        best = max(names, key=lambda s: float(self.mean[sources == s].mean()))  # tie: first name
        alone = (sources == best).astype(np.float64)
        return SourceAlone(source=best, preference=self.preference(alone, self.mean))


def _upwards(key: str, scored: Scored) -> FloatArray:
    """The scores with the sign that makes higher better."""
    values = scored.scores[key].values
    return values if get_metric(key).higher_is_better else -values


def _judged(key: str, scored: Scored, cases: Sequence[RankingCase], start: int) -> JudgedCases:
    values = _upwards(key, scored)[start:].tolist()
    ends = np.cumsum([0, *(len(c.rows) for c in cases)]).tolist()
    outcomes = {
        case.id: agreement.holds(values[a:b], case.relations)
        for case, (a, b) in zip(cases, pairwise(ends), strict=True)
    }
    return JudgedCases(
        signature=str(scored.signatures[key]), n_passed=sum(outcomes.values()), passed=outcomes
    )
