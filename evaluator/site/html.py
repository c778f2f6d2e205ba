"""HTML in which every string from a submission is only text, for what no template makes yet."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from evaluator.leaderboard.table import Table
from evaluator.site.template import text, title
from evaluator.site.words import (
    AXIS_TITLES,
    CONTEXTS,
    TRACK_TITLES,
    VIEWS,
    badges_of,
    facts_of,
    inputs_of,
    number,
    percent,
)
from evaluator.submissions.rules.card import public_https

__all__ = [
    "AXIS_TITLES",
    "CONTEXTS",
    "TRACK_TITLES",
    "VIEWS",
    "badges_of",
    "facts",
    "facts_of",
    "html_table",
    "inputs_of",
    "link",
    "names_of",
    "number",
    "percent",
    "scrolled",
    "text",
    "title",
]


def link(address: object, label: str) -> str:
    """A link to an https address of a public host, or the bare label; `label` is HTML already."""
    if not isinstance(address, str) or not public_https(address):
        return label
    return f'<a href="{html.escape(address, quote=True)}" rel="nofollow noopener">{label}</a>'


def html_table(first: str, heads: Sequence[str], rows: Sequence[str], label: str) -> str:
    """Rows that are HTML already under their headings, in a region that scrolls by key; `label` is plain text."""
    head = "".join(f'<th scope="col">{h}</th>' for h in heads)
    return (
        f'<div class="rx-plain" tabindex="0" role="region" aria-label="{text(label)}" data-search-exclude>'
        f'<table class="rx-table"><thead><tr><th scope="col">{first}</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def facts(told: Mapping[str, str | None]) -> str:
    """Name and value in two columns, without what is empty; values are HTML already."""
    rows = "".join(
        f'<tr><th scope="row">{k}</th><td>{v}</td></tr>' for k, v in told.items() if v not in {None, ""}
    )
    return f'<table class="rx-facts"><tbody>{rows}</tbody></table>'


def scrolled(caption: str, inside: str, *, name: str, note: str = "") -> str:
    """A table in a region that scrolls by key; `inside` is the head and body, `caption` and `note` plain text."""
    shown = f"<caption><span><strong>{text(caption)}.</strong> {text(note)}</span></caption>"
    return (
        f'<div class="rx-scroll" id="rx-{name}" tabindex="0" role="region" aria-label="{text(caption)}" data-search-exclude>\n'
        f'<table class="rx-board rx-{name}">{shown}\n{inside}</table>\n</div>\n'
    )


def names_of(table: Table) -> dict[str, str]:
    """Escaped model names by id, of every row of the board."""
    return {r.id: text(r.name) for r in table.all_rows}
