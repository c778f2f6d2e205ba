"""The generated parts of the metric pages: facts from the registry, signatures in use, agreement with radiologists.

The prose in `site/metrics/` has comments where these belong; `fill` inserts them in a copy of the sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict

from evaluator.datasets.tasks.task import get_task, task_ids
from evaluator.metrics.base import Metric
from evaluator.metrics.registry import (
    board_metric_keys,
    get_metric,
    metric_keys,
    task_metrics,
    text_metric_keys,
)
from evaluator.models.manifest import ModelSpec, model_specs
from evaluator.site.agreement import measured, measured_tables, metric_measured
from evaluator.site.content import Content
from evaluator.site.model.board_section import board_title
from evaluator.site.template import render
from evaluator.site.views import Link

FACTS: Final = "<!-- rexrank:facts -->"
AGREEMENT: Final = "<!-- rexrank:agreement -->"
MEASURED: Final = "<!-- rexrank:measured -->"
LISTS: Final = "<!-- rexrank:metrics -->"
OTHERS: Final = "On request"


@dataclass(frozen=True, slots=True)
class Weights:
    """Published weights: source, revision and licence. `variant`: the one that needs them."""

    title: str
    source: Link
    is_on_hub: bool
    revision: str
    licence: str
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature and the boards that have it."""

    signature: str
    boards: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class MetricPage:
    """A metric without a written page: a one-sentence description and its source."""

    title: str
    about: str
    paper: str
    code: str


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """What the registry and the boards know about a metric."""

    key: str
    kind: str
    direction: str
    range: str
    worst: str
    track: str
    parts: tuple[Link, ...]
    weights: tuple[Weights, ...]
    judge: str
    variants: tuple[str, ...]
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Tau:
    """A coefficient as published, with its interval."""

    value: str
    span: str = ""


@dataclass(frozen=True, slots=True)
class StudyLine:
    """A metric's agreement in one published study."""

    title: str
    about: str
    tau: Tau
    is_lower_better: bool
    source: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """A metric's agreement with radiologists, study by study."""

    rows: tuple[StudyLine, ...]


@dataclass(frozen=True, slots=True)
class Study:
    """A published study; `is_lower_better` if a lower coefficient is better, because the sign is kept."""

    title: str
    is_lower_better: bool


@dataclass(frozen=True, slots=True)
class MetricLine:
    """A metric's agreement in every study."""

    metric: Link
    taus: tuple[Tau, ...]


@dataclass(frozen=True, slots=True)
class AgreementTable:
    """Every metric's agreement in every study."""

    studies: tuple[Study, ...]
    rows: tuple[MetricLine, ...]


@dataclass(frozen=True, slots=True)
class ListedMetric:
    """A metric in the list of all, as its class declares it."""

    metric: Link
    about: str
    direction: str
    range: str


@dataclass(frozen=True, slots=True)
class MetricList:
    """The metrics of a task's boards, or those on none."""

    title: str
    rows: tuple[ListedMetric, ...]


def fill(docs: Path, content: Content) -> None:
    """Replaces the comments in the metric pages below `docs` by the generated parts.

    A metric without a written page gets one from its class.
    """
    measurements = measured(content.leaderboard)
    for key in metric_keys():
        path = docs / "metrics" / f"{key}.md"
        prose = path.read_text("utf-8") if path.is_file() else _page(get_metric(key))
        beside = agreement(key) + metric_measured(key, *measurements)
        path.write_text(prose.replace(FACTS, metric_facts(key, content)).replace(AGREEMENT, beside), "utf-8")
    path = docs / "metrics/index.md"
    if path.is_file():
        prose = path.read_text("utf-8").replace(AGREEMENT, agreement_table()).replace(LISTS, _lists())
        path.write_text(prose.replace(MEASURED, measured_tables(*measurements)), "utf-8")


def _page(metric: Metric) -> str:
    """A page from a metric's class, with the comments of a written one."""
    view = MetricPage(metric.title, _about(metric), metric.paper, metric.code)
    return render("metric/page.md", view=view)


def _about(metric: Metric) -> str:
    return metric.summary or f"{metric.title}, a {metric.family} metric."


def _lists() -> str:
    """A part in Markdown for the metrics of each task's boards, and one for those on no board."""
    parts = {get_task(task).title: task_metrics(task) for task in task_ids()}
    parts[OTHERS] = tuple(key for key in metric_keys() if key not in board_metric_keys())
    return "\n\n".join(f"## {title}\n\n{_list(title, keys)}" for title, keys in parts.items() if keys)


def _list(title: str, keys: Sequence[str]) -> str:
    known = map(get_metric, keys)
    rows = (ListedMetric(Link(m.title, f"{m.key}/"), _about(m), _direction(m), _range(m)) for m in known)
    return render("metric/list.html", view=MetricList(title, tuple(rows)))


