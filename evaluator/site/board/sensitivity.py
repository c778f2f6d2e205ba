"""What would win under another ranking rule, and how firm the order is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from evaluator.leaderboard.table import Table
from evaluator.leaderboard.table_files import rank_text
from evaluator.site.html import names_of, number, percent, scrolled, text
from evaluator.statistics.ranks import average_ranks, kendall_tau

RULE_TITLES: Final = {
    "mean_rank": "Mean rank over the metrics",
    "median_rank": "Median rank over the metrics",
    "z_score": "Mean z-score over the metrics",
    "borda": "Borda count over the metrics",
    "copeland": "Copeland: duels won over the metrics",
}


class Rule(NamedTuple):
    """One ranking rule: ranks by model id, Kendall's tau with the board, and the most places a model moves."""

    title: str
    ranks: Mapping[str, float]
    tau: float | None
    moved: float


def sensitivity(table: Table) -> str:
    """Who would come first under other ranking rules and by each metric alone, and how far the orders agree."""
    rules = [*_rules_over_metrics(table), *_single_metrics(table)]
    if len(table.rows) < 2 or not rules:
        return ""
    names = names_of(table)
    leader = table.rows[0].id
    body = "\n".join(_rule_row(rule, leader, names) for rule in rules)
    head = (
        '<thead><tr><th scope="col" class="rx-model">Rule</th><th scope="col" class="rx-words">First</th>'
        '<th scope="col">τ with this board</th><th scope="col">Farthest move</th></tr></thead><tbody>\n'
    )
    used = [m.title for m in table.metrics if m.key in table.sensitivity.metrics]
    note = "τ is Kendall's: 1 means the same order. The last column is the most places that any model moves."
    note += f" Rules over the metrics take in {', '.join(used)}." if used else ""
    made = scrolled("What wins under another rule", f"{head}{body}\n</tbody>", name="rules", note=note)
    return made + _stability(table, names) + _every_rank(table, rules)


def _rules_over_metrics(table: Table) -> list[Rule]:
    found = table.sensitivity.rules
    return [
        Rule(
            RULE_TITLES.get(key, key.replace("_", " ")),
            entry.ranks,
            entry.tau,
            max((abs(v) for v in entry.moves.values()), default=0.0),
        )
        # tie: none, titles differ
        for key, entry in sorted(found.items(), key=lambda pair: [*RULE_TITLES, pair[0]].index(pair[0]))
        if entry.ranks
    ]


def _single_metrics(table: Table) -> list[Rule]:
    """Every metric beside the board's own as the only one, over the models that have it."""
    made = []
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
        moved = float(np.abs(own - other).max())
        made.append(Rule(f"{metric.title} alone", ranks, kendall_tau(own, other), moved))
    return made


def _rule_row(rule: Rule, leader: str, names: Mapping[str, str]) -> str:
    best = min(rule.ranks.values())
    first = [i for i, rank in rule.ranks.items() if rank == best]
    shown = ", ".join(names.get(i, text(i)) for i in first[:4])
    shown += f" and {len(first) - 4} more" if len(first) > 4 else ""
    same = "" if leader in first else "<small>another than on this board</small>"
    return (
        f'<tr data-rx-rule="{text(rule.title)}"><th scope="row" class="rx-model">{text(rule.title)}</th>'
        f'<td class="rx-words">{shown}{same}</td>'
        f"<td>{'–' if rule.tau is None else number(rule.tau, 2)}</td><td>{rule.moved:g}</td></tr>"
    )


def _stability(table: Table, names: Mapping[str, str]) -> str:
    """How often resampled patients would give another first place, in a sentence."""
    found = table.stability
    shares = {i: m.first for i, m in found.models.items()}
    # tie: the id; shares of whole draws
    firsts = sorted(((v, i) for i, v in shares.items() if v >= 0.01), key=lambda pair: (-pair[0], pair[1]))
    if not firsts or not found.tau:
        return ""
    listed = ", ".join(f"{names.get(i, text(i))} in {percent(v)}" for v, i in firsts[:5])
    low, middle, high = (number(t, 2) for t in found.tau)
    return (
        f"<p>If other patients had been drawn, first place would go to {listed} of the draws; the order of a draw and of this "
        f"board agree with τ = {middle} ({low} to {high}). This describes how firm the order is; the ranges of ranks are the test.</p>\n"
    )


def _every_rank(table: Table, rules: Sequence[Rule]) -> str:
    """Every model's rank under every rule, folded."""
    head = "".join(f'<th scope="col">{text(rule.title)}</th>' for rule in rules)
    body = "\n".join(
        f'<tr><th scope="row" class="rx-model">{text(r.name)}</th><td>{rank_text(r)}</td>'
        + "".join(_rank_cell(rule.ranks.get(r.id)) for rule in rules)
        + "</tr>"
        for r in table.rows
    )
    title = "Every model's rank under every rule"
    made = scrolled(
        title,
        f'<thead><tr><th scope="col" class="rx-model">Model</th><th scope="col">This board</th>{head}</tr></thead>'
        f"<tbody>\n{body}\n</tbody>",
        name="every-rank",
        note="Equal models share the mean of their ranks. –: the model lacks the metric.",
    )
    return f'<details class="rx-fold"><summary>{title}</summary>\n{made}</details>\n'


def _rank_cell(rank: float | None) -> str:
    return '<td class="rx-none">–</td>' if rank is None else f"<td>{rank:g}</td>"
