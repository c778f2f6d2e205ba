"""Tables bypass the site builder, and nothing of the site depends on it."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from evaluator.core.problems import RexrankError
from evaluator.site.build import pages
from evaluator.site.tables import put_back, set_aside
from evaluator.site.template import text

TABLE = '<table class="rx-board rx-main" id="a">\n<tr><td>1 &#46; <b>x</b></td></tr>\n</table>'
VOID = {"br", "img", "input", "link", "meta", "source", "wbr", "hr"}


class Marks(HTMLParser):
    """Whether each mark of a table stands inside an element that the search leaves out."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inside: list[bool] = []
        self.found: list[bool] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.inside.append("data-search-exclude" in dict(attrs))

    def handle_endtag(self, tag):
        if tag not in VOID and self.inside:
            self.inside.pop()

    def handle_comment(self, data):
        if data.startswith("rexrank:table:"):
            self.found.append(any(self.inside))


def test_a_table_comes_back_as_it_was(tmp_path):
    other = '<table class="rx-facts"><tr><td>b</td></tr></table>'
    given = {"a/b.md": f"# A\n\n<div>{TABLE}</div>\n{other}\n{TABLE}\n", "c.md": "no table", "d.json": TABLE}
    light, tables = set_aside(given)
    assert tables == [TABLE, TABLE]
    assert (light["c.md"], light["d.json"]) == ("no table", TABLE)
    assert "rx-board" not in light["a/b.md"]
    assert other in light["a/b.md"]
    page = tmp_path / "a/b/index.html"
    page.parent.mkdir(parents=True)
    page.write_text(light["a/b.md"], "utf-8")
    put_back(tmp_path, tables)
    assert page.read_text("utf-8") == given["a/b.md"]


@pytest.mark.parametrize("page", ["", "<!--rexrank:table:0--><!--rexrank:table:0-->"], ids=["lost", "twice"])
def test_a_table_that_is_not_there_once_stops_the_build(tmp_path, page):
    (tmp_path / "index.html").write_text(page, "utf-8")
    with pytest.raises(RexrankError, match=r"the site has \d of 1 tables after the build"):
        put_back(tmp_path, [TABLE])


def test_untrusted_text_is_no_mark():
    assert "<!--" not in text("<!--rexrank:table:0-->")


def test_the_search_leaves_out_every_table_that_is_set_aside(leaderboard):
    light, tables = set_aside(pages(leaderboard))
    found = [inside for name, page in light.items() if name.endswith(".md") for inside in Marks(page).found]
    assert found == [True] * len(tables)
    assert len(tables) > 20
