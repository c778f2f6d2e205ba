"""Untrusted text as inert Markdown: no link, mention, HTML or reference."""

from __future__ import annotations

import html
import re
from typing import Final

from evaluator.core.problems import MAX_TEXT, visible

_JOINTS: Final = re.compile(r"(?<=[@#])(?=\w)|(?<=:)(?=//)|(?<=www)(?=\\?\.)", re.IGNORECASE)
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~@:])")


def code_span(text: str) -> str:
    r"""`text` as a Markdown code span that it cannot break out of: no link, mention, HTML or table cell.

    >>> code_span("a`b|c")
    '``a`b\\|c``'
    """
    flat = visible(" ".join(text.split()), MAX_TEXT) or " "
    fence = "`" * (max((len(m) for m in re.findall(r"`+", flat)), default=0) + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}".replace("|", "\\|")


def markdown_text(text: object) -> str:
    r"""`text` as plain Markdown text: no link, markup, HTML, mention or reference.

    >>> markdown_text("[a](b) | <b>@x</b>").replace("\u200b", "_")
    '\\[a\\]\\(b\\) \\| &lt;b&gt;\\@_x&lt;/b&gt;'
    """
    flat = " ".join(str(text).split())
    escaped = _MARKDOWN.sub(r"\\\1", flat)
    return quiet(html.escape(escaped.replace("\\<", "<").replace("\\>", ">"), quote=False))


def quiet(text: str) -> str:
    """`text` with a zero-width space wherever GitHub would find a mention, a reference or an address.

    GitHub looks for them in the rendered text, after escapes are resolved.

    >>> quiet("@x #1 https://a").replace("\u200b", "_")
    '@_x #_1 https:_//a'
    """
    return _JOINTS.sub("\u200b", text)
