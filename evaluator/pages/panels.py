"""What surrounds a board's table: who beats whom, other ranking rules, subgroups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from evaluator.pages.markup import number, text

ALPHA: Final = 0.05
RULE_TITLES: Final = {
    "mean_rank": "mean rank over the metrics",
    "median_rank": "median rank over the metrics",
    "z": "mean z-score over the metrics",
    "z_score": "mean z-score over the metrics",
    "mean_z": "mean z-score over the metrics",
    "borda": "Borda count over the metrics",
    "copeland": "Copeland: duels won over the metrics",
    "win_rate": "mean win rate over the metrics",
    "mean_win_rate": "mean win rate over the metrics",
    "test_then_rank": "number of significant wins",
    "significant_wins": "number of significant wins",
}


def scrolled(caption: str, inside: str, *, name: str, note: str = "") -> str:
    """A table in a region that scrolls by key; `inside` is the head and body, `caption` and `note` plain text."""
    shown = f"<caption><span><strong>{text(caption)}.</strong> {text(note)}</span></caption>"
    return (
        f'<div class="rx-scroll" id="rx-{name}" tabindex="0" role="region" aria-label="{text(caption)}" data-search-exclude>\n'
        f'<table class="rx-board rx-{name}">{shown}\n{inside}</table>\n</div>\n'
    )


def names_of(table: Mapping[str, Any]) -> dict[str, str]:
    """Escaped model names by id, of every row of the board."""
    groups = ("rows", "incomplete", "withdrawn", "nulls")
    return {r["id"]: text(r["name"]) for g in groups for r in table[g]}


def significance(table: Mapping[str, Any]) -> str:
    """The matrix of paired tests: ▲ the row's model is better, ▼ worse, · undecided; empty below two models."""
    rows = table["rows"]
    metric = next((m for m in table["metrics"] if m["key"] == table["primary"]), None)
    if len(rows) < 2 or not table["pairs"] or metric is None:
        return ""
    sign = 1 if metric["higher_is_better"] else -1
    found = {}
    for pair in table["pairs"]:
        gain = sign * pair["difference"]
        found[pair["a"], pair["b"]] = (gain, pair["p"])
        found[pair["b"], pair["a"]] = (-gain, pair["p"])
    head = "".join(
        f'<th scope="col"><abbr title="{text(r["name"])}">{i}</abbr></th>' for i, r in enumerate(rows, 1)
    )
    body = "\n".join(
        f'<tr><th scope="row" class="rx-model">{i} {text(r["name"])}</th>'
        + "".join(_duel(found.get((r["id"], other["id"]))) for other in rows)
        + "</tr>"
        for i, r in enumerate(rows, 1)
    )
    return scrolled(
        "Who is better than whom",
        f'<thead><tr><th scope="col" class="rx-model">Model</th>{head}</tr></thead><tbody>\n{body}\n</tbody>',
        name="duels",
        note="Read along a row: ▲ this model is better, ▼ it is worse, · the test leaves it open. Paired tests by patient on "
        f"{metric['title']}, adjusted for all pairs, below p = {ALPHA}.",
    )


def _duel(pair: tuple[float, float] | None) -> str:
    if pair is None:
        return '<td class="rx-none">–</td>'
    gain, p = pair
    sign, word = ("·", "undecided") if not p < ALPHA else ("▲", "better") if gain > 0 else ("▼", "worse")
    shown = "p &lt; 0.001" if p < 0.001 else f"p = {p:.3f}"
    return f'<td class="rx-{word}" title="{word}, {shown}"><span aria-hidden="true">{sign}</span><span class="rx-said">{word}</span></td>'


def sensitivity(table: Mapping[str, Any]) -> str:
    """Who would come first under every other ranking rule, and how far the orders agree."""
    rules = (table.get("sensitivity") or {}).get("rules") or {}
    names = names_of(table)
    body = []
    for rule, entry in rules.items():
        if not entry["order"]:
            continue
        best = min(entry["ranks"].values())
        first = ", ".join(names.get(m, text(m)) for m in entry["order"] if entry["ranks"][m] == best)
        moved = max((abs(v) for v in entry["moves"].values()), default=0.0)
        tau = "–" if entry["tau"] is None else number(entry["tau"])[:-1]
        body.append(
            f'<tr data-rx-rule="{text(rule)}"><th scope="row" class="rx-model">{text(RULE_TITLES.get(rule, rule.replace("_", " ")))}</th>'
            f'<td class="rx-words">{first}</td><td>{tau}</td><td>{moved:g}</td></tr>'
        )
    if not body:
        return ""
    used = ", ".join(
        text(m["title"]) for m in table["metrics"] if m["key"] in table["sensitivity"]["metrics"]
    )
    return (
        scrolled(
            "What wins under another rule",
            '<thead><tr><th scope="col" class="rx-model">Rule</th><th scope="col" class="rx-words">First</th>'
            '<th scope="col">τ with this board</th><th scope="col">Farthest move</th></tr></thead><tbody>\n'
            + "\n".join(body)
            + "\n</tbody>",
            name="rules",
            note="τ is Kendall's: 1 means the same order. The last column is the most ranks that any model moves.",
        )
        + f"<p>Metrics that enter: {used}.</p>\n"
    )


