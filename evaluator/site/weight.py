"""Takes out of a built site what readers do not need: entities, spare space and style rules that slow pages down."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_PLAIN: Final = {f"&#{ord(c)};": c for c in "*_{}[]()+-.!|~:@$^="}
"""Characters with a meaning in Markdown only; in the HTML they can stand as they are."""
_ENTITY_OR_SCRIPT: Final = re.compile(
    r"<script\b.*?</script>|" + "|".join(map(re.escape, _PLAIN)), re.DOTALL | re.IGNORECASE
)
_SPACE: Final = re.compile(r"<(pre|script|style|textarea)\b.*?</\1>|>\s\s+|\n\s+(?=<)", re.DOTALL)
"""Runs of space beside a tag, which a browser shows as one; the theme's templates leave 20 kB of them on every page."""
_RULES: Final = {
    ".md-typeset table:not([class])+*{": ".md-typeset table:not([class])+:is(p,div,ul,ol,dl,pre,details,blockquote){",
    (
        "[data-md-color-switching] *,[data-md-color-switching] :after,[data-md-color-switching] :before"
        "{transition-duration:0s!important}"
    ): "[data-md-color-switching] a{transition-duration:0s!important}",
}
"""Rules of the theme that name no element, and their narrower replacements. The first makes room after a plain table: a
browser restyles every cell of a long board for it whenever a row moves. The second keeps links from fading when the
palette changes: everything is restyled for it, twice whenever a page starts."""


def plain(page: str) -> str:
    """A page with the characters themselves for the entities that only Markdown needed; scripts stay as they are.

    >>> plain("<b>1&#46;5 &amp; &lt;</b><script>'&#46;'</script>")
    "<b>1.5 &amp; &lt;</b><script>'&#46;'</script>"
    """
    return _ENTITY_OR_SCRIPT.sub(lambda found: _PLAIN.get(found[0], found[0]), page)


def dense(page: str) -> str:
    r"""A page with one space or line break for several, beside tags; what shows or needs them stays as it is.

    >>> dense("<p>\n\n  a <b>b</b>\n   </p>  <pre>\n\n  c</pre>")
    '<p>\na <b>b</b>\n</p> <pre>\n\n  c</pre>'
    """
    return _SPACE.sub(_one, page)


def _one(found: re.Match[str]) -> str:
    if found[1]:
        return found[0]
    space = "\n" if "\n" in found[0] else " "
    return f">{space}" if found[0][0] == ">" else space


def lose_weight(site: Path) -> None:
    """Nothing; rewrites a site's pages without entities and spare space, and the theme's style sheets without slow rules."""
    for path in site.rglob("*.html"):
        old = path.read_text("utf-8")
        new = dense(plain(old))
        if new != old:
            path.write_text(new, "utf-8")
    for path in (site / "assets/stylesheets").glob("*.css"):
        sheet = path.read_text("utf-8")
        for slow, quick in _RULES.items():
            sheet = sheet.replace(slow, quick)
        path.write_text(sheet, "utf-8")
