"""Zensical, the successor of the current builder, makes the same site from the same sources."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.needs import reason

from evaluator.site.build import build, workspace

ROOT = Path(__file__).parents[2]


def titles(site):
    """The first heading of every page, without its permalink mark."""
    by_page = {}
    for path in site.rglob("index.html"):
        heading = re.search(r"<h1[^>]*>(.*?)</h1>", path.read_text("utf-8"), re.DOTALL)
        words = re.sub(r"<a class=\"headerlink\".*?</a>|<[^>]+>", "", heading[1]) if heading else ""
        by_page[path.relative_to(site).as_posix()] = html.unescape(words).strip()
    return by_page


@pytest.mark.skipif(find_spec("zensical") is None, reason=reason("dev", "zensical"))
def test_the_same_pages_and_titles(tmp_path, leaderboard):
    build(leaderboard, ROOT / "mkdocs.yml", tmp_path / "mkdocs")
    (tmp_path / "work").mkdir()
    config = workspace(leaderboard, ROOT / "mkdocs.yml", tmp_path / "work")
    command = [sys.executable, "-m", "zensical", "build", "--config-file", str(config)]
    process = subprocess.run(command, capture_output=True, text=True, check=False, cwd=config.parent)
    assert process.returncode == 0, process.stderr[-2000:]
    wanted, pages = titles(tmp_path / "mkdocs"), titles(tmp_path / "work/_site")
    assert pages == wanted
    assert len(pages) > 35
    for name in (
        "data/sandbox.findings.json",
        "feed.xml",
        "assets/cases.js",
        "assets/site.css",
        "robots.txt",
    ):
        assert (tmp_path / "work/_site" / name).read_bytes() == (tmp_path / "mkdocs" / name).read_bytes()
