"""HTML and Markdown in which every string from a submission is only text."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from typing import Final

from evaluator.leaderboard.row import Inputs, Row
from evaluator.leaderboard.table import Table
from evaluator.submissions.rules.card import public_https

TRACK_TITLES: Final = {"findings": "findings", "report": "findings + impression"}

VIEWS: Final = {"all": "all views", "frontal": "frontal view", "none": "no image"}
CONTEXTS: Final = {
    "none": "",
    "indication": "indication",
    "indication+history": "indication, history",
    "indication+prior": "indication, prior study",
    "all": "all context",
}

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


def number(value: float, digits: int = 3) -> str:
    """`value` with this many decimals and a real minus sign; nothing rounds to a negative zero.

    >>> number(-0.0634), number(-0.0004), number(0.4031, 2)
    ('−0.063', '0.000', '0.40')
    """
    shown = f"{value:.{digits}f}"
    return shown.lstrip("-") if float(shown) == 0 else shown.replace("-", "−")


def inputs_of(inputs: Inputs) -> str:
    """What a model reads of a study, in words.

    >>> inputs_of(Inputs(views="frontal", context="indication"))
    'frontal view, indication'
    """
    views, context = inputs.views, inputs.context
    known = [VIEWS.get(views, views)] if views else []
    known += [CONTEXTS.get(context, context)] if context else []
    return ", ".join(k for k in known if k) or "unknown"


def badges_of(row: Row) -> list[str]:
    """Short marks of a row, in words."""
    return facts_of(row) + [b.text for b in row.badges]


def facts_of(row: Row) -> list[str]:
    """The marks that say what a model is, not what a check found."""
    marks = ["trained on this dataset's source"] if row.trained_on_dataset else []
    marks += ["superseded"] if row.status == "superseded" else []
    return marks


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


def percent(share: float) -> str:
    """A share in whole percent, never rounded up to all.

    >>> percent(0.94), percent(0.998)
    ('94 %', 'more than 99 %')
    """
    return "more than 99 %" if 0.995 <= share < 1 else f"{share:.0%}".replace("%", " %")