def subgroups(table: Mapping[str, Any]) -> str:
    """Means by subgroup and the gaps between groups, raw and standardised; empty when the board has none."""
    found = table.get("subgroups")
    if not found or not found["axes"]:
        return ""
    names = names_of(table)
    mix = ", ".join(text(a) for a in found["standardised_by"]) or "nothing"
    metric = next((m["title"] for m in table["metrics"] if m["key"] == found["metric"]), found["metric"])
    intro = (
        f"<p>Means of {text(metric)}. A raw gap mixes how a model serves a group with what the group's studies are like; "
        f"only the standardised gap (same mix of {mix}) and the gap beyond the baseline may be read as a sign of "
        "unfairness. Groups too small for an interval have none.</p>\n"
    )
    return intro + "".join(_axis(a, names, i) for i, a in enumerate(found["axes"]))


def _axis(axis: Mapping[str, Any], names: Mapping[str, str], place: int) -> str:
    groups = axis["groups"]
    head = "".join(
        f'<th scope="col">{text(g["name"])}<small>{g["studies"]} studies, {g["patients"]} patients</small></th>'
        for g in groups
    )
    body, gaps = [], []
    for model, entry in axis["models"].items():
        cells = "".join(
            f"<td{' class=rx-lowest' if entry['worst'] == g['name'] else ''}>{_estimate(entry['groups'].get(g['name']))}"
            f"{'<small>worst</small>' if entry['worst'] == g['name'] else ''}</td>"
            for g in groups
        )
        q = "–" if entry["q"] is None else f"{entry['q']:.3f}"
        body.append(
            f'<tr><th scope="row" class="rx-model">{names.get(model, text(model))}</th>{cells}<td>{q}</td></tr>'
        )
        gaps += [_gap(names.get(model, text(model)), g) for g in entry["gaps"]]
    title = str(axis["axis"]).replace("_", " ")
    table = scrolled(
        f"By {title}",
        f'<thead><tr><th scope="col" class="rx-model">Model</th>{head}<th scope="col">q<small>any difference</small></th></tr></thead>'
        "<tbody>\n" + "\n".join(body) + "\n</tbody>",
        name=f"group-{place}",
    )
    return f'<details data-rx-axis="{text(axis["axis"])}"><summary>By {text(title)}</summary>\n{table}{_gaps(gaps, title, place)}</details>\n'


def _gaps(rows: Sequence[str], title: str, place: int) -> str:
    if not rows:
        return ""
    heads = ("Raw gap", "Standardised gap", "Studies covered", "Beyond the baseline")
    head = "".join(f'<th scope="col">{h}</th>' for h in heads)
    return scrolled(
        f"Gaps by {title}",
        f'<thead><tr><th scope="col" class="rx-model">Model</th><th scope="col" class="rx-words">Groups</th>{head}</tr></thead>'
        "<tbody>\n" + "\n".join(rows) + "\n</tbody>",
        name=f"gaps-{place}",
        note="Mean of the first group minus mean of the second, with 95 % intervals.",
    )


def _gap(name: str, gap: Mapping[str, Any]) -> str:
    share = "–" if gap["covered"] is None else f"{gap['covered']:.0%}"
    cells = [_estimate(gap["raw"]), _estimate(gap["standardised"]), share, _estimate(gap["beyond_null"])]
    return (
        f'<tr><th scope="row" class="rx-model">{name}</th><td class="rx-words">{text(gap["a"])} − {text(gap["b"])}</td>'
        + "".join(f"<td>{c}</td>" for c in cells)
        + "</tr>"
    )


def _estimate(entry: Mapping[str, Any] | None) -> str:
    if entry is None or entry["value"] is None:
        return "–"
    if entry["low"] is None or entry["high"] is None:
        return number(entry["value"])
    return f"{number(entry['value'])}<small>{number(entry['low'])} to {number(entry['high'])}</small>"
