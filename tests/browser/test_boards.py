"""Boards in Chromium: sorting, filters, columns, marks, choice for comparison, files, and their address."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

BOARD = "leaderboards/sandbox/findings/"
CROWD = "leaderboards/mimic-cxr/findings/"
ROWS = '#rx-board tbody[data-rx-group="rows"] tr'


def ids(page):
    return page.locator(f"{ROWS}:visible").evaluate_all("rows => rows.map(r => r.dataset.rxId)")


def header(page, key):
    return page.locator(f'#rx-board th[data-rx-key="{key}"]')


def column(page, key):
    """The means of the shown ranked models on a metric, in the order shown; `None` where one is missing."""
    index = header(page, key).evaluate("h => h.cellIndex")
    found = page.locator(f"{ROWS}:visible").evaluate_all(
        "(rows, i) => rows.map(r => r.cells[i].dataset.value)", index
    )
    return [float(v) if v else None for v in found]


def controls(page):
    return page.get_by_role("form", name="Filter the board and choose its columns")


def test_sorting_by_mouse_and_by_keyboard_and_its_address(visit):
    visitor = visit()
    page = visitor.open(CROWD)
    ranked = ids(page)
    header(page, "rouge_l").get_by_role("button").click()
    assert header(page, "rouge_l").get_attribute("aria-sort") == "descending"
    values = column(page, "rouge_l")
    assert values == sorted(values, reverse=True)
    header(page, "rouge_l").get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert header(page, "rouge_l").get_attribute("aria-sort") == "ascending"
    assert page.evaluate("document.activeElement.closest('th')?.dataset.rxKey") == "rouge_l"
    backwards = ids(page)
    assert backwards != ranked
    page.reload()
    assert ids(page) == backwards, "the address keeps the order"
    header(page, "rank").get_by_role("button").click()
    assert ids(page) == ranked
    assert "sort" not in page.url
    visitor.well()


def test_a_skill_sorts_by_its_mean_and_what_is_unknown_comes_last(visit):
    page = visit().open(CROWD)
    header(page, "radcliq_v1").get_by_role("button").click()
    assert header(page, "radcliq_v1").get_attribute("aria-sort") == "descending"
    values = column(page, "radcliq_v1")
    assert values == sorted(values)
    assert values[0] < 0, "a mean below zero is the best"
    for _ in range(2):
        header(page, "green").get_by_role("button").click()
        values = column(page, "green")
        known = [v for v in values if v is not None]
        assert 0 < len(known) < len(values)
        assert values[len(known) :] == [None] * (len(values) - len(known))


def test_groups_stay_apart_whatever_is_sorted(visit):
    page = visit().open(CROWD + "?sort=bleu_2&dir=worst")
    groups = page.locator("#rx-board tbody").evaluate_all("b => b.map(x => x.dataset.rxGroup)")
    assert groups == ["rows", "nulls", "incomplete", "withdrawn"]
    for group in groups[1:]:
        first = page.locator(f'tbody[data-rx-group="{group}"] tr').first
        assert "rx-group" in first.get_attribute("class")


def test_filters_and_their_address(visit):
    visitor = visit()
    page = visitor.open(CROWD)
    everyone = ids(page)
    form = controls(page)
    named = page.locator(f"{ROWS} .rx-model").all_text_contents()
    wanted = [i for i, words in zip(everyone, named, strict=True) if "company" in words.lower()]
    form.get_by_label("Search").fill("Company")
    assert ids(page) == wanted
    expect(page.get_by_role("status").first).to_have_text(
        f"{len(wanted)} of {len(everyone)} ranked models shown; their ranks are those of the whole board."
    )
    form.get_by_label("Search").fill("")
    form.get_by_label("Open weights").check()
    form.get_by_label("Not trained on this source").check()
    facts = page.locator(f"{ROWS}:visible").evaluate_all(
        "r => r.map(x => [x.dataset.rxOpen, x.dataset.rxSeen])"
    )
    assert facts
    assert all(f == ["1", "0"] for f in facts)
    reads = page.locator(f"{ROWS}:visible").first.get_attribute("data-rx-inputs")
    form.get_by_label("Inputs").select_option(reads)
    shown = ids(page)
    assert page.locator('tbody[data-rx-group="nulls"]').is_visible()
    assert page.locator('tbody[data-rx-group="withdrawn"]').is_hidden()
    page.reload()
    assert ids(page) == shown
    assert controls(page).get_by_label("Inputs").input_value() == reads
    controls(page).get_by_role("button", name="Reset").click()
    expect(page.locator(f"{ROWS}:visible")).to_have_count(len(everyone))
    assert "?" not in page.url
    visitor.well()


def test_a_filter_moves_the_marks_and_not_the_ranks(visit):
    page = visit().open(CROWD)
    ranks = dict(
        page.locator(ROWS).evaluate_all(
            "r => r.map(x => [x.dataset.rxId, x.querySelector('.rx-rank').textContent])"
        )
    )
    before = page.locator(f"{ROWS} td.rx-best:visible").count()
    controls(page).get_by_label("Search").fill("model 1")
    shown = ids(page)
    assert 1 < len(shown) < len(ranks)
    for row in shown:
        cell = page.locator(f'tr[data-rx-id="{row}"] .rx-rank')
        assert cell.text_content() == ranks[row]
    assert page.locator(f"{ROWS} td.rx-best:visible").count() >= min(before, 5)
    best = page.locator(f"{ROWS}:visible").evaluate_all(
        "(rows, i) => rows.filter(r => r.cells[i].classList.contains('rx-best')).map(r => r.cells[i].dataset.value)",
        header(page, "bleu_2").evaluate("h => h.cellIndex"),
    )
    assert {float(b) for b in best} == {max(column(page, "bleu_2"))}


def test_a_script_marks_the_same_cells_as_the_server(visit):
    marked = "cells => cells.map(c => c.className + c.closest('tr').dataset.rxId + c.cellIndex)"
    served = visit(javascript=False).open(CROWD).locator("td.rx-best, td.rx-second").evaluate_all(marked)
    scripted = visit().open(CROWD).locator("td.rx-best, td.rx-second").evaluate_all(marked)
    assert served
    assert scripted == served


def test_columns_by_preset_and_by_choice(visit):
    visitor = visit()
    page = visitor.open(CROWD)

    def shown():
        return page.locator("#rx-board th[data-rx-metric]:visible").evaluate_all(
            "h => h.map(x => x.dataset.rxKey)"
        )

    form = controls(page)
    form.get_by_label("Columns").select_option("wording")
    assert shown() == ["radcliq_v1", "bleu_2", "rouge_l", "bertscore"]
    assert page.locator(".rx-group th").first.get_attribute("colspan") == "7"
    form.get_by_text("Choose columns").click()
    form.get_by_label("ROUGE-L").uncheck()
    form.get_by_label("GREEN").check()
    assert shown() == ["radcliq_v1", "bleu_2", "bertscore", "green"]
    assert "cols=bleu_2,bertscore,green" in page.url
    page.reload()
    assert shown() == ["radcliq_v1", "bleu_2", "bertscore", "green"]
    controls(page).get_by_label("Columns").select_option("all")
    assert len(shown()) == 13
    visitor.well()


def test_shading_and_intervals(visit):
    page = visit().open(CROWD + "?heat=1&plain=1")
    colour = "c => getComputedStyle(c).backgroundImage"
    assert page.locator("td[data-rx-heat='4']").first.evaluate(colour) != "none"
    assert page.locator(f"{ROWS} td small:not(.rx-note):visible").count() == 0
    controls(page).get_by_label("Shade by score, darker is better").uncheck()
    assert page.locator("td[data-rx-heat='4']").first.evaluate(colour) == "none"


def test_choosing_models_leads_to_their_comparison(visit):
    visitor = visit()
    page = visitor.open("leaderboards/sandbox/findings/")
    link = page.locator(".rx-compare-link")
    assert link.is_hidden()
    picks = page.locator(".rx-pick")
    for i in range(3):
        picks.nth(i).check()
    assert picks.nth(3).is_disabled()
    picks.nth(2).uncheck()
    assert picks.nth(3).is_enabled()
    page.reload()
    expect(link).to_have_text("Compare 2 models")
    link.click()
    page.locator(".rx-result table").first.wait_for()
    assert "board=sandbox.findings&m=rexrank-sandbox/near-copy,rexrank-sandbox/paraphrase" in page.url
    visitor.well()


def test_what_an_address_may_not_do(visit):
    visitor = visit()
    page = visitor.open(
        CROWD + '?find=<img src=x onerror=window.rxEvil=1>&sort=toString&cols=__proto__&inputs=x&pick=a"b'
    )
    assert ids(page) == []
    assert controls(page).get_by_label("Inputs").input_value() == ""
    page.goto(visitor.base + CROWD + "?cols=constructor&sort=__proto__")
    assert len(ids(page)) == 16
    visitor.well()


# Files


def test_the_whole_board_can_be_downloaded(visit):
    visitor = visit()
    page = visitor.open(BOARD)
    for kind, start in (("csv", "rank,"), ("json", "{"), ("tex", "% Sandbox"), ("md.txt", "# Sandbox")):
        with page.expect_download() as waiting:
            page.locator(f'a[data-rx-export="{kind}"]').click()
        assert Path(waiting.value.path()).read_text("utf-8").startswith(start)
    visitor.well()


def view(page, kind):
    page.locator(".rx-view select").select_option(kind)
    with page.expect_download() as waiting:
        page.locator(".rx-view").get_by_role("button", name="Save").click()
    assert waiting.value.suggested_filename == f"mimic-cxr.findings.view.{kind}"
    return Path(waiting.value.path()).read_text("utf-8")


def test_the_view_can_be_saved_as_it_is_shown(visit):
    visitor = visit()
    page = visitor.open(CROWD + "?cols=wording&sort=bleu_2&find=model+1")
    shown = ids(page)
    rows = list(csv.DictReader(io.StringIO(view(page, "csv"))))
    assert [r["id"] for r in rows if r["kind"] == "ranked"] == shown
    assert [k for k in rows[0] if k not in {"rank", "id", "name", "kind"}][::3] == [
        "RadCliQ-v1 skill", "BLEU-2", "ROUGE-L", "BERTScore",
    ]  # fmt: skip
    cell = page.locator(f'tr[data-rx-id="{shown[0]}"]').locator("td").nth(3).inner_text().split()
    assert (rows[0]["BLEU-2"], rows[0]["BLEU-2 low"], rows[0]["BLEU-2 high"]) == (cell[0], cell[1], cell[3])
    data = json.loads(view(page, "json"))
    assert [r["id"] for r in data["rows"]][: len(shown)] == shown
    assert data["rows"][0]["metrics"]["BLEU-2"]["value"] == float(cell[0])
    assert "sort=bleu_2" in data["source"]
    table = view(page, "tex")
    assert table.count(r"\\") == len(rows) + 1
    assert re.search(r"\\begin\{tabular\}\{llrrrr\}", table)
    lines = view(page, "md").strip().splitlines()
    assert len(lines) == 4 + len(rows)
    assert all(line.count("|") == 7 for line in lines[2:])
    visitor.well()


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
    page.locator(".rx-view").get_by_role("button", name="Copy").click()
    expect(page.locator(".rx-view").get_by_role("status")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()").startswith("MIMIC\\-CXR, findings")
    visitor.well()


# Getting about


def test_boards_lead_to_each_other(visit):
    visitor = visit()
    page = visitor.open(BOARD)
    page.get_by_role("navigation", name="Boards").get_by_role("link", name="MIMIC-CXR").click()
    page.get_by_role("heading", level=1, name="MIMIC-CXR: findings").wait_for()
    page.get_by_role("navigation", name="Boards").get_by_role("link", name="findings + impression").click()
    page.get_by_role("heading", level=1, name="MIMIC-CXR: findings + impression").wait_for()
    assert page.url.endswith("leaderboards/mimic-cxr/report/")
    visitor.well()


def test_instant_navigation_keeps_everything_alive(visit):
    visitor = visit()
    page = visitor.open(BOARD)
    page.evaluate("window.rxSame = true")
    page.locator("#rx-board").get_by_role("link", name="Sandbox near-copy").click()
    page.get_by_role("heading", level=1, name="Sandbox near-copy").wait_for()
    page.get_by_role("button", name="Browse the cases").first.click()
    page.locator(".rx-case").first.wait_for()
    page.locator(".md-tabs").get_by_role("link", name="Overview").click()
    page.get_by_role("heading", level=1, name="Which model writes").wait_for()
    page.get_by_role("link", name="Board: MIMIC-CXR, findings", exact=True).click()
    page.locator(".rx-pick").first.wait_for()
    header(page, "rouge_l").get_by_role("button").click()
    assert header(page, "rouge_l").get_attribute("aria-sort") == "descending"
    assert "sort=rouge_l" in page.url
    page.locator(f"{ROWS}:visible").first.locator("a.rx-name").click()
    page.get_by_role("heading", level=2, name="Card").wait_for()
    page.go_back()
    expect(header(page, "rouge_l")).to_have_attribute("aria-sort", "descending")
    assert page.locator(".rx-controls:not(.rx-view)").count() == 1, "controls are made once"
    assert page.evaluate("window.rxSame"), "no page was loaded anew"
    visitor.well()


def test_the_board_scrolls_by_keyboard_and_keeps_its_first_column(visit):
    visitor = visit(phone=True)
    page = visitor.open(CROWD)
    scroller = page.locator(".rx-scroll").first
    name = page.locator("#rx-board tbody th.rx-model").first
    scroller.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    scroller.evaluate(
        "s => new Promise(d => { const see = () => s.scrollLeft > 60 ? d() : requestAnimationFrame(see); see() })"
    )
    assert abs(name.bounding_box()["x"] - scroller.bounding_box()["x"]) < 3
    visitor.well()


def test_headings_stay_while_rows_scroll(visit):
    page = visit().open(CROWD)
    scroller = page.locator(".rx-scroll").first
    scroller.evaluate("s => { s.scrollTop = 400; return new Promise(d => requestAnimationFrame(d)) }")
    assert abs(header(page, "bleu_2").bounding_box()["y"] - scroller.bounding_box()["y"]) < 3


def test_a_phone_folds_the_controls(visit):
    visitor = visit(phone=True)
    page = visitor.open(CROWD)
    toggle = page.get_by_role("button", name="Filters and columns")
    assert page.locator("form.rx-controls").is_hidden()
    toggle.click()
    assert toggle.get_attribute("aria-expanded") == "true"
    controls(page).get_by_label("Search").fill("nobody")
    assert ids(page) == []
    visitor.well()


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_words_of_figures_keep_their_size(visit, phone):
    page = visit(phone=phone).open(CROWD)
    sizes = page.locator(".rx-figure text:visible, .rx-ticks text:visible").evaluate_all(
        "texts => texts.map(t => t.getBoundingClientRect().height)"
    )
    assert sizes
    assert min(sizes) >= 10, "no letter shrinks with the figure"
    beyond = page.locator(".rx-figure:visible").evaluate_all(
        """figures => figures.flatMap(f => { const room = f.getBoundingClientRect();
             return [...f.querySelectorAll('text')].map(t => t.getBoundingClientRect()).filter(b => b.width)
               .filter(b => b.left < room.left - 2 || b.right > room.right + 2).map(b => b.left) })"""
    )
    assert beyond == [], "no word leaves its figure"


@pytest.mark.parametrize("path", [BOARD, CROWD])
def test_the_first_load_of_a_board_is_light(visit, served, path):
    visitor = visit()
    bodies = {}
    visitor.page.on("response", lambda r: bodies.setdefault(r.url, r))
    visitor.page.goto(served[0] + path, wait_until="networkidle")
    weight = sum(len(gzip.compress(r.body(), 6)) for r in bodies.values() if r.ok)
    assert weight <= 300_000, f"{weight:,} bytes gzipped"
    visitor.well()
