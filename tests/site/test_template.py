"""Templates: whatever text a view contains, the page has only the elements and attributes of its template."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import jinja2
import markdown
import pytest
import yaml
from support.boards import ROOT, URL
from support.crowd import make_crowd

from evaluator.site.build import workspace
from evaluator.site.template import environment, render

MARKUP = (
    'x" \' onmouseover=rxEvil() onfocus="rxEvil()"><script>rxEvil()</script><img src=x onerror=rxEvil()>'
    "</title></style>--><b>b</b> **[x](javascript:rxEvil())** `{{ 7 * 7 }}` | {% raw %} $&\n\n# h\n\n---\n"
)
EXAMPLES = 1
"""Views of a template that are tried in addition to its longest."""


class Elements(HTMLParser):
    """The elements of a page and the names of their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {k for k, _ in attrs}
        self.addresses += [v or "" for k, v in attrs if k in {"href", "src", "xlink:href", "action"}]


def elements(text):
    parser = Elements()
    parser.feed(text)
    parser.close()
    return parser


def replaced(value):
    """A view with every string in it, at any depth, replaced by markup."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return MARKUP
    if dataclasses.is_dataclass(value):
        fields = {f.name: replaced(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(replaced, value))
    if isinstance(value, tuple | list):
        return type(value)(map(replaced, value))
    if isinstance(value, Mapping):
        return {k: replaced(v) for k, v in value.items()}
    return value


@pytest.fixture(scope="module")
def examples(leaderboard, tmp_path_factory):
    """By template, some of the values that a whole site gives it, with models on every board and with none."""
    by_name: dict[str, list[dict[str, object]]] = {}
    usual = jinja2.Template.render

    def recorded(self, *args, **views):
        own = by_name.setdefault(self.name, [])
        # The first ones, and the longest of the others, which is likely to contain every part.
        if len(own) < EXAMPLES:
            own.append(views)
        elif len(repr(views)) > len(repr(own[-1])):
            own[EXAMPLES:] = [views]
        return usual(self, *args, **views)

    crowd = tmp_path_factory.mktemp("crowd")
    make_crowd(crowd, ("iu-xray", "mimic-cxr", "chexpert-plus"), n_models=6, n_studies=30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jinja2.Template, "render", recorded)
        for folder in (leaderboard, crowd, ROOT / "leaderboard"):
            workspace(folder, ROOT / "mkdocs.yml", tmp_path_factory.mktemp("docs"), URL)
    return by_name


def test_a_site_uses_every_template(examples):
    assert set(examples) == {n for n in environment().list_templates() if not n.startswith("macros/")}


def test_markup_in_every_string_of_every_template_stays_text(examples):
    for name, views in examples.items():
        pages = [render(name, **replaced(view)) for view in views]
        assert any("rxEvil" in page for page in pages), name
        if name.endswith(".xml"):
            tags = [{e.tag for e in ET.fromstring(render(name, **view)).iter()} for view in views]
            assert all({e.tag for e in ET.fromstring(page).iter()} <= set().union(*tags) for page in pages)
            continue
        for page in pages:
            front, _, body = page.partition("\n---\n") if page.startswith("---\n") else ("", "", page)
            if front:
                assert all(isinstance(v, str | list) for v in yaml.safe_load(front).values()), name
            for html in (
                body,
                markdown.markdown(body, extensions=["attr_list", "md_in_html", "tables", "toc"]),
            ):
                parts = elements(html)
                assert not parts.tags & {"script", "img", "b", "style", "iframe", "hr"}, name
                assert not [a for a in parts.attributes if a.startswith("on")], name
                assert not [a for a in parts.addresses if a.strip().lower().startswith("javascript")], name


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        render("overall_track.html")
