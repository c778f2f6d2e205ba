"""A model on one board: metrics beside the best and the baselines, spread, groups, diagnostics, cases, provenance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluator.datasets.registry import get_dataset
from evaluator.leaderboard.null_tests import OUTCOMES
from evaluator.leaderboard.row import Display, Gain, MetricCell, NullTest, Row
from evaluator.leaderboard.subgroup_types import Interval
from evaluator.leaderboard.table import Column, Table
from evaluator.metrics.registry import get_metric, metric_keys
from evaluator.scoring.null_reports import TITLES
from evaluator.scoring.record import Record
from evaluator.site.board.page import TRACK_TITLES
from evaluator.site.board.table import beside
from evaluator.site.content import Content, Entry
from evaluator.site.html import AXIS_TITLES, badges_of, facts, html_table, number, text
from evaluator.site.model.cases import has_texts, scores_of
from evaluator.site.model.figures import histogram, strip
from evaluator.site.model.provenance import origins
from evaluator.statistics.rounding import p_text
from evaluator.statistics.ties import lowest


def board_title(table: Table) -> str:
    """Dataset and track, as plain text."""
    return board_name(table.dataset, table.track)


def board_name(dataset: str, track: str) -> str:
    """Dataset and track by their ids, as plain text."""
    return f"{get_dataset(dataset).title}, {TRACK_TITLES[track]}"


def board_section(entry: Entry, content: Content) -> list[str]:
    """Everything of a model on one board as lines of Markdown."""
    table, row, record = entry
    name = f"{table.dataset}.{table.track}"
    lines = [f"## {board_title(table)} {{ #{name.replace('.', '-')} }}", ""]
    if row.status == "withdrawn":
        return [*lines, "Withdrawn: its numbers are shown no longer.", "", *origins(entry)]
    if row.why_unranked:
        lines += [f"Not ranked: {text(row.why_unranked)}.", ""]
    marks = "".join(f'<span class="rx-badge">{mark}</span>' for mark in _marks(row))
    lines += [f"<p>{marks}</p>", ""] if marks else []
    if row.metrics:
        lines += [_metric_table(table, row, record), "", _legend(), "", *_baselines(table, row)]
    lines += _distributions(entry, content)
    lines += _groups(table, row)
    lines += _diagnostics(row)
    lines += _cases(entry, content)
    return [*lines, *origins(entry)]


def _marks(row: Row) -> list[str]:
    """A row's marks as HTML; those of an integrity check lead to its explanation."""
    checked = {b.text: b.code for b in row.badges}
    return [
        f'<a href="../../../integrity/#{text(checked[m]).lower()}">{text(m)}</a>' if m in checked else text(m)
        for m in badges_of(row)
    ]


def value_text(entry: MetricCell | None) -> str:
    """Value with its interval below it, as shown; where 1/mean has no meaning the mean itself, and why."""
    if entry is None:
        return "–"
    shown = entry.display
    if shown.value is None:
        return f"mean {number(entry.mean)}{interval(entry)}<small>at or below 0: no reciprocal</small>"
    return f"{number(shown.value)}{interval(shown)}{beside(shown, 3)}"


def interval(value: MetricCell | Display | Interval | Gain | NullTest) -> str:
    """The ends of an interval on one line of their own; nothing where there are none."""
    low, high = value.low, value.high
    if low is None and high is None:
        return ""
    return f'<small class="rx-ci">{"−∞" if low is None else number(low)} to {"∞" if high is None else number(high)}</small>'


