"""The page of problem codes that `rexrank validate` and the bot link to."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from evaluator.core.host_files import HOST_RULES
from evaluator.site.template import own, render
from evaluator.submissions.rules.codes import RULES


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A code with its requirement, the reason, and the fix."""

    code: str
    title: Markup
    about: Markup
    cure: Markup


@dataclass(frozen=True, slots=True)
class Page:
    """Every code of submissions and of a host's own files."""

    rules: tuple[CodeLine, ...]
    host_rules: tuple[CodeLine, ...]


def codes_page() -> str:
    """Every code that `rexrank validate` can print, with its requirement and the reason, as Markdown."""
    rules = (CodeLine(k, own(r.title), own(r.about), own(r.cure)) for k, r in RULES.items())
    hosts = (CodeLine(k, own(title), own(about), own("")) for k, (title, about) in HOST_RULES.items())
    return render("codes.md", view=Page(tuple(rules), tuple(hosts)))
