"""The list of models and the page of one, in the browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

LIST = "models/"
MODEL = "models/team03/model/"


def names(page):
    return page.locator("table[data-rx-name=models] tbody tr:visible th bdi").all_inner_texts()


def test_the_list_is_searched_filtered_and_sorted_and_the_address_keeps_it(visit):
    visitor = visit()
    page = visitor.open(LIST)
    table = page.locator("table[data-rx-name=models]")
    everything = names(page)
    assert table.locator("tbody tr").last.locator(".rx-badge").inner_text() == "withdrawn"
    page.locator("select[name=track]").first.select_option("report")
    assert table.locator("th.rx-block:visible").all_inner_texts() == ["Findings + impression"]
    table.get_by_role("button", name="Sort by MIMIC-CXR").locator("visible=true").click()
    first = names(page)[0]
    table.get_by_role("button", name="Sort by MIMIC-CXR").locator("visible=true").click()
    assert names(page)[0] != first
    assert table.locator("tbody tr:visible").last.locator(".rx-badge").inner_text() == "withdrawn"
    page.get_by_label("Open weights").check()
    some = names(page)
    assert 0 < len(some) < len(everything)
    expect(page).to_have_url(re.compile(r"track=report.*open=1|open=1.*track=report"))
    page.reload()
    assert names(page) == some
    page.locator("input[name=find]").first.fill("no such model")
    assert names(page) == []
    assert page.locator(".rx-count").first.inner_text().startswith("0 of")
    visitor.well()


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_the_list_stays_where_it_is_when_its_script_starts(visit, phone):
    """Cells of other tracks, the row of filters and the signs that sort have their room, or none, from the start."""
    where = """() => [...document.querySelectorAll('table[data-rx-name=models] :is(th, td)')]
        .filter((cell) => cell.checkVisibility()).map((cell) => cell.getBoundingClientRect()).map((b) => [b.x, b.y])"""
    early = visit(phone=phone)
    page = early.page
    page.route("**/models*.js", lambda route: route.abort())
    page.goto(early.base + LIST, wait_until="load")
    before = page.evaluate(where)
    visitor = visit(phone=phone)
    after = visitor.open(LIST).evaluate(where)
    assert len(before) == len(after) > 20
    moved = [(b, a) for b, a in zip(before, after, strict=True) if b != pytest.approx(a, abs=2)]
    assert moved == []
    visitor.well()


def test_a_models_boards_show_one_at_a_time(visit):
    visitor = visit()
    page = visitor.open(MODEL)
    assert page.locator("[data-rx-part]:visible").count() == 1
    tile = page.locator("a.rx-tile").nth(1)
    tile.click()
    expect(tile).to_have_attribute("aria-current", "true")
    expect(page.locator("a.rx-tile[aria-current]")).to_have_count(1)
    parts = page.locator("[data-rx-part]:visible")
    place = f"#{parts.get_attribute('id')}"
    assert tile.get_attribute("href").endswith(place)
    expect(page).to_have_url(re.compile(f"{re.escape(place)}$"))
    page.go_back()
    expect(page.locator("a.rx-tile").first).to_have_attribute("aria-current", "true")
    page.go_forward()
    page.reload()
    expect(page.locator(f"[id='{place[1:]}']")).to_be_visible()
    assert parts.count() == 1
    assert page.evaluate("document.body.scrollHeight") < 3.5 * 900
    visitor.well()


def test_without_a_script_every_board_of_a_model_is_shown(visit):
    page = visit(javascript=False).open(MODEL)
    assert page.locator("[data-rx-part]:visible").count() == page.locator("a.rx-tile").count() == 2
    assert page.locator(".rx-verdict").inner_text().startswith("Beats the image-blind baselines ")


@pytest.mark.parametrize(
    ("path", "after"), [(LIST, "#after-models"), ("leaderboards/sandbox/findings/", "#after-board")]
)
def test_a_key_skips_the_table(visit, path, after):
    page = visit().open(path)
    link = page.get_by_role("link", name="Skip table")
    link.focus()
    box = link.bounding_box()
    assert box["width"] > 50
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"{re.escape(after)}$"))


def test_a_file_for_a_model_card_is_copied_and_can_be_downloaded(visit):
    """The page's own script, on a page with nothing but the file: only rows of public datasets have one."""
    text = "- dataset:\n    id: rexrank/iu-xray\n    task_id: findings\n"
    body = (
        f'<!doctype html><title>x</title><pre class="rx-file"><code>{text}</code></pre>'
        '<p class="rx-links"><a class="md-button" href="data:," download="x.yaml">Download x.yaml</a></p>'
        '<script type="module" src="assets/models.js"></script>'
    )
    visitor = visit()
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.page.route("**/copied.html", lambda route: route.fulfill(content_type="text/html", body=body))
    page = visitor.page
    page.goto(f"{visitor.base}copied.html")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == text
    assert page.get_by_role("link", name="Download x.yaml").get_attribute("download") == "x.yaml"
    visitor.well()
