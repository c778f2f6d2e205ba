"""Files of a board in Chromium: the whole board, and the view as it is shown."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from support.board_pages import (
    BOARD,
    CROWD,
    ROWS,
    header,
    ids,
    menu,
    view,
)

pytestmark = pytest.mark.browser


def test_the_whole_board_can_be_downloaded(visit):
    visitor = visit()
    page = visitor.open(BOARD)
    for kind, start in (("csv", "rank_low,"), ("json", "{"), ("tex", "% "), ("md.txt", "# Sandbox")):
        with page.expect_download() as waiting:
            page.locator(f'a[data-rx-export="{kind}"]').click()
        assert Path(waiting.value.path()).read_text("utf-8").startswith(start)
    visitor.well()


def test_the_view_can_be_saved_as_it_is_shown(visit):
    visitor = visit()
    page = visitor.open(CROWD + "?cols=wording&sort=bleu_2&find=model+1")
    names = ids(page)
    rows = list(csv.DictReader(io.StringIO(view(page, "csv"))))
    assert [r["id"] for r in rows if r["kind"] == "ranked"] == names
    assert {r["kind"] for r in rows} >= {"ranked", "baseline"}
    assert [k for k in rows[0] if k not in {"rank", "id", "name", "kind"}] == [
        f"{k}{end}"
        for k in ("radcliq_v1_skill", "bleu_2", "rouge_l", "bertscore", "semb_score")
        for end in ("", "_low", "_high")
    ]
    first = next(r for r in rows if r["id"] == names[0])
    index = header(page, "bleu_2").evaluate("h => h.cellIndex")
    cell = page.locator(f'tr[data-rx-id="{names[0]}"]').locator("td, th").nth(index).inner_text().split()
    assert (first["bleu_2"], first["bleu_2_low"], first["bleu_2_high"]) == (cell[0], cell[1], cell[3])
    data = json.loads(view(page, "json"))
    (line,) = [r for r in data["rows"] if r["id"] == names[0]]
    assert line["metrics"]["bleu_2"]["value"] == float(cell[0])
    assert "sort=bleu_2" in data["source"]
    lines = view(page, "md").strip().splitlines()
    assert len(lines) == 4 + len(rows)
    assert all(line.count("|") == 8 for line in lines[2:])
    visitor.well()


def test_the_usual_view_names_headline_mean_and_reciprocal(visit):
    page = visit().open(CROWD)
    rows = list(csv.DictReader(io.StringIO(view(page, "csv"))))
    assert [k for k in rows[0] if k.startswith("radcliq")] == [
        "radcliq_v1_skill", "radcliq_v1_skill_low", "radcliq_v1_skill_high", "radcliq_v1_mean", "radcliq_v1_reciprocal",
    ]  # fmt: skip
    assert float(rows[0]["radcliq_v1_mean"]) < 0
    assert rows[0]["radcliq_v1_reciprocal"] == ""


def test_latex_is_ready_for_a_paper(visit):
    page = visit().open(CROWD + "?cols=wording")
    table = view(page, "tex")
    for wanted in (
        r"\usepackage{booktabs}",
        r"\toprule",
        r"\midrule",
        r"\bottomrule",
        r"\caption{MIMIC-CXR",
        r"\cite{zhang2024rexrank}",
    ):
        assert wanted in table
    assert re.search(r"\\begin\{tabular\}\{llrrrrr\}", table)
    assert r"RadCliQ-v1 skill $\uparrow$ & BLEU-2 $\uparrow$" in table
    best = page.locator(f"{ROWS} td.rx-best:visible").count()
    second = page.locator(f"{ROWS} td.rx-second:visible").count()
    assert (table.count(r"\textbf{"), table.count(r"\underline{")) == (best, second)
    assert re.search(r"\{\\scriptsize \(\d\.\d+ to \d\.\d+\)\}", table)
    bare = view(visit().open(CROWD + "?cols=wording&plain=1"), "tex")
    assert "scriptsize" not in bare


def test_a_view_is_safe_to_paste(visit):
    visitor = visit()
    page = visitor.open(CROWD)
    page.evaluate(
        """() => document.querySelector('#rx-board .rx-name').textContent = '=cmd|"x", <b>&_{}$%\\\\input{y}'"""
    )
    rows = list(csv.DictReader(io.StringIO(view(page, "csv"))))
    assert rows[0]["name"].startswith("'=cmd")
    assert r"\textbackslash{}input\{y\}" in view(page, "tex")
    first = view(page, "md").splitlines()[4]
    assert r"\|" in first
    assert "<b>" not in first
    assert json.loads(view(page, "json"))["rows"][0]["name"].startswith("=cmd")
    visitor.well()


def test_the_view_can_be_copied(visit):
    visitor = visit()
    page = visitor.open(CROWD)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    menu(page, "Export").get_by_role("button", name="Copy Markdown").click()
    expect(page.locator(".rx-count")).to_have_text("Copied as Markdown.")
    assert page.evaluate("navigator.clipboard.readText()").startswith("MIMIC\\-CXR, findings")
    visitor.well()
