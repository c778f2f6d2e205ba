"""Pages from templates: a value can only be text in them, for HTML and for Markdown."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from evaluator.site.html import text


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("evaluator.site"),
        autoescape=True,
        finalize=_escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _escaped(value: object) -> Markup:
    """A value as text that neither HTML nor Markdown takes for markup; what a template made stays."""
    return value if isinstance(value, Markup) else Markup(text(value))  # noqa: S704 - `text` escapes


def render(template: str, **views: object) -> str:
    """The text of a template of `evaluator/site/templates` with these values; raises for one that is missing."""
    made = _environment().get_template(template).render(**views)
    # A blank line would end a block of HTML in Markdown.
    return "\n".join(line.strip() for line in made.splitlines() if line.strip()) + "\n"
