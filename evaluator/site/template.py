"""Pages from templates, in which a value can only be text, for HTML and for Markdown.

Templates whose name ends in `.html` give one block of HTML, those in `.md` a page of Markdown that contains
such blocks.
"""

from __future__ import annotations

import html
import json
import re
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from evaluator.datasets.challenge import challenge
from evaluator.site.words import number, percent
from evaluator.submissions.rules.card import public_https

# Entities that html.escape writes must stay, so "#", "&" and ";" are left alone; a "#" in the middle of a
# line is not a heading, and line breaks become entities.
_MARKDOWN_ACTIVE: Final = str.maketrans({c: f"&#{ord(c)};" for c in "\\`*_{}[]()+-.!|~:@$^=\n\r\t"})
_PLAIN: Final = re.compile(r"−?\d+(\.\d+)?%?")
"""Numbers and positions in drawings: frequent, and never markup."""
_NO_ANCHOR: Final = re.compile(r"[^A-Za-z0-9]+")
_NO_XML: Final = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BLANK_LINES: Final = re.compile(r"\n{3,}")


def text(value: object) -> str:
    """`value` as HTML text that neither HTML nor Markdown can take for markup.

    >>> text("<b>*x*")
    '&lt;b&gt;&#42;x&#42;'
    """
    return html.escape(str(value), quote=True).replace("&#x27;", "&#39;").translate(_MARKDOWN_ACTIVE)


def title(value: object) -> str:
    """`value` as a page title in front matter: HTML entities in a quoted YAML string.

    Themes print titles unescaped, so they are escaped here.

    >>> title("</title><script>")
    '"&lt;/title&gt;&lt;script&gt;"'
    """
    return json.dumps(html.escape(" ".join(str(value).split()), quote=True), ensure_ascii=True)


def render(template: str, **views: object) -> str:
    """The text of a template of `evaluator/site/templates` with these values; raises for one that is missing."""
    text = environment().get_template(template).render(**views)
    lines = [line.strip() for line in text.splitlines()]
    if template.endswith(".md"):
        return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n") + "\n"
    # A blank line would end a block of HTML in Markdown.
    return "\n".join(line for line in lines if line) + "\n"


def part(template: str, view: object) -> Markup:
    """The block of HTML that a template renders from a view, for a page of Markdown or another template."""
    return Markup(render(template, view=view))  # noqa: S704 - the template escaped every value


def own(markdown: str) -> Markup:
    """The project's own Markdown, unescaped; never anything from a file that somebody else writes."""
    return Markup(markdown)  # noqa: S704 - constants of the code


@cache
def environment() -> Environment:
    """The environment of every template: values are escaped, and a missing one is an error."""
    result = Environment(
        loader=PackageLoader("evaluator.site"),
        autoescape=True,
        finalize=_escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    result.globals |= {"part": part, "challenge": challenge}
    result.filters |= {
        "number": number,
        "percent": percent,
        "https": _https,
        "yaml": _yaml,
        "anchor": _anchor,
        "xml": _xml,
    }
    return result


def _escaped(value: object) -> Markup:
    """A value as text that neither HTML nor Markdown takes for markup; the output of templates is kept."""
    if isinstance(value, Markup):
        return value
    content = str(value)
    return Markup(content if _PLAIN.fullmatch(content) else text(content))  # noqa: S704 - `text` escapes


def _yaml(value: object) -> Markup:
    """A value as a quoted string of the front matter."""
    return Markup(title(value))  # noqa: S704 - `title` escapes


def _anchor(value: object) -> Markup:
    """A value as an anchor, which Markdown attributes read before entities are resolved."""
    return Markup(_NO_ANCHOR.sub("-", str(value)))  # noqa: S704 - letters, digits and hyphens alone


def _xml(value: object) -> Markup:
    """A value as XML text, without characters that XML 1.0 cannot contain."""
    return Markup(html.escape(_NO_XML.sub("", str(value)), quote=True))  # noqa: S704 - escaped here


def _https(address: object) -> str:
    """An https address of a public host unchanged; empty for anything else, which must not become a link."""
    return address if isinstance(address, str) and public_https(address) else ""
