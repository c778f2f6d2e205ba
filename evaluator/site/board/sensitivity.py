"""What would win under another ranking rule, and how stable the order is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from evaluator.leaderboard.table import Table
from evaluator.leaderboard.table_files import rank_text
from evaluator.site.template import render
from evaluator.site.words import number, percent
from evaluator.statistics.ranks import average_ranks, kendall_tau

RULE_TITLES: Final = {
    "mean_rank": "Mean rank across metrics",
    "median_rank": "Median rank across metrics",
    "z_score": "Mean z-score across metrics",
    "borda": "Borda count across metrics",
    "copeland": "Copeland: pairwise wins across metrics",
}


class Rule(NamedTuple):
    """One ranking rule: ranks by model id, Kendall's tau with the board, and the most places a model moves."""

    title: str
    ranks: Mapping[str, float]
    tau: float | None
    moved: float


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule: who comes first, whether that is another than on the board, and how far the orders agree."""

    title: str
    first: str
    other: bool
    tau: str
    moved: str


@dataclass(frozen=True, slots=True)
class Draws:
    """How often resampled patients would give each first place, and Kendall's tau with the board: median and ends."""

    first: str
    tau: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A model's rank on the board and under every rule; `None` where it lacks a metric."""

    name: str
    rank: str
    ranks: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class View:
    """The board under other rules; `same`: those that give the same order."""

    note: str
    same: tuple[str, ...]
    rules: tuple[RuleLine, ...]
    draws: Draws | None
    models: tuple[ModelLine, ...]


def sensitivity(table: Table) -> str:
    """Who would come first under other ranking rules and by each metric alone, and how far the orders agree."""
    rules = [*_rules_over_metrics(table), *_single_metrics(table)]
    if len(table.rows) < 2 or not rules:
        return ""
    names = {r.id: r.name for r in table.all_rows}
    titles = [m.title for m in table.metrics if m.key in table.sensitivity.metrics]
    note = (
        "τ is Kendall's tau; 1 means the same order. The last column is the largest rank change of any model."
    )
    note += f" Rules across metrics use {', '.join(titles)}." if titles else ""
    same = tuple(rule.title for rule in rules if not rule.moved)
    others = [rule for rule in _folded(rules) if rule.moved]
    lines = tuple(_line(rule, table.rows[0].id, names) for rule in others)
    models = tuple(
        ModelLine(r.name, rank_text(r), tuple(_shown(rule.ranks.get(r.id)) for rule in others))
        for r in table.rows
    )
    return render("board/sensitivity.html", view=View(note, same, lines, _draws(table, names), models))


def _folded(rules: Iterable[Rule]) -> list[Rule]:
    """The rules, with those that agree on every rank merged under all their titles."""
    groups: dict[tuple[tuple[str, float], ...], list[Rule]] = {}
    for rule in rules:
        groups.setdefault(tuple(sorted(rule.ranks.items())), []).append(rule)  # tie: none, ids differ
    return [group[0]._replace(title="; ".join(r.title for r in group)) for group in groups.values()]


def _shown(rank: float | None) -> str | None:
    return None if rank is None else f"{rank:g}"


def _rules_over_metrics(table: Table) -> list[Rule]:
    rules = table.sensitivity.rules
    return [
        Rule(
            RULE_TITLES.get(key, key.replace("_", " ")),
            entry.ranks(),
            entry.tau,
            entry.moved,
        )
        # tie: none, titles differ
        for key, entry in sorted(rules.items(), key=lambda pair: [*RULE_TITLES, pair[0]].index(pair[0]))
        if entry.order
    ]


def _single_metrics(table: Table) -> list[Rule]:
    """Every other metric as the only one, over the models that have it."""
    rules = []
    metrics = {m.key: m for m in table.metrics}
    for key, metric in metrics.items():
        rows = [r for r in table.rows if key in r.metrics]
        if key == table.primary or len(rows) < 2:
            continue
        own, other = (
            average_ranks(np.array([(-1 if m.higher_is_better else 1) * r.metrics[m.key].mean for r in rows]))
            for m in (metrics[table.primary], metric)
        )
        ranks = {r.id: float(k) for r, k in zip(rows, other, strict=True)}
        shift = float(np.abs(own - other).max())
        rules.append(Rule(f"{metric.title} alone", ranks, kendall_tau(own, other), shift))
    return rules


def _line(rule: Rule, leader: str, names: Mapping[str, str]) -> RuleLine:
    best = min(rule.ranks.values())
    first = [i for i, rank in rule.ranks.items() if rank == best]
    text = ", ".join(names.get(i, i) for i in first[:4])
    text += f" and {len(first) - 4} more" if len(first) > 4 else ""
    tau = "–" if rule.tau is None else number(rule.tau, 2)
    return RuleLine(rule.title, text, leader not in first, tau, f"{rule.moved:g}")


def _draws(table: Table, names: Mapping[str, str]) -> Draws | None:
    """How often resampled patients would give another first place."""
    stability = table.stability
    shares = {i: m.first for i, m in stability.models.items()}
    # tie: the id; shares of whole draws
    firsts = sorted(((v, i) for i, v in shares.items() if v >= 0.01), key=lambda pair: (-pair[0], pair[1]))
    if not firsts or not stability.tau:
        return None
    text = ", ".join(f"{names.get(i, i)} in {percent(v)}" for v, i in firsts[:5])
    low, middle, high = (number(t, 2) for t in stability.tau)
    return Draws(text, middle, low, high)
