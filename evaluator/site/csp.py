"""A content security policy for every page, as strict as static hosting allows.

Static pages cannot send headers, so the policy is in a meta element. The theme's inline scripts differ from
page to page: each is allowed by the digest of its bytes, and nothing else inline runs. The same goes for
style attributes, over the whole site: the theme changes pages without loading them, and the first page's
policy stays in force.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_SCRIPT: Final = re.compile(r"<script(?P<attributes>[^>]*)>(?P<body>.*?)</script>", re.DOTALL | re.IGNORECASE)
_DATA: Final = re.compile(r"type=[\"']?application/(ld\+)?json", re.IGNORECASE)
_STYLE: Final = re.compile(r"<[a-z][^<>]*\sstyle=\"([^\"]*)\"", re.IGNORECASE)
_HEAD: Final = re.compile(r"<head[^>]*>(\s*<meta charset=[^>]*>)?", re.IGNORECASE)
_MARK: Final = 'http-equiv="Content-Security-Policy"'


def _allowed(inline: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"


def styles_of(page: str) -> set[str]:
    """The texts of the page's style attributes.

    >>> styles_of('<td style="text-align: right;">1</td>')
    {'text-align: right;'}
    """
    return {html.unescape(s) for s in _STYLE.findall(page)}


def with_policy(page: str, styles: Iterable[str] = ()) -> str:
    """The page with its policy right after the character set; a page that has one is returned unchanged.

    `styles`: the style attributes allowed on any page of the site.

    >>> "script-src 'self' 'sha256-" in with_policy("<html><head></head><script>a()</script></html>")
    True
    """
    if _MARK in page:
        return page
    digests = []
    for script in _SCRIPT.finditer(page):
        attributes = script["attributes"]
        if "src=" not in attributes and not _DATA.search(attributes):
            digests.append(_allowed(script["body"]))
    scripts = " ".join(["'self'", *dict.fromkeys(digests)])
    known = [_allowed(s) for s in sorted(styles)]
    rules = (
        "default-src 'none'",
        f"script-src {scripts}",
        " ".join(["style-src 'self'", *(["'unsafe-hashes'"] if known else []), *known]),
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
    )
    head = _HEAD.search(page)
    if head is None:
        return page
    meta = f'<meta {_MARK} content="{"; ".join(rules)}">'
    return f"{page[: head.end()]}{meta}{page[head.end() :]}"


def add_policies(site: Path) -> int:
    """The number of pages of a built site to which a policy was added."""
    n_changed = 0
    pages = {p: p.read_text("utf-8") for p in site.rglob("*.html")}
    styles = set().union(*map(styles_of, pages.values()))
    for path, old in pages.items():
        new = with_policy(old, styles)
        if new != old:
            path.write_text(new, "utf-8")
            n_changed += 1
    return n_changed
