"""A comment as GitHub renders it: Markdown, then mentions and references outside code."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from markdown_it import MarkdownIt

TAGS = {
    "h3", "h4", "p", "ul", "ol", "li", "strong", "em", "a", "code", "pre", "table", "thead", "tbody", "tr", "th", "td",
    "br", "hr", "details", "summary", "b",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href"},
    "code": {"class"},
    "th": {"style"},
    "td": {"style"},
    "details": {"open"},
    "ol": {"start"},
}
SITE = "https://rexrank.github.io/challenge/"
# GitHub looks for these in the rendered text: neither a backslash nor an entity prevents it.
ALIVE = re.compile(r"(?<![\w`])@[A-Za-z0-9]|(?<!\w)(?:#|GH-)\d|[\w.-]+/[\w.-]+#\d|https?://|www\.")


class Drawn(HTMLParser):
    """Tags, links and comments of a rendered text, and the words outside code and links."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.comments: list[str] = []
        self.words: list[str] = []
        self.code: list[str] = []
        self._inside: list[str] = []
        options = {"html": True, "breaks": True}
        self.html = MarkdownIt("commonmark", options).enable(["table", "strikethrough"]).render(body)
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"br", "hr"}:
            self._inside.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._inside, f"</{tag}> without a beginning"
        assert self._inside.pop() == tag

    def handle_comment(self, data):
        self.comments.append(data.strip())

    def handle_data(self, data):
        (self.code if {"code", "pre"} & set(self._inside) else self.words).append(data)

    @property
    def links(self):
        return [a["href"] or "" for t, a in self.tags if t == "a"]

    @property
    def prose(self):
        return "".join(self.words)


def inert(body, *own):
    """Asserts that no untrusted text is active in a comment: no tag, mention, reference, image or link that
    is not ours."""
    parser = Drawn(body)
    for tag, attributes in parser.tags:
        assert tag in TAGS, tag
        assert attributes.keys() <= ATTRIBUTES.get(tag, set()), (tag, attributes)
    assert all(link.startswith((SITE, *own)) for link in parser.links), parser.links
    assert not ALIVE.search(parser.prose), ALIVE.search(parser.prose)
    assert len(parser.comments) <= 1, parser.comments
    assert not parser._inside, parser._inside
    assert len(body) <= 65_536
    return parser
