"""Boards in Chromium: sorting, filters, columns, marks, selection for comparison, their addresses, and links
between them."""

from __future__ import annotations

import csv
import io
import re

import pytest
from playwright.sync_api import expect
from support.board_pages import (
    BOARD,
    CROWD,
    REPORTED,
    ROWS,
    column,
    controls,
    header,
    ids,
    menu,
    sorter,
    view,
)

pytestmark = pytest.mark.browser


def test_sorting_by_mouse_and_by_keyboard_and_its_address(visit):
    visitor = visit()
    page = visitor.open(CROWD)
    order = ids(page)
    sorter(page, "bleu_2").click()
    assert header(page, "bleu_2").get_attribute("aria-sort") == "descending"
    values = column(page, "bleu_2")
    assert values == sorted(values, reverse=True)
    sorter(page, "bleu_2").focus()
    page.keyboard.press("Enter")
    assert header(page, "bleu_2").get_attribute("aria-sort") == "ascending"
    assert page.evaluate("document.activeElement.closest('th')?.dataset.rxKey") == "bleu_2"
    backwards = ids(page)
    assert backwards != order
    expect(page).to_have_url(re.compile("dir=worst"))
    page.reload()
    assert ids(page) == backwards, "the address keeps the order"
    sorter(page, "rank").click()
    assert ids(page) == order
    expect(page).not_to_have_url(re.compile("sort"))
    visitor.well()


def test_a_skill_sorts_by_its_mean_with_unknown_values_last(visit):
    page = visit().open(CROWD)
    sorter(page, "radcliq_v1").click()
    assert header(page, "radcliq_v1").get_attribute("aria-sort") == "descending"
    values = column(page, "radcliq_v1")
    assert values == sorted(values)
    assert values[0] < 0, "a mean below zero is the best"
    for _ in range(2):
        sorter(page, "green").click()
        values = column(page, "green")
        known = [v for v in values if v is not None]
        assert 0 < len(known) < len(values)
        assert values[len(known) :] == [None] * (len(values) - len(known))


def test_groups_stay_apart_whatever_is_sorted(visit):
    page = visit().open(CROWD + "?sort=bleu_2&dir=worst")
    groups = page.locator("#rx-board tbody").evaluate_all("b => b.map(x => x.dataset.rxGroup)")
    assert groups == ["rows", "incomplete", "withdrawn"]
    for group in groups[1:]:
        first = page.locator(f'tbody[data-rx-group="{group}"] tr').first
        assert "rx-group" in first.get_attribute("class")


def test_filters_and_their_address(visit):
    visitor = visit()
    page = visitor.open(CROWD)
    everyone = ids(page)
    form = controls(page)
    names = page.locator(f"{ROWS} .rx-model").all_text_contents()
    wanted = [i for i, words in zip(everyone, names, strict=True) if "company" in words.lower()]
    form.get_by_role("searchbox").fill("Company")
    assert ids(page) == wanted
    expect(page.locator(".rx-count")).to_have_text(
        f"{len(wanted)} of {len(everyone)} ranked models shown; ranks are those on the full board."
    )
    form.get_by_role("searchbox").fill("")
    form.get_by_label("Open weights").check()
    form.get_by_label("Not trained on this source").check()
    facts = page.locator(f"{ROWS}:visible").evaluate_all(
        "r => r.map(x => [x.dataset.rxOpen, x.dataset.rxSeen])"
    )
    assert facts
    assert all(f == ["1", "0"] for f in facts)
    form.get_by_label("Views").select_option("all")
    rows = ids(page)
    reads = page.locator(f"{ROWS}:visible").evaluate_all("r => r.map(x => x.dataset.rxViews)")
    assert set(reads) == {"all"}
    assert page.locator('tr[data-rx-kind="null"]').first.is_visible(), (
        "a baseline stays whatever is asked for"
    )
    assert page.locator('tbody[data-rx-group="withdrawn"]').is_hidden()
    page.reload()
    assert ids(page) == rows
    assert controls(page).get_by_label("Views").input_value() == "all"
    assert page.locator(".rx-chips button").all_inner_texts() == [
        "all views", "Open weights", "Not trained on this source", "Clear all",
    ]  # fmt: skip
    page.get_by_role("button", name="Remove: all views").click()
    expect(page).not_to_have_url(re.compile("views"))
    assert set(rows) <= set(ids(page))
    page.get_by_role("button", name="Clear all").click()
    expect(page.locator(f"{ROWS}:visible")).to_have_count(len(everyone))
    expect(page).not_to_have_url(re.compile(r"\?"))
    visitor.well()


