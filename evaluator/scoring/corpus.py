"""Corpus metrics between scores, files and statistics: where their counts are kept, and the values they yield.

A corpus metric's value on a set is a function of counts summed over studies (F1 over a set, the macro accuracy of
questions), not a mean of per-study scores. The counts of each study are kept beside its score, in columns named
`counts:<metric>:<count>`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evaluator.metrics.registry import get_metric, metric_keys
from evaluator.statistics import corpus
from evaluator.statistics.bootstrap import MIN_CLUSTERS
from evaluator.statistics.corpus import CorpusEstimate

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from evaluator.core.types import FloatArray, Scores
    from evaluator.datasets.exposure import Exposure
    from evaluator.metrics.corpus import Corpus
    from evaluator.statistics.bootstrap import Clusters

COUNTS_PREFIX: Final = "counts:"


def corpus_of(key: str) -> Corpus | None:
    """The corpus rule of a metric; `None` for a mean, and for a metric of another version."""
    return get_metric(key).corpus if key in metric_keys() else None


def tested(key: str) -> bool:
    """Whether a metric's values can be tested: means over studies, and sums with fixed weights per study."""
    rule = corpus_of(key)
    return rule is None or rule.shares is not None


def drawn(key: str) -> bool:
    """Whether a metric's value has a bootstrap interval."""
    rule = corpus_of(key)
    return rule is None or rule.interval != "none"


def weighted(key: str, scores: Scores) -> Scores:
    """The scores; for a linear metric with each study's part of the total, times n, as its values."""
    rule = corpus_of(key)
    if rule is None or rule.shares is None or scores.counts is None:
        return scores
    return replace(scores, values=rule.shares(scores.counts.astype(np.float64)))


def frame_values(key: str, frame: pd.DataFrame) -> FloatArray:
    """What is tested on n studies, shape (n,): their scores, or their parts of the total on these studies, times n."""
    rule = corpus_of(key)
    if rule is not None and rule.shares is not None:
        return rule.shares(frame_counts(key, frame))
    return np.asarray(frame[key], dtype=np.float64)


def count_columns(key: str) -> list[str]:
    """The columns of a metric's counts in a file of per-study scores; none for a mean."""
    rule = corpus_of(key)
    return [f"{COUNTS_PREFIX}{key}:{name}" for name in rule.counts] if rule else []


def value_of(key: str, scores: Scores) -> float:
    """A metric's value on a dataset: the mean of its scores, or the value from its counts.

    Raises `ValueError` without counts.
    """
    rule = corpus_of(key)
    if rule is None:
        return float(np.mean(scores.values))
    if scores.counts is None:
        raise ValueError(f"{key} has no counts")
    return corpus.value(scores.counts.astype(np.float64), rule.statistic)


def counted(scores: Mapping[str, Scores]) -> dict[str, FloatArray]:
    """The counts of the corpus metrics among some scores, by key, shape (n, K)."""
    return {
        key: s.counts.astype(np.float64)
        for key, s in scores.items()
        if corpus_of(key) and s.counts is not None
    }


def frame_counts(key: str, frame: pd.DataFrame | Mapping[str, NDArray[Any]]) -> FloatArray:
    """The counts of a file of per-study scores, shape (n, K)."""
    return np.array([np.asarray(frame[c]) for c in count_columns(key)], dtype=np.float64).T


def frame_value(key: str, frame: pd.DataFrame | Mapping[str, NDArray[Any]]) -> float:
    """A metric's value on a dataset, as `value_of`, from a file of per-study scores: a frame or its columns by name."""
    rule = corpus_of(key)
    if rule is None:
        return float(frame[key].mean())
    return corpus.value(frame_counts(key, frame), rule.statistic)


def estimate_of(key: str, counts: FloatArray, clusters: Clusters, seed: int) -> CorpusEstimate:
    """A corpus metric's value with its 95 % interval, from counts of shape (n, K), on the weights that the means use."""
    rule = _rule(key)
    return corpus.estimate(counts, clusters, seed, rule.statistic, interval=rule.interval)


def difference_of(key: str, a: FloatArray, b: FloatArray, clusters: Clusters, seed: int) -> CorpusEstimate:
    """The value of `a` minus that of `b` with its 95 % interval, paired; both counts of the same studies, shape (n, K)."""
    rule = _rule(key)
    return corpus.difference(a, b, clusters, seed, rule.statistic, interval=rule.interval)


def draws_of(
    counts: Mapping[str, Sequence[FloatArray]], clusters: Clusters, seed: int
) -> dict[str, FloatArray]:
    """By metric, the values of several models in every draw, shape (draws, models), with the same weights for all.

    Without the metrics that have no interval; empty with fewer than 30 patients. `counts`: those of each model.
    """
    holders = {k: models for k, models in counts.items() if _rule(k).interval != "none"}
    blocks = [(c, _rule(k).statistic) for k, models in holders.items() for c in models]
    if not blocks or clusters.n < MIN_CLUSTERS:
        return {}
    values = corpus.value_draws(blocks, clusters, seed)
    ends = np.cumsum([len(models) for models in holders.values()])[:-1]
    return dict(zip(holders, np.split(values, ends, axis=1), strict=True))


def _rule(key: str) -> Corpus:
    rule = corpus_of(key)
    if rule is None:
        raise ValueError(f"{key} is not a corpus metric")
    return rule


def step_of(exposure: Exposure, key: str, n_studies: int) -> float | None:
    """The granularity of a metric's published value, or `None` if it is shown at full precision.

    On a withheld dataset, a corpus metric's step is wider by the factor by which one study can move it
    further than it can move a mean. A linear one's steps are worth as many studies as a mean's, counting
    those that weigh most.
    """
    rule = corpus_of(key)
    if rule and rule.shares and exposure.ladder:
        return exposure.step(max(1, n_studies // rule.influence))
    step = exposure.step(n_studies)
    return step * rule.influence if step and rule and exposure.ladder else step
