"""Ten reader tasks: from the overview, by visible controls, in three clicks and one screen each.

A reader's effort is counted: clicks, choices and typing, and how far the page scrolled before the answer or
the next control was visible.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

CLICKS = 3
SCREENS = 1.0


class Reader:
    """A reader with an empty profile who starts at the overview, at 1440 pixels."""

    def __init__(self, visitor):
        self.visitor = visitor
        self.page = visitor.open("")
        self.height = self.page.viewport_size["height"]
        self.clicks, self.scrolled = 0, 0.0

    def _reach(self, found):
        """Scrolls as far as needed to see it, and counts that; what is about to be replaced does not count."""
        expect(self.page.locator('[aria-busy="true"]')).to_have_count(0)
        expect(found).to_be_visible()
        before = self.page.evaluate("scrollY")
        box = found.bounding_box()
        if box["y"] < 0 or box["y"] + min(box["height"], 60) > self.height:
            self.page.evaluate("y => scrollBy(0, y)", box["y"] - self.height / 2)
        self.scrolled += abs(self.page.evaluate("scrollY") - before) / self.height
        return found

    def click(self, found):
        self.clicks += 1
        self._reach(found).click()

    def choose(self, found, value):
        self.clicks += 1
        self._reach(found).select_option(value)

    def sees(self, found, words=None):
        if words is not None:
            expect(found).to_contain_text(words)
        self._reach(found)

    def done(self):
        assert self.clicks <= CLICKS, f"{self.clicks} clicks"
        assert self.scrolled <= SCREENS, f"{self.scrolled:.2f} screens"
        self.visitor.well()


@pytest.fixture
def reader(visit):
    return Reader(visit(width=1440))


def board_of(reader, title):
    """Goes from the overview to a board: the head of its column."""
    reader.click(reader.page.locator(".rx-matrix:visible").get_by_role("link", name=title, exact=True))
    reader.page.locator("#rx-board[data-rx-on]").wait_for()


def test_which_model_is_best_and_is_it_significant(reader):
    now = reader.page.locator(".rx-now")
    reader.click(now.get_by_role("tab", name="MIMIC-CXR"))
    panel = now.get_by_role("tabpanel")
    reader.sees(panel.locator(".rx-answer strong"), re.compile("statistically tied for first|is best"))
    reader.sees(panel.locator(".rx-leaders tbody tr").first)
    assert panel.locator(".rx-leaders .rx-bar").count() == 5
    reader.done()


def test_does_it_beat_a_normal_report(reader):
    board_of(reader, "MIMIC-CXR")
    reader.sees(reader.page.locator(".rx-answer", has_text="baseline"), "beat every image-blind baseline")
    reader.sees(reader.page.locator('tr[data-rx-kind="null"]', has_text="Normal template"))
    reader.done()


def test_the_five_worst_reports_of_a_model(reader):
    reader.click(reader.page.locator(".md-tabs").get_by_role("link", name="Models", exact=True))
    reader.click(reader.page.locator("article").get_by_role("link", name="Sandbox near-copy", exact=True))
    reader.click(reader.page.get_by_role("link", name="Read the reports, worst first").first)
    cases = reader.page.locator(".rx-case")
    cases.nth(4).wait_for()
    values = [float(t.split()[-1]) for t in reader.page.locator(".rx-chosen").all_inner_texts()]
    assert values == sorted(values)
    reader.done()


def test_one_model_against_another_on_green(reader):
    reader.click(reader.page.get_by_role("link", name="Compare two models"))
    row = reader.page.locator(".rx-result table").first.locator("tbody tr", has_text="GREEN")
    reader.choose(reader.page.get_by_label("Leaderboard", exact=True), "mimic-cxr.findings")
    reader.choose(reader.page.get_by_label("Model 2"), "team02/model")
    row.locator(".rx-difference").wait_for()
    reader.sees(row, re.compile(r"[+−]\d\.\d{3}"))
    reader.done()


def test_open_weights_and_all_views(reader):
    board_of(reader, "MIMIC-CXR")
    form = reader.page.get_by_role("form", name="Filter the board and choose columns")
    reader.choose(form.get_by_label("Views"), "all")
    reader.click(form.get_by_label("Open weights"))
    facts = reader.page.locator('tr[data-rx-kind="submission"]:visible').evaluate_all(
        "rows => rows.filter(r => r.closest('tbody').dataset.rxGroup === 'rows').map(r => [r.dataset.rxViews, r.dataset.rxOpen])"
    )
    assert facts
    assert all(f == ["all", "1"] for f in facts)
    reader.done()


def test_a_table_for_a_paper(reader):
    reader.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    board_of(reader, "MIMIC-CXR")
    reader.click(reader.page.locator("summary", has_text="Export"))
    reader.click(reader.page.get_by_role("button", name="Copy LaTeX"))
    reader.sees(reader.page.locator(".rx-count"), "Copied as LaTeX.")
    assert r"\toprule" in reader.page.evaluate("navigator.clipboard.readText()")
    reader.done()


def test_how_to_enter(reader):
    reader.click(reader.page.get_by_role("link", name="Enter your model"))
    reader.sees(reader.page.get_by_role("heading", level=1))
    expect(reader.page).to_have_url(re.compile("/submit/"))
    reader.done()


def test_when_and_with_which_version(reader):
    figures = reader.page.locator(".rx-figures > div").last
    reader.sees(figures, re.compile(r"v\S*\s*of the evaluator, last scores \d{4}-\d\d-\d\d"))
    board_of(reader, "MIMIC-CXR")
    reader.sees(
        reader.page.locator(".rx-factline"), re.compile(r"last changed \d{4}-\d\d-\d\d · evaluator \S+")
    )
    reader.done()


def test_what_the_headline_means(reader):
    board_of(reader, "MIMIC-CXR")
    reader.click(reader.page.get_by_role("button", name="What RadCliQ-v1 skill means"))
    reader.sees(reader.page.locator("#rx-what-radcliq_v1"), "0 means nothing is right, 1 means everything is")
    reader.done()


def test_a_link_to_this_view(reader):
    reader.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    board_of(reader, "MIMIC-CXR")
    reader.click(reader.page.locator('th[data-rx-key="green"] .rx-sort'))
    expect(reader.page).to_have_url(re.compile("sort=green"))
    reader.click(reader.page.get_by_role("button", name="Copy link"))
    reader.sees(reader.page.locator(".rx-count"), "Link to this view copied.")
    link = reader.page.evaluate("navigator.clipboard.readText()")
    first = reader.page.locator('#rx-board tr[data-rx-kind="submission"]').first.get_attribute("data-rx-id")
    reader.page.goto(link)
    expect(reader.page.locator('#rx-board tr[data-rx-kind="submission"]').first).to_have_attribute(
        "data-rx-id", first
    )
    reader.done()
