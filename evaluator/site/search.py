"""The search index, which the theme fetches with the first page opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

INDEX: Final = Path("search/search_index.json")
IN_FULL: Final = ("rules/", "faq/", "submit/", "about/")
"""Pages indexed in full. Others are found by their titles and headings: names of models, boards, metrics and
datasets, error codes, chapters of the guides. Their text would be four fifths of what every reader fetches
first."""


def lighten(site: Path) -> int:
    """The number of sections in a built site's index now found only by their titles; 0 without an index."""
    path = site / INDEX
    if not path.is_file():
        return 0
    index = json.loads(path.read_text("utf-8"))
    sections = [d for d in index["docs"] if not d["location"].startswith(IN_FULL) and d["text"]]
    for section in sections:
        section["text"] = ""
    path.write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), "utf-8")
    return len(sections)
