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


AXIS_TITLES: Final = {
    "normal": "reference",
    "findings": "findings",
    "age_group": "age",
    "view": "views",
    "prior": "prior named",
}
"""What a group's name stands behind."""


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


def scores_cell(entry: Mapping[str, Any] | None, *, best: bool, heat: int | None = None) -> str:
    """A metric's cell: displayed value, interval below it, the mean as `data-value` for sorting."""
    if entry is None:
        return '<td data-value="">–</td>'
    shown = entry["display"]
    value = number(shown["value"]) if shown["value"] is not None else _without(entry, shown["note"])
    span = ""
    if shown["low"] is not None or shown["high"] is not None:
        low = "−∞" if shown["low"] is None else number(shown["low"])
        high = "∞" if shown["high"] is None else number(shown["high"])
        span = f"<small>{low} to {high}</small>"
    failed = f"<small>{entry['n_failed']} failed</small>" if entry["n_failed"] else ""
    mark = ' class="rx-best"' if best else ""
    level = "" if heat is None else f' data-rx-heat="{heat}"'
    return f'<td data-value="{entry["mean"]!r}"{mark}{level}>{value}{span}{failed}</td>'


def _without(entry: Mapping[str, Any], note: str) -> str:
    """What stands where 1/mean has no meaning: the mean itself, its interval and a word on why."""
    if entry["mean"] is None or not note:
        return text(note or "–")
    low, high = entry["low"], entry["high"]
    span = "" if low is None or high is None else f"<small>{number(low)} to {number(high)}</small>"
    return f"mean {number(entry['mean'])}{span}<small>at or below 0: no reciprocal</small>"


def number(value: float) -> str:
    """Three decimals, with a real minus sign.

    >>> number(-0.0634)
    '−0.063'
    """
    return f"{value:.3f}".replace("-", "−")


def board_table(
    table: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    *,
    caption: str,
    root: str,
    name: str = "board",
    main: bool = False,
) -> str:
    """Rows of a board as a table that reads in order without a script; `root` leads to the site's root.

    The `main` table is the one that the script gives its controls.
    """
    metrics = table["metrics"]
    best = _best(rows, metrics)
    places = _heat(rows, metrics)
    head = "".join(
        f'<th scope="col" data-rx-key="{m["key"]}" data-rx-better="{"high" if m["higher_is_better"] else "low"}"'
        f"{' data-rx-reciprocal' if m['reciprocal'] else ''}>"
        f"{text(m['display_title'])}{_arrow(m)}</th>"
        for m in metrics
    )
    body = "\n".join(_row(row, metrics, best, places, root) for row in rows)
    return (
        f'<div class="rx-scroll" tabindex="0" role="region" aria-label="{text(caption)}" data-search-exclude>\n'
        f'<table class="rx-board" id="rx-{name}"{" data-rx-main" if main else ""}><caption><span>{text(caption)}</span></caption>\n'
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
    row: Mapping[str, Any],
    metrics: Sequence[Mapping[str, Any]],
    best: Mapping[str, float],
    places: Mapping[tuple[str, str], int],
    root: str,
) -> str:
    name = text(row["name"])
    if row["kind"] == "submission":
        name = f'<a href="{root}models/{row["id"]}/">{name}</a>'
    where = f"<small>{text(row['institution'])}</small>" if row["institution"] else ""
    badges = "".join(f'<span class="rx-badge">{text(b)}</span>' for b in badges_of(row))
    cells = "".join(
        scores_cell(
            e,
            best=e is not None and row["kind"] == "submission" and e["mean"] == best.get(m["key"]),
            heat=places.get((row["id"], m["key"])),
        )
        for m in metrics
        for e in (row["metrics"].get(m["key"]),)
    )
    kind = ' class="rx-null"' if row["kind"] == "null" else ""
    inputs = row["inputs"]
    facts = f'data-rx-open="{int(row["open_weights"])}" data-rx-seen="{int(row["trained_on_dataset"])}"'
    seen = f'data-rx-id="{text(row["id"])}" data-rx-inputs="{text(inputs_of(inputs))}"'
    where += f"<small>{text(inputs_of(inputs))}</small>" if inputs and row["kind"] == "submission" else ""
    why = row.get("why_unranked")
    where += f'<small class="rx-why">{text(why)}</small>' if why else ""
    return f'<tr{kind} {seen} {facts}><td>{rank_text(row)}</td><th scope="row" class="rx-model">{name}{where}{badges}</th>{cells}</tr>'


def inputs_of(inputs: Mapping[str, Any]) -> str:
    """What a model reads besides the image, in words.

    >>> inputs_of({"views": "frontal", "context": "indication"})
    'views: frontal; context: indication'
    """
    return "; ".join(f"{k}: {inputs[k]}" for k in ("views", "context") if inputs.get(k)) or "inputs unknown"


def _heat(
    rows: Sequence[Mapping[str, Any]], metrics: Sequence[Mapping[str, Any]]
) -> dict[tuple[str, str], int]:
    """A level from 0 (worst) to 4 (best) for every cell, by its place between the column's extremes."""
    levels: dict[tuple[str, str], int] = {}
    for metric in metrics:
        key = metric["key"]
        means = {r["id"]: r["metrics"][key]["mean"] for r in rows if key in r["metrics"]}
        low, high = min(means.values(), default=0.0), max(means.values(), default=0.0)
        for name, mean in means.items():
            if high > low:
                share = (mean - low) / (high - low)
                levels[name, key] = round(4 * (share if metric["higher_is_better"] else 1 - share))
    return levels


def badges_of(row: Mapping[str, Any]) -> list[str]:
    """Short marks of a row, in words."""
    marks = ["baseline, looks at no image"] if row["kind"] == "null" else []
    marks += ["trained on this dataset's source"] if row["trained_on_dataset"] else []
    marks += ["open weights"] if row["open_weights"] else []
    marks += [b["text"] for b in row["badges"]]
    return marks


def html_table(first: str, heads: Sequence[str], rows: Sequence[str], label: str) -> str:
    """Rows that are HTML already under their headings, in a region that scrolls by key; `label` is plain text."""
    head = "".join(f'<th scope="col">{h}</th>' for h in heads)
    return (
        f'<div class="rx-plain" tabindex="0" role="region" aria-label="{text(label)}" data-search-exclude>'
        f'<table class="rx-table"><thead><tr><th scope="col">{first}</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def facts(told: Mapping[str, Any]) -> str:
    """Name and value in two columns, without what is empty; values are HTML already."""
    rows = "".join(
        f'<tr><th scope="row">{k}</th><td>{v}</td></tr>' for k, v in told.items() if v not in {None, ""}
    )
    return f'<table class="rx-facts"><tbody>{rows}</tbody></table>'
