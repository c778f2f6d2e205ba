"""What tables with a drawing in every row share.

Every row has its own small inline SVG with places in percent, so that words stay legible at any width,
and the same in words: the table is the figure's data table.
"""

from __future__ import annotations

from collections.abc import Sequence

from evaluator.site.board.charts import tick_text, ticks
from evaluator.site.html import text

Scale = tuple[float, float]


def lanes_table(name: str, title: str, head: str, body: str, about: str, defs: str = "") -> str:
    """A table with lanes; `about` is HTML, `title` plain text."""
    return (
        f'<div class="rx-lanes-box" data-rx-chart="{name}" data-search-exclude>'
        f'<svg class="rx-defs" width="0" height="0" aria-hidden="true">{defs}</svg>'
        f'<p class="rx-legend">{about}</p>\n<table class="rx-lanes rx-{name}"><caption class="rx-said">{text(title)}</caption>'
        f"{head}<tbody>\n{body}\n</tbody></table></div>\n"
    )


def grid_of(name: str, values: Sequence[float], over: Scale, null: tuple[str, float] | None) -> str:
    """The lines that every lane of a column shows, kept once under the id `name`; `null`: the best baseline's mean."""

    def line(value: float, kind: str = "") -> str:
        place = at(value, over)
        return f'<line{kind} x1="{place}" x2="{place}" y2="100%"/>'

    lines = "".join(line(v) for v in values)
    mark = line(null[1], ' class="rx-nullline"') if null else ""
    return f'<g id="{name}"><g class="rx-axis">{lines}</g>{mark}</g>'


def at(value: float, over: Scale) -> str:
    """The place of a value across a lane, in percent."""
    return f"{over[1] + over[0] * value:.2f}%"


def axis(values: Sequence[float], over: Scale) -> str:
    """The labels above a column of lanes."""
    words = "".join(
        f'<text x="{at(v, over)}" y="12" text-anchor="middle">{tick_text(v)}</text>' for v in values
    )
    return f'<svg class="rx-ticks" aria-hidden="true" width="100%" height="16">{words}</svg>'


def rank_ticks(last: int) -> list[float]:
    """Some of the ranks from 1 to `last`, both included."""
    inner = [t for t in ticks(1, last, 5) if t == int(t) and 1 < t <= last - last / 12]
    return [1, *inner, last] if last > 1 else [1]


def lane(title: str, grid: str, drawn: str) -> str:
    """The drawing of one row over the lines of its column; `title`, escaped already, says the same in words."""
    # The theme sets `href` of everything that has one when it changes pages, which fails on a `use`.
    return (
        f'<svg class="rx-lane" role="img" width="100%" height="20"><title>{title}</title>'
        f'<use xlink:href="#{grid}"/>{drawn}</svg>'
    )