def _range(metric: Metric) -> str:
    return f"{_bound(metric.lower_bound, '−∞')} to {_bound(metric.upper_bound, '∞')}"


def _part(key: str) -> Link:
    """A metric's title and its page."""
    return Link(get_metric(key).title, f"../{key}/")


def metric_facts(key: str, content: Content) -> str:
    """Kind, direction, range, parts, weights, variants and the signatures in use, as an HTML table."""
    metric = get_metric(key)
    specs = model_specs()
    weights = [_weights(specs[k]) for k in metric.weights]
    weights += [_weights(specs[k], v) for v, keys in metric.variant_weights.items() for k in keys]
    view = MetricFacts(
        key=key,
        kind=metric.family,
        direction=_direction(metric),
        range=_range(metric),
        worst=_bound(metric.worst, ""),
        track=" and ".join(metric.tracks) + " alone" if metric.tracks else "",
        parts=tuple(map(_part, metric.composes)),
        weights=tuple(weights),
        judge="a language model, named in the signature" if metric.family == "judge" else "",
        variants=tuple(metric.variants),
        signatures=_signatures(key, content),
    )
    return render("metric/facts.html", view=view)


def _direction(metric: Metric) -> str:
    if metric.skill:
        return (
            "lower mean is better; boards show the skill, where higher is better, next to the mean and 1/mean"
        )
    if metric.reciprocal:
        return "lower mean is better; boards show 1/mean, where higher is better"
    return "higher is better" if metric.higher_is_better else "lower is better"


def _bound(value: float | None, without: str) -> str:
    return without if value is None else f"{value:.4g}".replace("-", "−")


def _weights(spec: ModelSpec, variant: str = "") -> Weights:
    """Name, source, revision and licence."""
    first = next(iter(spec.files.values()))
    source = Link("not public")
    if first.hub:
        source = Link(first.hub, f"https://huggingface.co/{first.hub}")
    elif first.package:
        package, _, version = first.package.partition("==")
        source = Link(first.package, f"https://pypi.org/project/{package}/{version}/")
    return Weights(
        title=spec.title,
        source=source,
        is_on_hub=bool(first.hub),
        revision=(first.revision or "")[:12] if first.hub else "",
        licence=spec.licence,
        variant=variant,
    )


def _signatures(key: str, content: Content) -> tuple[Signature, ...]:
    """Every signature of the metric on the boards, with the boards that have it."""
    by_signature: dict[str, list[Link]] = {}
    for table in content.tables.values():
        board = Link(board_title(table), f"../../leaderboards/{table.dataset}/{table.track}/")
        for metric in (m for m in table.metrics if m.key == key):
            by_signature.setdefault(metric.signature, []).append(board)
    return tuple(Signature(s, tuple(boards)) for s, boards in by_signature.items())


class PublishedStudy(BaseModel):
    """A published study of how well metrics agree with radiologists; `better`: the direction of its coefficients."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    short: str
    about: str
    source: str
    better: Literal["higher", "lower"]


@cache
def published_studies() -> Mapping[str, PublishedStudy]:
    """The published studies by name; a metric's class has its values (`Metric.agreement`)."""
    words = resources.files("evaluator.site").joinpath("agreement.yaml").read_text("utf-8")
    studies = yaml.safe_load(words)["studies"]
    return {name: PublishedStudy.model_validate(study) for name, study in studies.items()}


def agreement(key: str) -> str:
    """One metric's agreement with radiologists, study by study, with sources, as HTML."""
    values = get_metric(key).agreement
    rows = (
        StudyLine(s.title, s.about, _tau(values[name]), s.better == "lower", s.source)
        for name, s in published_studies().items()
        if name in values
    )
    return render("metric/agreement.html", view=Agreement(tuple(rows)))


def agreement_table() -> str:
    """Every metric's agreement in one table, as HTML."""
    studies = published_studies()
    rows = (
        MetricLine(
            Link(get_metric(key).title, f"{key}/"),
            tuple(_tau(get_metric(key).agreement.get(name)) for name in studies),
        )
        for key in board_metric_keys()
        if key in text_metric_keys()
    )
    heads = (Study(s.short, s.better == "lower") for s in studies.values())
    return render("metric/agreement_table.html", view=AgreementTable(tuple(heads), tuple(rows)))


def _tau(value: float | tuple[float, float, float] | str | None) -> Tau:
    """A coefficient as published, with its interval; text stays text."""
    if value is None:
        return Tau("–")
    if isinstance(value, str):
        return Tau(value)
    values = value if isinstance(value, tuple) else (value,)
    digits = 2 if all(round(v, 2) == v for v in values) else 3
    mean, *ends = (f"{v:.{digits}f}".replace("-", "−") for v in values)
    return Tau(mean, f"{ends[0]} to {ends[1]}" if ends else "")
