"""What may be shown of a dataset, and how often a team may be scored on it, by kind of access.

**public*: anyone may read the references, so everything is shown. *restricted*: anyone who completes
credentialing or signs an agreement may read the references (and could copy them), but nobody may redistribute
them: no text, study id or per-study score is published, and aggregates are exact to three decimals.
*withheld*: no participant has the references, and nothing may let anyone infer them by trial and error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Access = Literal["public", "restricted", "withheld"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """The consequences of a kind of access.

    `studies`: texts, study ids and per-study scores are published, and numbers to six decimals; else they
    stay in the store. `exact_tests`: p-values and shares of draws are shown exactly, else in classes and
    twentieths (`evaluator/statistics/rounding.py`). `small_groups`: subgroups of few patients, with their
    exact counts, are shown. `membership_counts`: integrity checks may say how many reports equal a reference.
    `limited_runs`: runs of a team and of the accounts behind it are counted (`evaluator/scoring/quota.py`).
    `ladder`: a run is shown only if it beats the best of the same people. `least_step`, `studies_per_step`:
    see `step`.
    """

    studies: bool
    exact_tests: bool
    small_groups: bool
    membership_counts: bool
    limited_runs: bool
    ladder: bool
    least_step: float | None
    studies_per_step: int
    title: str
    """A few words for readers, such as "public references"."""

    def step(self, n_studies: int) -> float | None:
        """The granularity of a mean over `n_studies`, or `None` where it is shown to six decimals.

        One study may move a mean on [0, 1] by 1/n; on a withheld dataset, a step is worth five of them.

        >>> [EXPOSURES[a].step(62) for a in ("public", "restricted", "withheld")]
        [None, 0.001, 0.08064516129032258]
        """
        if self.least_step is None:
            return None
        return max(self.least_step, self.studies_per_step / n_studies) if n_studies else self.least_step


EXPOSURES: Final[Mapping[Access, Exposure]] = MappingProxyType(
    {
        "public": Exposure(
            studies=True,
            exact_tests=True,
            small_groups=True,
            membership_counts=True,
            limited_runs=False,
            ladder=False,
            least_step=None,
            studies_per_step=0,
            title="public references",
        ),
        "restricted": Exposure(
            studies=False,
            exact_tests=True,
            small_groups=False,
            membership_counts=True,
            limited_runs=False,
            ladder=False,
            least_step=0.001,
            studies_per_step=0,
            title="restricted references",
        ),
        "withheld": Exposure(
            studies=False,
            exact_tests=False,
            small_groups=False,
            membership_counts=False,
            limited_runs=True,
            ladder=True,
            least_step=0.001,
            studies_per_step=5,
            title="withheld references",
        ),
    }
)
