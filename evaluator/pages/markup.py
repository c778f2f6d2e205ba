"""HTML and Markdown in which every string from a submission is only text."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from evaluator.checks.card import public_https
from evaluator.tables import rank_text

# Entities that html.escape writes must stay, so "#", "&" and ";" are left alone; a "#" in the middle of a
# line is no heading, and line breaks become entities.
_MARKDOWN_ACTIVE: Final = str.maketrans({c: f"&#{ord(c)};" for c in "\\`*_{}[]()+-.!|~:@$^=\n\r\t"})


def text(value: object) -> str:
    """`value` as HTML text that neither HTML nor Markdown can take for markup.

    >>> text("<b>*x*")
    '&lt;b&gt;&#42;x&#42;'
    """
    return html.escape(str(value), quote=True).replace("&#x27;", "&#39;").translate(_MARKDOWN_ACTIVE)


def title(value: object) -> str:
    """`value` as a page title in front matter: HTML entities in a quoted YAML string.

    Themes print titles unescaped, so that the escaping must be done before.

    >>> title("</title><script>")
    '"&lt;/title&gt;&lt;script&gt;"'
    """
    return json.dumps(html.escape(" ".join(str(value).split()), quote=True), ensure_ascii=True)


def link(address: object, label: str) -> str:
    """A link to an https address of a public host, or the bare label; `label` is HTML already."""
    if not isinstance(address, str) or not public_https(address):
        return label
    return f'<a href="{html.escape(address, quote=True)}" rel="nofollow noopener">{label}</a>'


def scores_cell(entry: Mapping[str, Any] | None, *, best: bool) -> str:
    """A metric's cell: displayed value, interval below it, the mean as `data-value` for sorting."""
    if entry is None:
        return '<td data-value="">–</td>'
    shown = entry["display"]
    value = number(shown["value"]) if shown["value"] is not None else text(shown["note"] or "–")
    span = ""
    if shown["low"] is not None or shown["high"] is not None:
        low = "−∞" if shown["low"] is None else number(shown["low"])
        high = "∞" if shown["high"] is None else number(shown["high"])
        span = f"<small>{low} to {high}</small>"
    failed = f"<small>{entry['n_failed']} failed</small>" if entry["n_failed"] else ""
    mark = ' class="rx-best"' if best else ""
    return f'<td data-value="{entry["mean"]!r}"{mark}>{value}{span}{failed}</td>'


def number(value: float) -> str:
    """Three decimals, with a real minus sign.

    >>> number(-0.0634)
    '−0.063'
    """
    return f"{value:.3f}".replace("-", "−")


def board_table(
    table: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], *, caption: str, root: str
) -> str:
    """Rows of a board as a table that reads in order without a script; `root` leads to the site's root."""
    metrics = table["metrics"]
    best = _best(rows, metrics)
    head = "".join(
        f'<th scope="col" data-rx-better="{"high" if m["higher_is_better"] else "low"}"'
        f"{' data-rx-reciprocal' if m['reciprocal'] else ''}>"
        f"{text(m['display_title'])}{_arrow(m)}</th>"
        for m in metrics
    )
    body = "\n".join(_row(row, metrics, best, root) for row in rows)
    return (
        f'<div class="rx-scroll" tabindex="0" role="region" aria-label="{text(caption)}" data-search-exclude>\n'
        f'<table class="rx-board"><caption><span>{text(caption)}</span></caption>\n'
        f'<thead><tr><th scope="col">Rank</th><th scope="col" class="rx-model">Model</th>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table>\n</div>\n"
    )


def _arrow(metric: Mapping[str, Any]) -> str:
    """Which way is better, as shown: a reciprocal is shown the other way round than it is stored."""
    higher = metric["higher_is_better"] != metric["reciprocal"]
    return f"<small>{'higher' if higher else 'lower'} is better</small>"


def _best(rows: Iterable[Mapping[str, Any]], metrics: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    best = {}
    for metric in metrics:
        means = [r["metrics"][metric["key"]]["mean"] for r in rows if metric["key"] in r["metrics"]]
        if means:
            best[metric["key"]] = max(means) if metric["higher_is_better"] else min(means)
    return best


def _row(
    row: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]], best: Mapping[str, float], root: str
) -> str:
    name = text(row["name"])
    if row["kind"] == "submission":
        name = f'<a href="{root}models/{row["id"]}/">{name}</a>'
    where = f"<small>{text(row['institution'])}</small>" if row["institution"] else ""
    badges = "".join(f'<span class="rx-badge">{text(b)}</span>' for b in badges_of(row))
    cells = "".join(
        scores_cell(e, best=e is not None and row["kind"] == "submission" and e["mean"] == best.get(m["key"]))
        for m in metrics
        for e in (row["metrics"].get(m["key"]),)
    )
    kind = ' class="rx-null"' if row["kind"] == "null" else ""
    return f'<tr{kind}><td>{rank_text(row)}</td><th scope="row" class="rx-model">{name}{where}{badges}</th>{cells}</tr>'


def badges_of(row: Mapping[str, Any]) -> list[str]:
    """Short marks of a row, in words."""
    marks = ["baseline, looks at no image"] if row["kind"] == "null" else []
    marks += ["trained on this dataset's source"] if row["trained_on_dataset"] else []
    marks += ["open weights"] if row["open_weights"] else []
    marks += [b["text"] for b in row["badges"]]
    return marks


def forest(table: Mapping[str, Any]) -> str:
    """Intervals of the primary metric as inline SVG, best on top; empty when nothing has an interval."""
    metric = next((m for m in table["metrics"] if m["key"] == table["primary"]), None)
    rows = [r for r in table["rows"] if r["metrics"][table["primary"]]["low"] is not None]
    if metric is None or not rows:
        return ""
    entries = [r["metrics"][table["primary"]] for r in rows]
    low, high = min(e["low"] for e in entries), max(e["high"] for e in entries)
    width, left, step = 720, 240, 26
    scale = (width - left - 20) / ((high - low) or 1.0)

    def x(value: float) -> float:
        return float(left + (value - low) * scale)

    better = "higher" if metric["higher_is_better"] else "lower"
    title = f"{metric['title']}: mean and 95 % interval, {better} is better"
    parts = [
        f"<title>{text(title)}</title><desc>One line a model; the table above holds the same numbers.</desc>"
    ]
    bottom = 10 + step * len(rows)
    for tick in range(5):
        value = low + (high - low) * tick / 4
        parts.append(f'<line class="rx-axis" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="4" y2="{bottom}"/>')
        parts.append(f'<text x="{x(value):.1f}" y="{bottom + 16}" text-anchor="middle">{value:.2f}</text>')
    for i, (row, entry) in enumerate(zip(rows, entries, strict=True)):
        y = 18 + step * i
        name = row["name"] if len(row["name"]) <= 30 else row["name"][:29] + "…"
        parts.append(f'<text x="{left - 12}" y="{y + 4}" text-anchor="end">{text(name)}</text>')
        parts.append(
            f'<line class="rx-span" x1="{x(entry["low"]):.1f}" x2="{x(entry["high"]):.1f}" y1="{y}" y2="{y}"/>'
        )
        parts.append(f'<circle class="rx-dot" cx="{x(entry["mean"]):.1f}" cy="{y}" r="4.5"/>')
    body = "".join(parts)
    return (
        f'<figure class="rx-figure" data-search-exclude><svg viewBox="0 0 {width} {bottom + 24}" role="img">{body}</svg>'
        f"<figcaption>{text(title)}</figcaption></figure>\n"
    )
