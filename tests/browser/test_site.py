"""The built site in Debian's Chromium: behaviour, accessibility, and no external requests."""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text("utf-8")
BOARD = "leaderboards/sandbox/findings/"
CROWD = "leaderboards/mimic-cxr/findings/"
MODEL = "models/rexrank-sandbox/near-copy/"
KINDS = {
    "overview": "",
    "boards": "leaderboards/",
    "board": BOARD,
    "crowded board": CROWD,
    "empty board": "leaderboards/iu-xray/report/",
    "reported": "leaderboards/reported/",
    "models": "models/",
    "model": MODEL,
    "hostile model": "models/rexrank-sandbox/template/",
    "compare": "compare/",
    "metrics": "metrics/",
    "metric": "metrics/bleu_2/",
    "datasets": "datasets/",
    "dataset": "datasets/sandbox/",
    "changelog": "changelog/",
    "submit": "submit/",
    "codes": "codes/",
    "about": "about/",
    "api": "api/",
    "rules": "rules/",
    "questions": "faq/",
    "integrity": "integrity/",
    "architecture": "maintainers/architecture/",
}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page):
    # Evaluated through the debugger, so that the page's own policy stays in force.
    page.evaluate(AXE)
    # Of what passed, one element is described for each rule and not all: most of the time went there.
    options = {"runOnly": TAGS, "rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations"]}
    reports = page.evaluate("options => axe.run(document, options)", options)["violations"]
    return [(v["id"], [n["target"] for n in v["nodes"]][:4]) for v in reports]


def switch_to_dark(page):
    """By the button in the header; returns when no colour is on its way any more."""
    page.locator("[data-md-component=palette] label:visible").click()
    page.locator("body[data-md-color-scheme=slate]").wait_for()
    page.evaluate(
        "Promise.all(document.getAnimations().map((a) => a.finished.catch(() => null))).then(() => null)"
    )


@pytest.mark.parametrize("path", KINDS.values(), ids=KINDS)
def test_every_kind_of_page_is_accessible_and_quiet_in_light_and_dark(visit, path):
    visitor = visit()
    page = visitor.open(path)
    if path == MODEL:
        page.get_by_role("button", name="Browse the cases").first.click()
        page.locator(".rx-case").first.wait_for()
        page.locator(".rx-cases").first.get_by_label("Beside").select_option("rexrank-sandbox/shuffled")
        page.get_by_role("heading", level=5, name="Sandbox shuffled").first.wait_for()
    if path == "compare/":
        page.locator(".rx-result table").first.wait_for()
        page.get_by_label("Model 3").select_option(index=3)
        page.locator(".rx-result table").nth(3).wait_for()
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert ("light", violations(page)) == ("light", [])
    switch_to_dark(page)
    assert ("dark", violations(page)) == ("dark", [])
    visitor.well()


def test_a_page_is_dark_where_the_system_is(visit):
    visitor = visit(dark=True)
    page = visitor.open(BOARD)
    assert page.locator("body").get_attribute("data-md-color-scheme") == "slate"
    assert violations(page) == []
    visitor.well()


@pytest.mark.parametrize("path", KINDS.values(), ids=KINDS)
def test_no_page_is_wider_than_a_phone(visit, path):
    visitor = visit(phone=True)
    page = visitor.open(path)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    visitor.well()


SHIFTS = """window.rxShift = 0; new PerformanceObserver((list) => list.getEntries().forEach((e) => (rxShift += e.value)))
.observe({ type: "layout-shift", buffered: true })"""
"""Sums how far a page's parts move without a reader's doing: the page's cumulative layout shift."""


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize(
    "path", [KINDS[k] for k in ("overview", "crowded board", "models", "model", "compare")]
)
def test_nothing_moves_when_font_and_scripts_come_late(visit, served, path, phone):
    visitor = visit(phone=phone, width=1440)
    page = visitor.page
    page.add_init_script(SHIFTS)
    sheet = (served[1] / "assets/site.css").read_text("utf-8")
    sheet = sheet.replace("font-display:block", "font-display:optional")  # as it is published
    page.route("**/assets/site.css", lambda route: route.fulfill(body=sheet, content_type="text/css"))
    page.route(re.compile(r"\.(woff2|js|json|gz)$"), lambda route: None)
    page.goto(visitor.base + path, wait_until="commit")
    page.wait_for_function("() => performance.getEntriesByType('paint').length > 0")
    page.unroute_all()  # which lets those that wait go on
    page.wait_for_selector("html[data-rx-mounted]", state="attached")
    expect(page.locator('[data-rx="compare"] select:disabled, [aria-busy="true"]')).to_have_count(0)
    page.evaluate(
        "document.fonts.ready.then(() => new Promise((d) => requestAnimationFrame(() => setTimeout(d))))"
    )
    assert page.evaluate("rxShift") < 0.1
    visitor.well()


def test_a_wrong_address_has_a_page_with_links(visit, served):
    visitor = visit()
    answer = visitor.page.goto(served[0] + "models/nobody/nothing/")
    assert answer.status == 404
    assert visitor.page.get_by_role("heading", name="Not found").is_visible()
    href = visitor.page.locator("article").get_by_role("link", name="Leaderboards").get_attribute("href")
    assert "/challenge/leaderboards/" in visitor.page.evaluate("h => new URL(h, location).href", href)
    visitor.errors = [e for e in visitor.errors if "404" not in e]
    visitor.well()


def test_links_lead_somewhere_under_the_sub_path(served):
    base, out = served
    missing = []
    for path in out.rglob("*.html"):
        here = base + path.relative_to(out).as_posix().removesuffix("index.html")
        for address in re.findall(r'\s(?:href|src)="([^"]*)"', path.read_text("utf-8")):
            target = urljoin(here, html.unescape(address)).partition("#")[0].partition("?")[0]
            if not target.startswith(base):
                assert not target.startswith(base[:20]), f"{here} leaves the sub-path for {target}"
                continue
            file = out / target.removeprefix(base)
            if not (file.is_file() or (file / "index.html").is_file()):
                missing.append((here, address))
    assert missing == []


# Without a script, and navigation


@pytest.mark.parametrize("path", [BOARD, CROWD, MODEL, "compare/", "changelog/", ""])
def test_pages_are_readable_without_a_script(visit, path):
    page = visit(javascript=False).open(path)
    assert len(page.locator("article").inner_text()) > 300
    if path in {BOARD, CROWD}:
        assert (
            page.locator("#rx-board tbody").first.locator("tr").first.locator(".rx-rank").inner_text()[0]
            == "1"
        )
    if path == "compare/":
        assert page.locator("article").get_by_role("link", name="Sandbox, findings", exact=True).is_visible()


def test_search_finds_a_model(visit):
    visitor = visit()
    page = visitor.open("")
    page.keyboard.press("/")
    page.keyboard.type("paraphrase", delay=20)
    page.locator(".md-search-result__link", has_text=re.compile("paraphrase", re.IGNORECASE)).first.wait_for()
    visitor.well()
