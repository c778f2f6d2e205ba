"""A built site carries no more than it needs, and says the same."""

from __future__ import annotations

import html
from importlib import resources
from pathlib import Path

import pytest

from evaluator.site.template import text
from evaluator.site.weight import dense, lose_weight, plain

SWITCHING = "[data-md-color-switching] *,[data-md-color-switching] :after,[data-md-color-switching] :before"
HOSTILE = "<b title='x'>*1.5*</b> & \"{{ config }}\" [a](javascript:b) `c` &#46; \\ # $x$ ~~d~~"


@pytest.mark.parametrize("value", ["v1.2-rc_3 (a+b)", HOSTILE, "&amp;#46;", "a\nb\tc"])
def test_text_is_unchanged(value):
    page = f'<p title="{text(value)}">{text(value)}</p>'
    assert html.unescape(plain(page)) == html.unescape(page)
    assert plain(page).count("<") == page.count("<")
    assert plain(page).count('"') == page.count('"')


def test_a_script_is_unchanged():
    page = "<SCRIPT type='application/ld+json'>{\"a\": \"&#46;\"}</SCRIPT>&#46;<script>b('&#95;')</script>"
    assert plain(page) == page.replace("</SCRIPT>&#46;", "</SCRIPT>.")


def test_visible_whitespace_is_kept():
    shown = "<pre><code>\n\n  a:\n    b\n</code></pre>"
    script = "<script>`\n\n  <b>  c`</script>"
    page = f"<ul>\n\n\n  <li>\n    a  b\n   <b>c</b>   <i>d</i>\n{shown}\n\n{script}\n</ul>\n"
    assert dense(page) == f"<ul>\n<li>\na  b\n<b>c</b> <i>d</i>\n{shown}\n{script}\n</ul>\n"


def test_pages_and_the_sheet_of_the_theme(tmp_path):
    page, sheets = tmp_path / "a/index.html", tmp_path / "assets/stylesheets"
    sheet, palette = sheets / "main.1a.min.css", sheets / "palette.1a.min.css"
    for path, words in (
        (page, "<p>1&#46;0</p>"),
        (sheet, "a{b:c}.md-typeset table:not([class])+*{margin-top:1.5em}d{e:f}"),
        (palette, f"{SWITCHING}{{transition-duration:0s!important}}d{{e:f}}"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(words, "utf-8")
    lose_weight(tmp_path)
    assert page.read_text("utf-8") == "<p>1.0</p>"
    assert "+*" not in sheet.read_text("utf-8")
    assert sheet.read_text("utf-8").endswith("{margin-top:1.5em}d{e:f}")
    assert palette.read_text("utf-8") == (
        "[data-md-color-switching] a{transition-duration:0s!important}d{e:f}"
    )


def test_the_rules_are_those_of_the_theme():
    """A rule that the theme words in another way would stay, and pages would be slow again without a word."""
    theme = Path(str(resources.files("material"))) / "templates/assets/stylesheets"
    sheets = "".join(p.read_text("utf-8") for p in theme.glob("*.css"))
    assert ".md-typeset table:not([class])+*{" in sheets
    assert f"{SWITCHING}{{transition-duration:0s!important}}" in sheets
