"""Blocks of HTML that stay out of the site builder: it parses all HTML three times in Python, which took half of a build.

They go back in where they were, unchanged, once the builder has made the pages. Only blocks that the search leaves
out can do so (`data-search-exclude`): the builder makes the search index from what it reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from evaluator.core.problems import RexrankError

_BLOCK: Final = re.compile(
    r'<(?P<tag>table|section|nav|figure) class="rx-(?:board|lanes|table|part|picker|figure)\b.*?</(?P=tag)>',
    re.DOTALL,
)
"""The bulk of the pages: boards, charts, the boards of a model. None contains an element of its own kind."""
_MARK: Final = re.compile(r"<!--rexrank:block:(\d+)-->")


def set_aside(pages: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The pages with a comment for each block that the search leaves out, and these blocks."""
    blocks: list[str] = []

    def mark(found: re.Match[str]) -> str:
        blocks.append(found[0])
        return f"<!--rexrank:block:{len(blocks) - 1}-->"

    light = dict(pages)
    for name in pages:
        if name.endswith(".md"):
            light[name] = _BLOCK.sub(mark, pages[name])
    return light, blocks


def put_back(site: Path, blocks: list[str]) -> None:
    """Nothing; puts every block back in the pages of a built site. Raises `RexrankError` if one is not there once."""
    found: list[int] = []

    def block(mark: re.Match[str]) -> str:
        found.append(int(mark[1]))
        return blocks[found[-1]]

    for path in site.rglob("*.html"):
        old = path.read_text("utf-8")
        new = _MARK.sub(block, old)
        if new != old:
            path.write_text(new, "utf-8")
    if sorted(found) != list(range(len(blocks))):
        raise RexrankError(f"the site has {len(found)} of {len(blocks)} blocks after the build")
