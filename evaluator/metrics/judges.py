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
    from evaluator.models.judges.stub_server import Reply


@cache
def judged_keys() -> tuple[str, ...]:
    """The keys of the metrics that ask a judge, as their classes say by their family, in table order."""
    return tuple(key for key in metric_keys() if get_metric(key).family == "judge")


def stand_in_replies() -> tuple[Reply, ...]:
    """What the judged metrics have the demo's stand-in judge say to their prompts, in table order."""
    from evaluator.metrics.judged import JudgedMetric

    metrics = map(get_metric, judged_keys())
    return tuple(metric.stand_in for metric in metrics if isinstance(metric, JudgedMetric))


@cache
def judges_form() -> type[config.JudgesFile]:
    """The form of the file of judges: a table for each metric that asks one."""
    return config.judges_form((key, get_metric(key).title) for key in judged_keys())


def read_judges(path: Path) -> config.Judges:
    """The judges of a machine's TOML file; raises `InvalidFile` with every problem of it."""
    return config.read_judges(path, judges_form())


def by_metric(judge: JudgeSettings | Mapping[str, JudgeSettings] | None) -> dict[str, JudgeSettings]:
    """The judge of each judged metric: one for all, or as given."""
    if judge is None:
        return {}
    return dict.fromkeys(judged_keys(), judge) if isinstance(judge, JudgeSettings) else dict(judge)