def test_a_filter_moves_the_marks_and_not_the_ranks(visit):
    page = visit().open(CROWD)
    ranks = dict(
        page.locator(ROWS).evaluate_all(
            "r => r.map(x => [x.dataset.rxId, x.querySelector('.rx-rank').textContent])"
        )
    )
    before = page.locator(f"{ROWS} td.rx-best:visible").count()
    controls(page).get_by_role("searchbox").fill("model 1")
    rows = ids(page)
    assert 1 < len(rows) < len(ranks)
    for row in rows:
        cell = page.locator(f'tr[data-rx-id="{row}"] .rx-rank')
        assert cell.text_content() == ranks[row]
    assert page.locator(f"{ROWS} td.rx-best:visible").count() >= min(before, 5)
    best = page.locator(f"{ROWS}:visible").evaluate_all(
        "(rows, i) => rows.filter(r => r.cells[i].classList.contains('rx-best')).map(r => r.cells[i].dataset.value)",
        header(page, "bleu_2").evaluate("h => h.cellIndex"),
    )
    assert {float(b) for b in best} == {max(column(page, "bleu_2"))}


def test_a_script_marks_the_same_cells_as_the_server(visit):
    marks = "cells => cells.map(c => c.className + c.closest('tr').dataset.rxId + c.cellIndex)"
    server_side = visit(javascript=False).open(CROWD).locator("td.rx-best, td.rx-second").evaluate_all(marks)
    scripted = visit().open(CROWD).locator("td.rx-best, td.rx-second").evaluate_all(marks)
    assert server_side
    assert scripted == server_side


def test_columns_by_preset_and_by_choice(visit):
    visitor = visit()
    page = visitor.open(CROWD)

    def shown():
        return page.locator("#rx-board th[data-rx-metric]:visible").evaluate_all(
            "h => h.map(x => x.dataset.rxKey)"
        )

    usual = shown()
    assert usual[:3] == ["radcliq_v1", "radcliq_v1_mean", "bleu_2"]
    assert "rouge_l" not in usual
    panel = menu(page, "Columns")
    panel.get_by_label("Columns").select_option("wording")
    assert shown() == ["radcliq_v1", "bleu_2", "rouge_l", "bertscore", "semb_score"]
    assert page.locator(".rx-group th").first.get_attribute("colspan") == "9"
    panel.get_by_label("ROUGE-L").uncheck()
    panel.get_by_label("GREEN").check()
    assert shown() == ["radcliq_v1", "bleu_2", "bertscore", "semb_score", "green"]
    expect(page).to_have_url(re.compile("cols=bleu_2,bertscore,semb_score,green"))
    page.reload()
    assert shown() == ["radcliq_v1", "bleu_2", "bertscore", "semb_score", "green"]
    menu(page, "Columns").get_by_label("Columns").select_option("all")
    assert len(shown()) == 14
    visitor.well()


def test_shading_and_intervals(visit):
    page = visit().open(CROWD + "?heat=1&plain=1")
    colour = "c => getComputedStyle(c).backgroundImage"
    shaded = page.locator("td[data-rx-heat='4']:visible").first
    assert shaded.evaluate(colour) != "none"
    assert page.locator(f"{ROWS} td small:not(.rx-note):visible").count() == 0
    menu(page, "Columns").get_by_label("Shade by score (darker is better)").uncheck()
    assert shaded.evaluate(colour) == "none"


def test_a_header_says_what_its_column_means(visit):
    visitor = visit()
    page = visitor.open(CROWD)
    for key, words in (("radcliq_v1", "errors radiologists count"), ("bleu_2", "neighbouring words")):
        header(page, key).get_by_role("button", name=re.compile("What .* means")).click()
        pop = page.locator(f"#rx-what-{key}")
        expect(pop).to_be_visible()
        assert words in pop.inner_text()
        assert abs(pop.bounding_box()["y"] - header(page, key).bounding_box()["y"]) < 200
        assert pop.get_by_role("link").evaluate("a => a.pathname").endswith(f"/metrics/{key}/")
    visitor.well()


def test_a_long_board_shows_the_first_rows_and_then_all(visit, served):
    visitor = visit()
    page = visitor.open(REPORTED.replace("report", "findings"))
    rows = page.locator('#rx-board tbody[data-rx-group="rows"] tr:visible')
    n = page.locator('#rx-board tbody[data-rx-group="rows"] tr').count()
    assert n > 25
    expect(rows).to_have_count(25)
    page.get_by_role("button", name=f"Show all {n}").click()
    expect(rows).to_have_count(n)
    page.get_by_role("button", name="Show the first 25").click()
    expect(rows).to_have_count(25)
    assert (
        visit(javascript=False)
        .open(REPORTED.replace("report", "findings"))
        .locator("#rx-board tbody tr")
        .count()
        == n
    )
    visitor.well()


