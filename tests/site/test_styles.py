"""The style sheets are one in the built site, in their order, and no rule is lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from evaluator.site.styles import SHEET, compact, joined

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("sheet", "wanted"),
    [
        ("a { color : red }", "a{color : red}"),
        ("a > b, c { margin: 0 auto; }", "a > b,c{margin:0 auto}"),
        ("a::after { content: ' · '; }", "a::after{content:' · '}"),
        ("@media (min-width: 40em) { a { top: calc(1px + 2px); } }", "@media (min-width: 40em){a{top:calc(1px + 2px)}}"),
        ("a { --x: 1; } /* gone;\n} */ b:hover { top: 0 }", "a{--x:1}b:hover{top:0}"),
    ],
)  # fmt: skip
def test_a_style_sheet_is_compacted(sheet, wanted):
    assert compact(sheet) == wanted


def test_the_configuration_names_one_sheet(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets/a.css").write_text("a { top: 0; }\n", "utf-8")
    (tmp_path / "assets/b.css").write_text("b { top: 1px; }\n", "utf-8")
    config = joined("site_name: x\nextra_css: [assets/b.css, assets/a.css]\n", tmp_path)
    assert yaml.safe_load(config)["extra_css"] == [SHEET]
    assert (tmp_path / SHEET).read_text("utf-8") == "b{top:1px}\na{top:0}\n"
    assert [p.name for p in (tmp_path / "assets").iterdir()] == ["site.css"]
    assert joined("site_name: x\n", tmp_path) == "site_name: x\n"


def test_no_string_in_our_style_sheets_is_affected():
    for path in (ROOT / "site/assets").glob("*.css"):
        sheet = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
        for string in re.findall(r"\"[^\"\n]*\"|'[^'\n]*'", sheet):
            assert not re.search(r"  | [{};,]|[{};,] |[;{][\w-]+: ", string), (path.name, string)