def _metric_table(table: Table, row: Row, record: Record) -> str:
    rows = []
    for metric in table.metrics:
        entry = row.metrics.get(metric.key)
        if entry is None:
            continue
        gain = entry.gain_over_null
        against = "–" if gain is None else f"{number(gain.gain)}{interval(gain)}"
        failed = f"<small>{entry.n_failed} of {entry.n} failed</small>" if entry.n_failed else ""
        rows.append(
            f'<tr><th scope="row"><a href="../../../metrics/{metric.key}/">{text(metric.display_title)}</a></th>'
            f"<td>{value_text(entry)}{failed}</td><td>{against}</td>"
            f"<td>{strip(metric, entry, _best(table.rows, metric), _best(table.nulls, metric))}</td></tr>"
        )
    rows += [
        f'<tr><th scope="row">{text(_title(key))}</th><td colspan="3">missing: {text(reason)}</td></tr>'
        for key, reason in record.missing.items()
    ]
    heads = ("Value and 95 % interval", "Gain over baselines", "Among the board")
    return html_table("Metric", heads, rows, "Metrics")


def _title(key: str) -> str:
    """A metric's name; the key itself where this version knows none."""
    return get_metric(key).title if key in metric_keys() else key


def _baselines(table: Table, row: Row) -> list[str]:
    """How the model stands to each baseline on the ranking metric; nothing without tests."""
    metric = table.ranked_by
    if not row.against_nulls or metric is None:
        return []
    rows = [
        f'<tr><th scope="row">{text(TITLES.get(t.null.partition("/")[2], t.null))}</th>'
        f"<td>{OUTCOMES[t.outcome]}</td><td>{number(t.gain)}{interval(t)}</td><td>{p_text(t.p, classes=table.p_classes)}</td></tr>"
        for t in row.against_nulls
    ]
    heads = ("This model", f"Gain in mean {text(metric.title)}", "p")
    note = (
        '<p class="rx-legend">Baselines look at no image. "Clears" and "below" are shown by sign-flip tests of every model '
        "against every baseline of the board at once, by as much as matters.</p>"
    )
    return [html_table("Against", heads, rows, "Baselines"), "", note, ""]


def _legend() -> str:
    return (
        '<p class="rx-legend">Dot and line: this model and its interval. Diamond: the best model of the board. '
        "Upright line: the best baseline that looks at no image. Better is to the right. Gain: how far the mean is beyond "
        "that baseline's, negative where it is behind.</p>"
    )


def _best(rows: Sequence[Row], metric: Column) -> MetricCell | None:
    cells = [r.metrics[metric.key] for r in rows if metric.key in r.metrics]
    sign = -1 if metric.higher_is_better else 1
    return lowest(cells, [sign * e.mean for e in cells])


def _distributions(entry: Entry, content: Content) -> list[str]:
    frame = scores_of(content.leaderboard, entry)
    if frame is None:
        return []
    usual = _usual(entry.table, content)
    made = [
        histogram(m.title, frame[m.key].tolist(), usual.get(m.key))
        for m in entry.table.metrics
        if m.key in entry.row.metrics and m.key in frame.columns
    ]
    if not any(made):
        return []
    head = "<summary>How the scores of single studies spread</summary>"
    note = (
        '<p class="rx-legend">Bars: studies. Line: this model\'s median. Dashed line: the median of the medians '
        "of the board's ranked models.</p>"
    )
    return [
        f'<details open data-search-exclude>{head}<div class="rx-hists">{"".join(made)}</div>{note}</details>',
        "",
    ]


def _usual(table: Table, content: Content) -> dict[str, float]:
    """By metric the median over a public board's ranked models of each one's median study; read once."""
    name = f"{table.dataset}.{table.track}"
    if name not in content.medians:
        ranked = {r.id for r in table.rows}
        medians: dict[str, list[float]] = {}
        for entries in content.models.values():
            for entry in (e for e in entries if e.table is table and e.row.id in ranked):
                frame = scores_of(content.leaderboard, entry)
                for key in entry.row.metrics if frame is not None else ():
                    if frame is not None and key in frame.columns:
                        medians.setdefault(key, []).append(float(frame[key].median()))
        content.medians[name] = {k: float(np.median(v)) for k, v in medians.items() if len(v) > 1}
    return content.medians[name]


