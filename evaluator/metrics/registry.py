"""The existing metrics, by key; classes are imported only on demand."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Final

from evaluator.core.host_files import InvalidFile
from evaluator.core.problems import Problems, pointer
from evaluator.core.typed import DISAGREE
from evaluator.datasets.challenge import NAME, challenge
from evaluator.datasets.tasks.task import Task, get_task, task_ids
from evaluator.metrics.base import Metric

_METRICS: Final[dict[str, str]] = {
    "bleu_2": "evaluator.metrics.bleu:Bleu2",
    "rouge_l": "evaluator.metrics.rouge:RougeL",
    "bertscore": "evaluator.metrics.bertscore:BertScore",
    "semb_score": "evaluator.metrics.chexbert:SembScore",
    "radgraph_f1": "evaluator.metrics.radgraph:RadGraphF1",
    "radcliq_v1": "evaluator.metrics.radcliq:RadCliqV1",
    "radcliq_v0": "evaluator.metrics.radcliq:RadCliqV0",
    "chexbert_f1": "evaluator.metrics.chexbert:ChexbertF1",
    "chexbert_micro_f1_14": "evaluator.metrics.chexbert:ChexbertMicroF1",
    "chexbert_macro_f1_14": "evaluator.metrics.chexbert:ChexbertMacroF1",
    "chexbert_micro_f1_5": "evaluator.metrics.chexbert:ChexbertMicroF1Five",
    "chexbert_macro_f1_5": "evaluator.metrics.chexbert:ChexbertMacroF1Five",
    "radgraph_simple": "evaluator.metrics.radgraph:RadGraphSimple",
    "radgraph_partial": "evaluator.metrics.radgraph:RadGraphPartial",
    "radgraph_complete": "evaluator.metrics.radgraph:RadGraphComplete",
    "radgraph_xl_simple": "evaluator.metrics.radgraph:RadGraphXlSimple",
    "radgraph_xl_partial": "evaluator.metrics.radgraph:RadGraphXlPartial",
    "radgraph_xl_complete": "evaluator.metrics.radgraph:RadGraphXlComplete",
    "ratescore": "evaluator.metrics.ratescore:RateScore",
    "green": "evaluator.metrics.green:Green",
    "crimson": "evaluator.metrics.crimson:Crimson",
    "fineradscore": "evaluator.metrics.fineradscore:FineRadScore",
    "bleu_1": "evaluator.metrics.bleu:Bleu1",
    "bleu_3": "evaluator.metrics.bleu:Bleu3",
    "bleu_4": "evaluator.metrics.bleu:Bleu4",
    "accuracy_macro": "evaluator.metrics.accuracy:AccuracyMacro",
    "accuracy": "evaluator.metrics.accuracy:Accuracy",
    "accuracy_differential_diagnosis": "evaluator.metrics.accuracy:AccuracyDifferentialDiagnosis",
    "accuracy_geometric": "evaluator.metrics.accuracy:AccuracyGeometric",
    "accuracy_location": "evaluator.metrics.accuracy:AccuracyLocation",
    "accuracy_negation": "evaluator.metrics.accuracy:AccuracyNegation",
    "accuracy_presence": "evaluator.metrics.accuracy:AccuracyPresence",
}


def metric_keys() -> tuple[str, ...]:
    """Every metric key, in table order."""
    return tuple(_METRICS)


@cache
def task_metrics(task_id: str) -> tuple[str, ...]:
    """The metrics for every submission to a task, in table order: those the task names, and those that opt in."""
    task = get_task(task_id)
    return tuple(k for k in _METRICS if k in task.metrics or (get_metric(k).on_boards and fits(k, task)))


def check_primary_metrics() -> None:
    """Nothing; raises `InvalidFile` that names every task whose chosen ranking metric does not score its boards."""
    problems, settings = Problems(), challenge()
    for task in settings.tasks:
        known = task_metrics(task)
        if settings.primary[task] not in known:
            near = difflib.get_close_matches(settings.primary[task], known, n=1)
            problems.add(
                DISAGREE,
                NAME,
                pointer=pointer("primary", task),
                found=f"submissions to {task} are not scored with {settings.primary[task]!r}",
                wanted=f"one of {', '.join(known)}",
                fix=f"did you mean {near[0]}?" if near else "name one of them",
            )
    if not problems.ok:
        raise InvalidFile(NAME, problems)


def board_metric_keys() -> tuple[str, ...]:
    """The metrics on the boards of any task, in table order."""
    keys = {k for t in task_ids() for k in task_metrics(t)}
    return tuple(k for k in _METRICS if k in keys)


def text_metric_keys() -> tuple[str, ...]:
    """The metrics that score any two texts as reports, in table order."""
    return tuple(k for k in _METRICS if "report-generation" in get_metric(k).tasks)


def fits(key: str, task: Task, track: str = "") -> bool:
    """Whether a metric may score items of a task, in a track if one is named."""
    metric = get_metric(key)
    usable = key in task.metrics or task.id in metric.tasks
    return usable and (not track or not metric.tracks or track in metric.tracks)


@cache
def presets() -> Mapping[str, tuple[str, ...]]:
    """Published sets of metrics by the name that `--preset` takes, in table order."""
    members = [(name, k) for k in _METRICS for name in get_metric(k).presets]
    return {name: tuple(k for n, k in members if n == name) for name in sorted({n for n, _ in members})}


@cache
def get_metric(key: str) -> Metric:
    """The metric with this key. Raises `KeyError` with the nearest known key for an unknown one."""
    try:
        module, name = _METRICS[key].split(":")
    except KeyError:
        near = difflib.get_close_matches(key, _METRICS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise KeyError(f"no metric {key!r}{hint} Known: {', '.join(_METRICS)}") from None
    metric: Metric = getattr(import_module(module), name)()
    return metric


def in_dependency_order(keys: Iterable[str]) -> list[str]:
    """`keys` and everything they combine, each after its parts, no key twice."""
    order: list[str] = []

    def visit(key: str) -> None:
        if key in order:
            return
        for part in get_metric(key).composes:
            visit(part)
        order.append(key)

    for key in keys:
        visit(key)
    return order
