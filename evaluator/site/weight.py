"""What a built site need not carry: entities where a plain character does, and a rule that slows long tables down."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_PLAIN: Final = {f"&#{ord(c)};": c for c in "*_{}[]()+-.!|~:@$^="}
"""Characters that mean something in Markdown alone: once it is made, HTML takes them for what they are."""
_ENTITY_OR_SCRIPT: Final = re.compile(
    r"<script\b.*?</script>|" + "|".join(map(re.escape, _PLAIN)), re.DOTALL | re.IGNORECASE
)
_ANY_SIBLING: Final = ".md-typeset table:not([class])+*{"
_TEXT_SIBLING: Final = ".md-typeset table:not([class])+:is(p,div,ul,ol,dl,pre,details,blockquote){"


def plain(page: str) -> str:
    """A page with the characters themselves for the entities that only Markdown needed; scripts stay as they are.

    >>> plain("<b>1&#46;5 &amp; &lt;</b><script>'&#46;'</script>")
    "<b>1.5 &amp; &lt;</b><script>'&#46;'</script>"
    """
    return _ENTITY_OR_SCRIPT.sub(lambda found: _PLAIN.get(found[0], found[0]), page)


def lose_weight(site: Path) -> None:
    """Nothing, after the pages of a built site lost their entities and the theme's sheet the rule.

    The rule gives room to whatever follows a plain table. As it names no element, a browser looks at every cell of a
    long board again whenever one of its rows moves.
    """
    for path in site.rglob("*.html"):
        old = path.read_text("utf-8")
        new = plain(old)
        if new != old:
            path.write_text(new, "utf-8")
    for path in (site / "assets/stylesheets").glob("main.*.css"):
        path.write_text(path.read_text("utf-8").replace(_ANY_SIBLING, _TEXT_SIBLING), "utf-8")
