"""The index of the search, which the theme fetches with the first page that is opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

INDEX: Final = Path("search/search_index.json")
IN_FULL: Final = ("rules/", "faq/", "submit/", "about/")
"""Pages of which every word is found. Others are found by their titles and headings: names of models, boards, metrics
and datasets, error codes, chapters of the guides. Their text would be four fifths of what every reader fetches first."""


def lighten(site: Path) -> int:
    """How many sections of a built site's index are now found by their titles alone; 0 where there is no index."""
    path = site / INDEX
    if not path.is_file():
        return 0
    index = json.loads(path.read_text("utf-8"))
    sections = [d for d in index["docs"] if not d["location"].startswith(IN_FULL) and d["text"]]
    for section in sections:
        section["text"] = ""
    path.write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")), "utf-8")
    return len(sections)