def _groups(table: Table, row: Row) -> list[str]:
    """The model's mean of the ranking metric in every group of studies that may be shown."""
    subgroups = table.subgroups
    rows = []
    for axis in subgroups.axes if subgroups else ():
        own = axis.models[row.id].groups if row.id in axis.models else {}
        title = AXIS_TITLES.get(axis.axis, axis.axis.replace("_", " "))
        for group in axis.groups:
            e = own.get(group.name)
            if e is None or e.value is None:
                continue
            low, high = e.rank_low, e.rank_high
            place = "–" if low is None else f"{low}" if low == high else f"{low}–{high}"
            rows.append(
                f'<tr><th scope="row">{text(title)}: {text(group.name)}</th><td>{group.studies:,}</td>'
                f"<td>{number(e.value)}{interval(e)}</td><td>{place}</td></tr>"
            )
    if not rows or subgroups is None:
        return []
    metric = table.column(subgroups.metric)
    better = "higher is better" if metric and metric.higher_is_better else "lower is better"
    heads = ("Studies", f"Mean {text(metric.title if metric else subgroups.metric)}, {better}", "Rank")
    note = (
        '<p class="rx-legend">Groups differ in how hard their studies are; a fair gap between groups is '
        f'<a href="../../../leaderboards/{table.dataset}/{table.track}/#subgroups">standardised on the board</a>.</p>'
    )
    made = html_table("Group", heads, rows, "Groups of studies")
    return [
        f"<details data-search-exclude><summary>In groups of studies</summary>{made}{note}</details>",
        "",
    ]


def _diagnostics(row: Row) -> list[str]:
    d = row.diagnostics
    if not d:
        return []
    ratio = "–" if d.get("length_ratio") is None else f"{d['length_ratio']:.2f} times the references'"
    told = {
        "Distinct reports": _share(d["distinct_fraction"]),
        "Most common report": f"in {_share(d['top1_share'])} of the studies",
        "Length": ratio,
    }
    if "n_empty" in d:  # counts that tell of single references are not published of every set
        told["Equal to the reference"] = f"in {_share(d['exact_match'])} of the studies"
        told["Passages copied from the reference"] = f"in {_share(d['copied_spans'])} of the studies"
        if d.get("unique_matches") is not None:
            told["Close to a reference that no other study has"] = (
                f"{_share(d['unique_matches'])} of these references"
            )
        told["Empty"] = str(d["n_empty"])
    if d.get("signal"):
        told["Gain from the right study"] = "; ".join(
            f"{number(test['gain'])} in {_signal_title(key)} (p = {test['p']:.3f})"
            for key, test in d["signal"].items()
        )
    for key, far in sorted((d.get("judge_outliers") or {}).items()):
        told[f"{_title(key)} against RadGraph-F1 and RaTEScore"] = (
            f"far above what they lead to expect in {far['above']:,} studies, far below in {far['below']:,}"
        )
    shown = facts({k: text(v).replace("&#45;", "-") for k, v in told.items()})
    return [
        f"<details data-search-exclude><summary>Diagnostics of the reports</summary>{shown}</details>",
        "",
    ]


def _signal_title(key: str) -> str:
    return "words in common" if key == "word_similarity" else _title(key)


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _cases(entry: Entry, content: Content) -> list[str]:
    dataset = get_dataset(entry.table.dataset)
    name = f"{entry.table.dataset}.{entry.table.track}"
    if not dataset.exposure.studies:
        return ["Of this dataset no text and no score of a single study is published, only aggregates.", ""]
    if not has_texts(content, entry):
        return []
    base, own = f"../../../data/cases/{name}/", text(entry.row.id.replace("/", "__"))
    words = (
        "Every reference beside the model's report, worst first, with the sentences that differ marked. The browser "
        f'needs JavaScript; the same as data: <a href="{base}{own}/index.json">ids and scores</a>.'
    )
    return [
        f"### Cases {{ #{name.replace('.', '-')}-cases }}",
        "",
        f'<div class="rx-cases" data-rx="cases" data-rx-cases="{name}" data-rx-base="{base}" data-rx-model="{own}"><p>{words}</p></div>',
        "",
    ]
