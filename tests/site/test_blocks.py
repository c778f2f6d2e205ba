"""Blocks of HTML bypass the site builder, and nothing of the site depends on it."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from evaluator.core.problems import RexrankError
from evaluator.site.blocks import put_back, set_aside
from evaluator.site.build import pages
from evaluator.site.template import text

TABLE = '<table class="rx-board rx-main" id="a">\n<tr><td>1 &#46; <b>x</b></td></tr>\n</table>'
SECTION = f'<section class="rx-part" data-search-exclude>\n<h2>A</h2>\n{TABLE}\n</section>'
VOID = {"br", "img", "input", "link", "meta", "source", "wbr", "hr"}


class Marks(HTMLParser):
    """Whether each mark of a block stands inside an element that the search leaves out; where elements end."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inside: list[bool] = []
        self.found: list[bool] = []
        self.ends: list[int] = []
        """Offsets of end tags that close an outermost element, in pages of one line."""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.inside.append("data-search-exclude" in dict(attrs))

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag not in VOID and self.inside:
            self.inside.pop()
            if not self.inside:
                self.ends.append(self.getpos()[1])

    def handle_comment(self, data):
        if data.startswith("rexrank:block:"):
            self.found.append(any(self.inside))


@pytest.mark.parametrize("block", [TABLE, SECTION], ids=["table", "section"])
def test_a_block_comes_back_as_it_was(tmp_path, block):
    other = '<table class="rx-facts"><tr><td>b</td></tr></table>'
    given = {"a/b.md": f"# A\n\n<div>{block}</div>\n{other}\n{block}\n", "c.md": "no block", "d.json": block}
    light, blocks = set_aside(given)
    assert blocks == [block, block]
    assert (light["c.md"], light["d.json"]) == ("no block", block)
    assert "rx-board" not in light["a/b.md"]
    assert other in light["a/b.md"]
    page = tmp_path / "a/b/index.html"
    page.parent.mkdir(parents=True)
    page.write_text(light["a/b.md"], "utf-8")
    put_back(tmp_path, blocks)
    assert page.read_text("utf-8") == given["a/b.md"]


@pytest.mark.parametrize("page", ["", "<!--rexrank:block:0--><!--rexrank:block:0-->"], ids=["lost", "twice"])
def test_a_block_that_is_not_there_once_stops_the_build(tmp_path, page):
    (tmp_path / "index.html").write_text(page, "utf-8")
    with pytest.raises(RexrankError, match=r"the site has \d of 1 blocks after the build"):
        put_back(tmp_path, [TABLE])


def test_untrusted_text_is_no_mark():
    assert "<!--" not in text("<!--rexrank:block:0-->")


def test_the_search_leaves_out_every_block_that_is_set_aside(leaderboard):
    light, blocks = set_aside(pages(leaderboard))
    inside = [found for name, page in light.items() if name.endswith(".md") for found in Marks(page).found]
    own = ["data-search-exclude" in block.partition(">")[0] for block in blocks]
    assert [a or b for a, b in zip(inside, own, strict=True)] == [True] * len(blocks)
    assert len(blocks) > 20
    assert {block.partition(" ")[0] for block in blocks} >= {"<table", "<section", "<nav"}


def test_a_block_is_one_whole_element(leaderboard):
    for block in set_aside(pages(leaderboard))[1]:
        line = block.replace("\n", " ")
        assert Marks(line).ends == [line.rindex("</")], block[:200]
