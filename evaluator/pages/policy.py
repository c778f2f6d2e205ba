"""A content security policy for every page, as strict as static hosting allows.

Pages cannot send headers, so that the policy stands in a meta element. The theme's inline scripts
differ from page to page: each is allowed by the digest of its bytes, and nothing else inline runs.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

_SCRIPT: Final = re.compile(r"<script(?P<attributes>[^>]*)>(?P<body>.*?)</script>", re.DOTALL | re.IGNORECASE)
_DATA: Final = re.compile(r"type=[\"']?application/(ld\+)?json", re.IGNORECASE)
_HEAD: Final = re.compile(r"<head[^>]*>(\s*<meta charset=[^>]*>)?", re.IGNORECASE)
_MARK: Final = 'http-equiv="Content-Security-Policy"'


def with_policy(page: str) -> str:
    """The page with its policy as the first thing after the character set; one that has it stays as it is.

    >>> "script-src 'self' 'sha256-" in with_policy("<html><head></head><script>a()</script></html>")
    True
    """
    if _MARK in page:
        return page
    found = []
    for script in _SCRIPT.finditer(page):
        attributes = script["attributes"]
        if "src=" not in attributes and not _DATA.search(attributes):
            digest = base64.b64encode(hashlib.sha256(script["body"].encode()).digest()).decode()
            found.append(f"'sha256-{digest}'")
    scripts = " ".join(["'self'", *dict.fromkeys(found)])
    rules = (
        "default-src 'none'",
        f"script-src {scripts}",
        # The theme and the figures carry style attributes; a style can load nothing from elsewhere.
        "style-src 'self' 'unsafe-inline'",
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
    """How many pages of a built site were given a policy."""
    changed = 0
    for path in site.rglob("*.html"):
        old = path.read_text("utf-8")
        new = with_policy(old)
        if new != old:
            path.write_text(new, "utf-8")
            changed += 1
    return changed
