"""What the metric pages say beside their prose: facts of the registry, signatures in use, agreement with radiologists.

The prose in `site/metrics/` holds comments where these belong; `fill` puts them there in a copy of the sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import yaml

from evaluator.datasets.registry import TRACKS
from evaluator.metrics.base import Metric
from evaluator.metrics.registry import board_metric_keys, get_metric, metric_keys
from evaluator.models.manifest import ModelSpec, model_specs
from evaluator.site.agreement import measured, measured_tables, metric_measured
from evaluator.site.content import Content
from evaluator.site.html import facts, html_table, link, text
from evaluator.site.model.board_section import board_title

FACTS: Final = "<!-- rexrank:facts -->"
AGREEMENT: Final = "<!-- rexrank:agreement -->"
MEASURED: Final = "<!-- rexrank:measured -->"


def fill(docs: Path, content: Content) -> None:
    """Replaces the comments of the metric pages below `docs` by what belongs there."""
    found = measured(content.leaderboard)
    for key in metric_keys():
        path = docs / "metrics" / f"{key}.md"
        if not path.is_file():
            continue
        prose = path.read_text("utf-8")
        beside = agreement(key) + metric_measured(key, *found)
        path.write_text(prose.replace(FACTS, metric_facts(key, content)).replace(AGREEMENT, beside), "utf-8")
    path = docs / "metrics/index.md"
    if path.is_file():
        prose = path.read_text("utf-8").replace(AGREEMENT, agreement_table())
        path.write_text(prose.replace(MEASURED, measured_tables(*found)), "utf-8")


def _linked(key: str) -> str:
    """A metric's title, with a link where it has a page."""
    title = text(get_metric(key).title)
    return f'<a href="../{key}/">{title}</a>' if key in board_metric_keys() else title


def metric_facts(key: str, content: Content) -> str:
    """Kind, direction, range, parts, weights, variants and the signatures in use, as an HTML table."""
    metric = get_metric(key)
    told = {
        "Kind": metric.family,
        "Direction": _direction(metric),
        "Range": f"{_bound(metric.lower_bound, '−∞')} to {_bound(metric.upper_bound, '∞')}",
        "A study that fails counts as": _bound(metric.worst, ""),
        "Track": " and ".join(metric.tracks) + " alone" if metric.tracks != TRACKS else "",
        "Made of": ", ".join(map(_linked, metric.composes)),
        "Weights": "<br>".join(
            [_weights(model_specs()[k]) for k in metric.weights]
            + [
                f"<code>{text(variant)}</code>: {_weights(model_specs()[k])}"
                for variant, keys in metric.variant_weights.items()
                for k in keys
            ]
        ),
        "Judge": "a language model, named in the signature" if metric.family == "judge" else "",
        "Variants": ", ".join(f"<code>{text(v)}</code>" for v in metric.variants)
        + (" (the first is the default)" if metric.variants else ""),
        "Key in files": f"<code>{key}</code>",
        "Signature in use": "<br>".join(_signatures(key, content)) or "on no board yet",
    }
    return facts(told)


def _direction(metric: Metric) -> str:
    if metric.skill:
        return "lower mean is better; readers see the skill, where higher is better, with the mean and 1/mean beside it"
    if metric.reciprocal:
        return "lower mean is better; readers see 1/mean, where higher is better"
    return "higher is better" if metric.higher_is_better else "lower is better"


def _bound(value: float | None, without: str) -> str:
    return without if value is None else f"{value:.4g}".replace("-", "−")


def _weights(spec: ModelSpec) -> str:
    """Name, where they come from at which revision, and their licence."""
    first = next(iter(spec.files.values()))
    if first.hub:
        name = link(f"https://huggingface.co/{first.hub}", text(first.hub))
        at = (
            f", revision <code>{text(first.revision[:12])}</code>"
            if first.revision
            else ", revision not recorded yet"
        )
    elif first.package:
        package, _, version = first.package.partition("==")
        name, at = link(f"https://pypi.org/project/{package}/{version}/", text(first.package)), ""
    else:
        name, at = text("not public"), ""
    return f"{text(spec.title)}: {name}{at}; {text(spec.licence)}"


def _signatures(key: str, content: Content) -> list[str]:
    """Every signature of the metric on the boards, with the boards that have it."""
    found: dict[str, list[str]] = {}
    for table in content.tables.values():
        for metric in (m for m in table.metrics if m.key == key):
            board = (
                f'<a href="../../leaderboards/{table.dataset}/{table.track}/">{text(board_title(table))}</a>'
            )
            found.setdefault(metric.signature, []).append(board)
    return [f"<code>{text(s)}</code> on {'; '.join(boards)}" for s, boards in found.items()]


@cache
def agreements() -> Mapping[str, Any]:
    """The published agreement with radiologists: `studies` and, by metric, values."""
    words = resources.files("evaluator.site").joinpath("agreement.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(words)
    return loaded


def agreement(key: str) -> str:
    """One metric's agreement with radiologists, study by study, with sources."""
    known = agreements()
    of_metric = known["metrics"].get(key, {})
    rows = [
        f'<tr><th scope="row">{text(study["title"])}<small>{text(study["about"])}</small></th>'
        f"<td>{_tau(of_metric[name])}{_other_way(study)}</td>"
        f"<td>{text(study['source'])}</td></tr>"
        for name, study in known["studies"].items()
        if name in of_metric
    ]
    if not rows:
        return "No number was found in the sources of this page."
    return html_table("Where", ("Kendall's τ", "Source"), rows, "Agreement with radiologists")


def agreement_table() -> str:
    """Every metric's agreement in one table."""
    known = agreements()
    rows = []
    for key in board_metric_keys():
        cells = "".join(f"<td>{_tau(known['metrics'][key].get(name))}</td>" for name in known["studies"])
        rows.append(
            f'<tr><th scope="row"><a href="{key}/">{text(get_metric(key).title)}</a></th>{cells}</tr>'
        )
    heads = [f"{text(s['short'])}{_other_way(s)}" for s in known["studies"].values()]
    return html_table("Metric", heads, rows, "Agreement of every metric with radiologists")


def _other_way(study: Mapping[str, Any]) -> str:
    """A word where a lower coefficient is the better one: there the sign is kept."""
    return "<small>lower is better</small>" if study["better"] == "lower" else ""


def _tau(value: Any) -> str:
    """A coefficient as published, with its interval below it; text stays text."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return text(value).replace("&#46;", ".").replace("&#45;", "-")
    found = value if isinstance(value, list) else [value]
    digits = 2 if all(round(v, 2) == v for v in found) else 3
    mean, *ends = (f"{v:.{digits}f}".replace("-", "−") for v in found)
    return f"{mean}<small>{ends[0]} to {ends[1]}</small>" if ends else mean
