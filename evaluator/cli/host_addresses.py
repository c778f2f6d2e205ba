"""Lines of a checkout that point to or name a challenge other than the one in `challenge.toml`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evaluator.core.files import write_text
from evaluator.datasets.challenge import Challenge
from evaluator.hosting.names import lines_that_differ, other_names

FILES: Final = (
    "README.md", "CONTRIBUTING.md", "SECURITY.md", "mkdocs.yml", "pyproject.toml", ".pre-commit-hooks.yaml",
    ".github/**/*", ".devcontainer/*", "containers/*", "runner/*", "site/**/*.md", "overrides/**/*", "submissions/*/*/model.yaml",
)  # fmt: skip
"""Files with addresses for people and GitHub; code, tests and generated files contain none."""
MAX_BYTES: Final = 1_000_000
_NAME: Final = r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}/[A-Za-z0-9_-][A-Za-z0-9._-]*?"
_END: Final = r"(?=(?:\.git)?(?:[^A-Za-z0-9._-]|\.?$|\.[^A-Za-z0-9]))"
REPOSITORY: Final = re.compile(
    rf"(?:(?:git\+|git clone |repo: |repo_url: |repository-code: \"?)https://github\.com/|\bREPOSITORY=)({_NAME}){_END}"
    rf"|https://github\.com/({_NAME})(?=/(?:fork|compare|discussions|releases|issues/new|issues[)\s]|security/advisories/new))",
    re.MULTILINE,
)
"""Addresses that only a challenge's own repository has."""
SITE: Final = re.compile(
    r"https://[A-Za-z0-9-]+\.github\.io/(?:[A-Za-z0-9._-]+/)?|https://\S+?/(?=data/(?:schemas|badges|index\.json)|submit/$)"
)
ELSEWHERE: Final = ("actions/runner", "https://squidfunk.github.io/mkdocs-material/")
"""Addresses of others that these pages name."""
STANDS_FOR: Final = ("ME/", "YOU/", "OWNER/", "ORG/")
"""Owners in examples, to be replaced by the reader."""


@dataclass(frozen=True, slots=True)
class Address:
    """A place that points elsewhere: file and line, current text, and correct text."""

    file: str
    line: int
    found: str
    wanted: str


def other_addresses(root: Path, challenge: Challenge) -> list[Address]:
    """Every place in a checkout that points to another repository or site, or names another challenge or its people."""
    return [*(a for path in _files(root) for a in _of_file(path, root, challenge)), *_names(root, challenge)]


def mend_addresses(root: Path, challenge: Challenge) -> list[Address]:
    """The places that were fixed, which are all those in `other_addresses`."""
    mended = _names(root, challenge)
    for path, text in other_names(root, challenge).items():
        write_text(path, text)
    for path in _files(root):
        places = [*_of_file(path, root, challenge)]
        if places:
            lines = path.read_text("utf-8").splitlines(keepends=True)
            for a in places:
                lines[a.line - 1] = lines[a.line - 1].replace(a.found, a.wanted)
            write_text(path, "".join(lines))
            mended += places
    return mended


def _names(root: Path, challenge: Challenge) -> list[Address]:
    return [
        Address(path.relative_to(root).as_posix(), number, found or "nothing", wanted or "nothing")
        for path, text in other_names(root, challenge).items()
        for number, found, wanted in lines_that_differ(path.read_text("utf-8"), text)
    ]


def _files(root: Path) -> list[Path]:
    paths = {p for pattern in FILES for p in root.glob(pattern) if p.is_file() and not p.is_symlink()}
    return sorted(p for p in paths if p.stat().st_size <= MAX_BYTES)


def _of_file(path: Path, root: Path, challenge: Challenge) -> Iterator[Address]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    name = path.relative_to(root).as_posix()
    for number, line in enumerate(lines, start=1):
        yield from (Address(name, number, found, wanted) for found, wanted in _of_line(line, challenge))


def _of_line(line: str, challenge: Challenge) -> Iterator[tuple[str, str]]:
    """The parts of a line that point elsewhere, and their replacements."""
    for match in REPOSITORY.finditer(line):
        address = match[1] or match[2]
        own = address.lower() == challenge.repository.lower() or address.startswith(STANDS_FOR)
        if not own and address not in ELSEWHERE:
            yield address, challenge.repository
    for match in SITE.finditer(line):
        own = challenge.site.startswith(match[0]) or match[0].startswith(challenge.site)
        if not own and match[0] not in ELSEWHERE:
            yield match[0], challenge.site
