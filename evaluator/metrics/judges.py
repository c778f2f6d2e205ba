"""Which metrics ask a judge, and the judges of a machine by those metrics."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from evaluator.metrics.registry import get_metric, metric_keys
from evaluator.models.judges import config
from evaluator.models.judges.settings import JudgeSettings

if TYPE_CHECKING:
    from evaluator.models.judges.stub_server import FactsOf, Reply


@cache
def judged_keys() -> tuple[str, ...]:
    """The keys of the metrics that ask a judge, by the family of their classes, in table order."""
    return tuple(key for key in metric_keys() if get_metric(key).family == "judge")


def stand_in_reply(facts_of: FactsOf) -> Reply:
    """The reply function of the rehearsals' stand-in judge: the metric that recognises a prompt answers it.

    `facts_of` gives the facts that a text states. The reply raises `ValueError` for a prompt that no metric
    recognises.
    """
    from evaluator.metrics.judged import JudgedMetric

    metrics = [m for m in map(get_metric, judged_keys()) if isinstance(m, JudgedMetric)]

    def reply(prompt: str) -> str:
        for metric in metrics:
            if (text := metric.stand_in(prompt, facts_of)) is not None:
                return text
        raise ValueError(
            "the stand-in judge does not know this prompt: no metric's class has a `stand_in` for it"
        )

    return reply


@cache
def judges_form() -> type[config.JudgesFile]:
    """The form of the judges file: a table for each metric that asks one."""
    return config.judges_form((key, get_metric(key).title) for key in judged_keys())


def read_judges(path: Path) -> config.Judges:
    """The judges of a machine's TOML file; raises `InvalidFile` with every problem of it."""
    return config.read_judges(path, judges_form())


def by_metric(judge: JudgeSettings | Mapping[str, JudgeSettings] | None) -> dict[str, JudgeSettings]:
    """The judge of each judged metric: one for all, or as given."""
    if judge is None:
        return {}
    return dict.fromkeys(judged_keys(), judge) if isinstance(judge, JudgeSettings) else dict(judge)
