"""One style sheet instead of several: each would delay the first paint by its own request."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

SHEET: Final = "assets/site.css"
"""The sheet of the built site."""
_LISTED: Final = re.compile(r"^extra_css: \[(.*)\]$", re.MULTILINE)


def joined(config: str, docs: Path) -> str:
    """The configuration with its style sheets replaced by a single one, which is written below `docs` in their order.

    A configuration without such a list is returned unchanged.
    """
    listed = _LISTED.search(config)
    if listed is None:
        return config
    sheets = [docs / name.strip() for name in listed[1].split(",")]
    text = "\n".join(compact(sheet.read_text("utf-8")) for sheet in sheets)
    for sheet in sheets:
        sheet.unlink()
    (docs / SHEET).write_text(text + "\n", "utf-8")
    return config.replace(listed[0], f"extra_css: [{SHEET}]")


def compact(sheet: str) -> str:
    r"""A style sheet without comments, indentation and line breaks.

    >>> compact("a {\n  /* why */\n  color: red;\n  margin: 0 auto;\n}\n")
    'a{color:red;margin:0 auto}'
    """
    text = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r" ?([{};,]) ?", r"\1", text)
    text = re.sub(r"(?<=[;{])([\w-]+): ", r"\1:", text)
    return text.replace(";}", "}").strip()