def test_a_long_board_in_a_low_window_shows_the_best_rows(visit):
    """A frame moves the rows that fit on the screen, here fewer than are shown."""
    visitor = visit()
    visitor.page.set_viewport_size({"width": 1280, "height": 400})
    page = visitor.open(REPORTED.replace("report", "findings"))
    rows = '#rx-board tbody[data-rx-group="rows"] tr'
    sorter(page, "radgraph_f1").click()
    read = "(rows, i) => rows.filter((r) => r.checkVisibility()).map((r) => Number(r.cells[i].dataset.value))"
    index = header(page, "radgraph_f1").evaluate("h => h.cellIndex")
    page.wait_for_function("location.search.includes('sort=')")  # written after the first frame
    shown = page.locator(rows).evaluate_all(read, index)
    every = page.locator(rows).evaluate_all(
        "(rows, i) => rows.map((r) => Number(r.cells[i].dataset.value))", index
    )
    assert shown == sorted(every, reverse=True)[:25]
    visitor.well()


def test_reported_rows_sort_filter_and_export(visit):
    visitor = visit()
    page = visitor.open(REPORTED)
    expect(page.locator(".rx-count")).to_contain_text("reported by ReXrank, not re-scored")
    ranks = page.locator("#rx-board tbody .rx-rank").all_inner_texts()
    assert ranks == [str(i + 1) for i in range(len(ranks))]
    sorter(page, "radgraph_f1").click()
    index = header(page, "radgraph_f1").evaluate("h => h.cellIndex")
    values = [
        float(v)
        for v in page.locator("#rx-board tbody tr").evaluate_all(
            "(r, i) => r.map(x => x.cells[i].dataset.value)", index
        )
    ]
    assert values == sorted(values, reverse=True)
    name = page.locator("#rx-board tbody .rx-name").first.inner_text()
    controls(page).get_by_role("searchbox").fill(name)
    count = page.locator("#rx-board tbody tr:visible").count()
    rows = list(csv.DictReader(io.StringIO(view(page, "csv", "iu-xray.report"))))
    assert len(rows) == count
    assert {r["kind"] for r in rows} == {"reported"}
    assert "radcliq_v1_reciprocal" in rows[0]
    visitor.well()


def test_a_view_is_kept_on_another_dataset_and_track(visit):
    visitor = visit()
    page = visitor.open(CROWD)
    sorter(page, "bleu_2").click()
    controls(page).get_by_label("Open weights").check()
    page.locator(".rx-pick").first.check()
    page.get_by_role("navigation", name="Boards").get_by_role("link", name="findings + impression").click()
    page.get_by_role("heading", level=1, name="MIMIC-CXR: findings + impression").wait_for()
    expect(header(page, "bleu_2")).to_have_attribute("aria-sort", "descending")
    assert controls(page).get_by_label("Open weights").is_checked()
    expect(page).not_to_have_url(re.compile("pick"))
    visitor.well()


def test_a_link_to_the_view_can_be_copied(visit):
    visitor = visit()
    page = visitor.open(CROWD)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sorter(page, "bleu_2").click()
    expect(page).to_have_url(re.compile("sort=bleu_2"))
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".rx-count")).to_have_text("Link to this view copied.")
    assert page.evaluate("navigator.clipboard.readText()").endswith("?sort=bleu_2")
    visitor.well()


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
    expect(page).to_have_url(
        re.compile("board=sandbox.findings&m=rexrank-sandbox/near-copy,rexrank-sandbox/paraphrase")
    )
    visitor.well()


def test_hostile_addresses_are_harmless(visit):
    visitor = visit()
    page = visitor.open(
        CROWD + '?find=<img src=x onerror=window.rxEvil=1>&sort=toString&cols=__proto__&views=x&pick=a"b'
    )
    assert ids(page) == []
    assert controls(page).get_by_label("Views").input_value() == ""
    visitor.open(CROWD + "?cols=constructor&sort=__proto__")
    assert len(ids(page)) == 16
    visitor.well()


def test_boards_link_to_each_other(visit):
    visitor = visit()
    page = visitor.open(BOARD)
    page.get_by_role("navigation", name="Boards").get_by_role("link", name="MIMIC-CXR").click()
    page.get_by_role("heading", level=1, name="MIMIC-CXR: findings").wait_for()
    page.get_by_role("navigation", name="Boards").get_by_role("link", name="findings + impression").click()
    page.get_by_role("heading", level=1, name="MIMIC-CXR: findings + impression").wait_for()
    expect(page).to_have_url(re.compile("leaderboards/mimic-cxr/report/$"))
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
    page.locator(".rx-matrix").first.get_by_role("link", name="MIMIC-CXR", exact=True).click()
    page.locator(".rx-pick").first.wait_for()
    sorter(page, "bleu_2").click()
    assert header(page, "bleu_2").get_attribute("aria-sort") == "descending"
    expect(page).to_have_url(re.compile("sort=bleu_2"))
    page.locator(f"{ROWS}:visible").first.locator("a.rx-name").click()
    page.get_by_role("heading", level=1).wait_for()
    page.wait_for_url("**/models/**")
    page.go_back()
    expect(header(page, "bleu_2")).to_have_attribute("aria-sort", "descending")
    assert page.locator("form.rx-controls").count() == 1, "controls are made once"
    assert page.evaluate("window.rxSame"), "no page was loaded anew"
    visitor.well()
