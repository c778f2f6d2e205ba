"""The layout of boards in Chromium: scrolling, widths, phones, figures, and the weight of the first load."""

from __future__ import annotations

import gzip

import pytest
from support.board_pages import (
    BOARD,
    CROWD,
    ROWS,
    controls,
    header,
    ids,
)

pytestmark = pytest.mark.browser


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


def test_rows_pass_below_the_head_on_a_phone(visit):
    page = visit(phone=True).open(CROWD)
    page.locator(f"{ROWS} >> nth=8").evaluate("r => r.scrollIntoView({block: 'center'})")
    page.evaluate("() => new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)))")
    tops = page.locator("#rx-board thead th:visible").evaluate_all(
        """heads => heads.map(h => h.getBoundingClientRect()).filter(b => b.right <= innerWidth)
             .map(b => document.elementFromPoint(b.x + b.width / 2, b.bottom - 4).closest("thead") !== null)"""
    )
    assert len(tops) > 1
    assert all(tops)


@pytest.mark.parametrize("query", ["", "?cols=all"], ids=["fits", "scrolls sideways"])
def test_headings_stay_while_the_page_scrolls(visit, query):
    page = visit().open(CROWD + query)
    page.locator(f"{ROWS} >> nth=12").evaluate("r => r.scrollIntoView({block: 'center'})")
    page.wait_for_function("() => scrollY > 300")
    page.evaluate("() => new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)))")
    below = page.locator(".md-header").bounding_box()
    assert abs(header(page, "bleu_2").bounding_box()["y"] - below["y"] - below["height"]) < 4
    assert page.locator(".rx-scroll").first.evaluate("s => s.scrollHeight - s.clientHeight") <= 2, (
        "no scroller within the page"
    )


@pytest.mark.parametrize("width", [1440, 1600])
def test_the_usual_columns_fit_and_rows_are_low(visit, width):
    page = visit(width=width).open(CROWD)
    box = page.locator(".rx-scroll").first
    assert box.evaluate("s => s.scrollWidth - s.clientWidth") <= 1
    rem = page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize) / 20")
    heights = page.locator(f"{ROWS}:visible").evaluate_all(
        "r => r.map(x => x.getBoundingClientRect().height)"
    )
    assert sorted(heights)[len(heights) // 2] / rem <= 41


def test_a_phone_folds_the_controls(visit):
    visitor = visit(phone=True)
    page = visitor.open(CROWD)
    toggle = page.get_by_role("button", name="Filters, columns and export")
    assert page.locator("form.rx-controls").is_hidden()
    toggle.click()
    assert toggle.get_attribute("aria-expanded") == "true"
    controls(page).get_by_role("searchbox").fill("nobody")
    assert ids(page) == []
    visitor.well()


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_words_of_figures_keep_their_size(visit, phone):
    page = visit(phone=phone).open(CROWD)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
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
    weight = sum(len(gzip.compress(r.body(), 6)) for r in list(bodies.values()) if r.ok)
    assert weight <= 300_000, f"{weight:,} bytes gzipped"
    visitor.well()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_board_has_a_ground_of_its_own(visit, dark):
    """Chromium has to know what lies below letters: cut names on unknown ground cost a long board a layer each."""
    page = visit(dark=dark).open(CROWD)
    ground = "s => getComputedStyle(s).backgroundColor"
    wanted = page.locator("body").evaluate(ground)
    assert {page.locator(".rx-scroll").nth(k).evaluate(ground) for k in range(2)} == {wanted}


def test_parts_cost_nothing_before_they_are_folded(visit):
    visitor = visit()
    page, held = visitor.page, []

    def hold(route):
        held.append(route)

    page.route("**/parts.js", hold)
    with page.expect_request("**/parts.js"):
        page.goto(visitor.base + CROWD, wait_until="load")
    contents = page.locator("details.rx-part:not([data-rx-stays]) > :not(summary)")
    assert contents.count() > 3
    assert contents.evaluate_all("all => all.filter((e) => e.getClientRects().length).length") == 0
    for route in held:
        route.continue_()
    page.wait_for_selector("html[data-rx-mounted]", state="attached")
    page.locator("details.rx-part > summary").last.click()
    assert contents.last.is_visible()
    visitor.well()


def test_sheets_are_applied_before_there_is_a_page(visit):
    """The theme makes their addresses absolute when it starts, which would apply them to the whole page again."""
    visitor = visit()
    visitor.page.route("**/bundle.*.js", lambda route: route.abort())
    visitor.page.goto(visitor.base + CROWD, wait_until="load")
    sheets = visitor.page.locator("link[rel=stylesheet]")
    assert all(a.startswith("http") for a in sheets.evaluate_all("s => s.map((x) => x.getAttribute('href'))"))
