"""Tables that stay out of the site builder: it parses all HTML three times in Python, which took half of a build.

They go back in where they were, unchanged, once the builder has made the pages. Only tables that the search leaves
out can do so (`data-search-exclude`): the builder makes the search index from what it reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from evaluator.core.problems import RexrankError

_TABLE: Final = re.compile(r'<table class="rx-(?:board|lanes|table)\b.*?</table>', re.DOTALL)
_MARK: Final = re.compile(r"<!--rexrank:table:(\d+)-->")


def set_aside(pages: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The pages with a comment for each table that the search leaves out, and these tables."""
    tables: list[str] = []

    def mark(found: re.Match[str]) -> str:
        tables.append(found[0])
        return f"<!--rexrank:table:{len(tables) - 1}-->"

    light = dict(pages)
    for name in pages:
        if name.endswith(".md"):
            light[name] = _TABLE.sub(mark, pages[name])
    return light, tables


def put_back(site: Path, tables: list[str]) -> None:
    """Nothing; puts every table back in the pages of a built site. Raises `RexrankError` if one is not there once."""
    found: list[int] = []

    def table(mark: re.Match[str]) -> str:
        found.append(int(mark[1]))
        return tables[found[-1]]

    for path in site.rglob("*.html"):
        old = path.read_text("utf-8")
        new = _MARK.sub(table, old)
        if new != old:
            path.write_text(new, "utf-8")
    if sorted(found) != list(range(len(tables))):
        raise RexrankError(f"the site has {len(found)} of {len(tables)} tables after the build")
