"""The metric contract: a metric declares its properties as data and scores pairs of texts.

To add a metric, write one file with a subclass of `Metric` and one line in `registry.py`. A metric never
rounds, averages or skips: it returns one float64 per pair, and says for each pair whether the score is real
or the metric's worst value because scoring failed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final

import numpy as np

from evaluator.core.types import FloatArray, Pair, Scores
from evaluator.metrics.corpus import Corpus
from evaluator.metrics.signature import Signature
from evaluator.models.runtime import Run


@dataclass(frozen=True, slots=True)
class SkillScale:
    """A linear scale on which readers see a loss: 0 at `zero`, 1 at `perfect`, and beyond both for extreme means.

    `zero`: the mean if nothing is correct; `perfect`: if everything is. Unlike 1/mean it has no pole, and it
    is linear in the mean.
    """

    key: str
    zero: float
    perfect: float

    def at(self, mean: float) -> float:
        """The skill of a mean; unclipped.

        >>> round(SkillScale("x_skill", 2.45, -1.44).at(2.45), 3), SkillScale("x_skill", 4.0, 0.0).at(1.0)
        (0.0, 0.75)
        """
        return (self.zero - mean) / (self.zero - self.perfect) + 0.0


@dataclass(frozen=True, slots=True)
class Band:
    """The range of a metric's mean for a reference against itself, an empty prediction, and a shuffle.

    Wide on purpose: a band catches swapped arguments, broken weights and a wrong direction, not nuances.
    """

    itself: tuple[float, float]
    empty: tuple[float, float]
    shuffled: tuple[float, float]


Agreement = Mapping[str, float | tuple[float, float, float] | str]
"""By study, a coefficient, alone or with the ends of its 95 % interval, or words if no single number exists."""
_NONE: Final[Agreement] = MappingProxyType({})


class Metric(ABC):
    """A metric as declared data plus `score`.

    Direction, bounds, worst value, needs and display are class attributes, so that tables, tests and pages
    read them instead of hard-coding them.
    """

    key: ClassVar[str]
    """Name in code, JSON, CSV and URL: lower-case snake case."""
    title: ClassVar[str]
    """Name shown to readers."""
    summary: ClassVar[str] = ""
    """What it measures, in one sentence for readers who have never heard of it."""
    family: ClassVar[str]
    """What kind of agreement it measures: lexical, embedding, clinical, composite or judge."""
    higher_is_better: ClassVar[bool]
    lower_bound: ClassVar[float | None]
    upper_bound: ClassVar[float | None]
    worst: ClassVar[float]
    """Value of a study that could not be scored."""
    composes: ClassVar[tuple[str, ...]] = ()
    """Keys of the metrics whose scores this one combines."""
    weights: ClassVar[tuple[str, ...]] = ()
    """Keys of the models in `weights.toml` that it loads."""
    packages: ClassVar[tuple[str, ...]] = ()
    """Packages of the extra `score` that it imports, besides torch for its weights."""
    equivalence: ClassVar[float | None] = 0.01
    """Means closer than this count as equivalent: a convention for scales from 0 to 1; `None` without one."""
    reciprocal: ClassVar[bool] = False
    """Whether readers see 1/mean, alone or beside `skill`; stored, tested and ranked as the mean."""
    skill: ClassVar[SkillScale | None] = None
    """The scale on which readers see the mean of a loss, if it has one."""
    corpus: ClassVar[Corpus | None] = None
    """For a corpus metric: `score` then returns `counts`, and `values` are those of single studies."""
    display_title: ClassVar[str] = ""
    """Column title if it differs from `title` (skill, reciprocals)."""
    variants: ClassVar[tuple[str, ...]] = ()
    """Named variants; the first is the default."""
    variant_weights: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
    """What a named variant loads instead of `weights`."""
    tasks: ClassVar[tuple[str, ...]] = ("report-generation",)
    """Tasks whose items it may score."""
    tracks: ClassVar[tuple[str, ...]] = ()
    """Tracks whose boards may show it; empty: every track of its tasks."""
    on_boards: ClassVar[bool] = False
    """Whether every submission to its tasks is scored with it; never inherited, like the next three."""
    presets: ClassVar[tuple[str, ...]] = ()
    """Published sets of metrics that it belongs to."""
    band: ClassVar[Band | None] = None
    """The ranges of its means on the sanity probes; without one only their order is checked."""
    agreement: ClassVar[Agreement] = _NONE
    """Published agreement with radiologists, by the studies of `evaluator/site/agreement.yaml`."""
    paper: ClassVar[str] = ""
    code: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        """Resets the fields that are not inherited: they need not be true of another metric that shares the code."""
        own: Mapping[str, object] = {"on_boards": False, "presets": (), "band": None, "agreement": _NONE}
        for name, default in own.items():
            if name not in vars(cls):
                setattr(cls, name, default)

    def variant(self, run: Run) -> str:
        """The variant in force, or an empty string for a metric without any; raises `ValueError` for an unknown one."""
        name = run.variants.get(self.key, self.variants[0] if self.variants else "")
        if name and name not in self.variants:
            known = ", ".join(self.variants) or "none"
            raise ValueError(f"{self.key} has no variant {name!r}; known: {known}")
        return name

    def needs(self, run: Run) -> tuple[str, ...]:
        """Keys of the models that the variant in force loads."""
        return self.variant_weights.get(self.variant(run), self.weights)

    @abstractmethod
    def signature(self, run: Run) -> Signature:
        """Everything that can move a number, in the manner of sacreBLEU: `key|v1|…|protocol:clean`.

        Raises `MetricUnavailable` if something it names (weights) is missing.
        """

    @abstractmethod
    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:
        """One score per pair, in order, and which pairs failed. Raises `MetricUnavailable` when it cannot run here."""


def all_scored(values: Sequence[float] | FloatArray, details: list[dict[str, Any]] | None = None) -> Scores:
    """`Scores` of pairs, none of which failed; `values` of shape (n,), `details` one entry per pair."""
    array = np.asarray(values, dtype=np.float64)
    return Scores(array, np.zeros(array.shape, dtype=np.bool_), details)
