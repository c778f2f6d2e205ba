"""The result of scoring, with the statistics that a paper needs: means with intervals, paired tests, tables."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluator.core.problems import InputError
from evaluator.metrics.registry import get_metric
from evaluator.scoring.corpus import corpus_of, counted, difference_of, estimate_of, value_of
from evaluator.scoring.engine import Scored
from evaluator.statistics import bootstrap
from evaluator.statistics.significance import holm, sign_flip

if TYPE_CHECKING:
    import pandas as pd

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Result(Scored):
    """Scores of pairs, and their statistics.

    `patients`: the patient of each pair, in the order of `ids`, or empty if none was given: intervals and
    tests then treat every pair as a separate patient.
    """

    patients: tuple[str, ...] = ()

    def mean(self) -> dict[str, float]:
        """The mean of each metric over the pairs; a pair that could not be scored counts as the worst value.

        For a corpus metric, the value on all pairs together, which is not a mean.
        """
        return {key: value_of(key, s) for key, s in self.scores.items()}

    def table(self) -> pd.DataFrame:
        """One row per metric: `title`, `mean`, `low`, `high`, `n`, `n_failed`, `higher_is_better`.

        `low` and `high` bound the 95 % interval of the bootstrap over patients, 10,000 draws, the same
        every time; missing with fewer than 30 patients.
        """
        import pandas as pd

        rows = {
            key: {
                "title": get_metric(key).title,
                "mean": mean,
                "low": low,
                "high": high,
                "n": len(self.ids),
                "n_failed": int(self.scores[key].failed.sum()),
                "higher_is_better": get_metric(key).higher_is_better,
            }
            for key, (mean, low, high) in self.intervals().items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("metric")

    def intervals(self) -> dict[str, tuple[float, float | None, float | None]]:
        """(mean, low, high) by metric: the ends of the 95 % interval, `None` with fewer than 30 patients."""
        clusters = self._clusters()
        usual = [k for k in self.scores if corpus_of(k) is None]
        draws = self._draws([self.scores[k].values[:, None] for k in usual], clusters)
        ends = {k: _ends(draws[i] if draws else None) for i, k in enumerate(usual)}
        for key, counts in counted(self.scores).items():
            estimate = estimate_of(key, counts, clusters, self._seed())
            ends[key] = estimate.low, estimate.high
        return {key: (mean, *ends[key]) for key, mean in self.mean().items()}

    def to_frame(self) -> pd.DataFrame:
        """One row per pair, by id: one column per metric, and `patient` if patients were given.

        `n_failed` counts the metrics that could not score the pair and gave it their worst value.
        """
        import pandas as pd

        columns: dict[str, Any] = {"patient": self.patients} if self.patients else {}
        columns |= {key: s.values for key, s in self.scores.items()}
        failed = [s.failed for s in self.scores.values()]
        columns["n_failed"] = np.sum(failed, axis=0, dtype=np.int64) if failed else 0
        return pd.DataFrame(columns, index=pd.Index(self.ids, name="id"))

    def compare(self, other: Result) -> pd.DataFrame:
        """One row per metric: is this better than `other` on the same pairs?

        `difference` is this mean minus the other's, `low` and `high` its 95 % interval, `p` that of the
        paired sign-flip test over patients, `p_holm` the same corrected for the number of metrics (Holm
        1979), `better` is "this", "other" or empty if `p_holm` is not below .05. A corpus metric is not
        tested: its `p` and `p_holm` are missing.

        Raises `InputError` unless both scored the same ids with the same signatures.
        """
        import pandas as pd

        common = [k for k in self.scores if k in other.scores]
        order = self._order_in(other, common)
        clusters = self._clusters()
        keys = [k for k in common if corpus_of(k) is None]
        columns = [np.column_stack([self.scores[k].values, other.scores[k].values[order]]) for k in keys]
        draws = self._draws([c[:, :1] - c[:, 1:] for c in columns], clusters)
        seed = self._seed()
        p = [float(sign_flip(c, clusters, seed).p[0]) for c in columns]
        rows: dict[str, dict[str, Any]] = {}
        for i, (key, corrected) in enumerate(zip(keys, holm(p), strict=True)):
            first, second = (float(m) for m in columns[i].mean(axis=0))
            low, high = _ends(draws[i] if draws else None)
            rows[key] = {
                "mean": first,
                "mean_other": second,
                "difference": first - second,
                "low": low,
                "high": high,
                "p": p[i],
                "p_holm": float(corrected),
                "better": _better(key, first - second, float(corrected)),
            }
        mine, theirs = counted(self.scores), counted(other.scores)
        for key in (k for k in common if k not in rows):
            difference = difference_of(key, mine[key], theirs[key][order], clusters, seed)
            rows[key] = {
                "mean": value_of(key, self.scores[key]),
                "mean_other": value_of(key, other.scores[key]),
                "difference": difference.value,
                "low": difference.low,
                "high": difference.high,
                "p": None,
                "p_holm": None,
                "better": "",
            }
        return pd.DataFrame.from_dict({k: rows[k] for k in common}, orient="index").rename_axis("metric")

    def to_dict(self) -> dict[str, Any]:
        """The result of `Scored.to_dict`, with `means`: per metric `mean`, `low`, `high`, `n`, `n_failed`."""
        means = {
            key: {
                "mean": mean,
                "low": low,
                "high": high,
                "n": len(self.ids),
                "n_failed": int(self.scores[key].failed.sum()),
            }
            for key, (mean, low, high) in self.intervals().items()
        }
        return {"means": means, **Scored.to_dict(self)}

    def _order_in(self, other: Result, keys: list[str]) -> list[int]:
        """The positions of this result's pairs in the other."""
        if not keys:
            raise InputError("the two results have no metric in common.")
        if set(self.ids) != set(other.ids):
            mine, theirs = len(set(self.ids) - set(other.ids)), len(set(other.ids) - set(self.ids))
            raise InputError(
                f"the two results are for different pairs: {mine} ids only in this one, {theirs} only in the other."
            )
        for key in keys:
            if self.signatures[key] != other.signatures[key]:
                raise InputError(
                    f"{key} was computed in two ways, which do not compare: {self.signatures[key]} and "
                    f"{other.signatures[key]}."
                )
        places = {study: i for i, study in enumerate(other.ids)}
        return [places[study] for study in self.ids]

    def _clusters(self) -> bootstrap.Clusters:
        return bootstrap.clusters_of(self.patients or self.ids)

    def _seed(self) -> int:
        text = hashlib.sha256("\n".join(self.ids).encode("utf-8", "surrogatepass")).hexdigest()
        return bootstrap.seed_of("pairs", "", text)

    def _draws(
        self, blocks: list[bootstrap.FloatArray], clusters: bootstrap.Clusters
    ) -> list[bootstrap.FloatArray]:
        """Bootstrap means of each block, empty with too few patients."""
        enough = clusters.n >= bootstrap.MIN_CLUSTERS
        return bootstrap.draw_means(blocks, clusters, self._seed()) if enough and blocks else []


def _ends(draws: bootstrap.FloatArray | None) -> tuple[float | None, float | None]:
    if draws is None:
        return None, None
    low, high = bootstrap.interval(draws)
    return float(low[0]), float(high[0])


def _better(key: str, difference: float, p: float) -> str:
    if p >= ALPHA or not difference:
        return ""
    return "this" if (difference > 0) == get_metric(key).higher_is_better else "other"


def by_patient(patients: Mapping[str, str], ids: tuple[str, ...]) -> tuple[str, ...]:
    """The patient of each id, empty if no id has one. Raises `ValueError` that names an id without one."""
    if not patients:
        return ()
    if lacking := next((i for i in ids if not patients.get(i)), None):
        raise ValueError(f"the pair {lacking!r} has no patient, and others have one; give every pair one.")
    return tuple(patients[i] for i in ids)
