"""What the browser tests of boards read from a page, and its menus."""

from __future__ import annotations

from pathlib import Path

BOARD = "leaderboards/sandbox/findings/"


CROWD = "leaderboards/mimic-cxr/findings/"


ROWS = '#rx-board tbody[data-rx-group="rows"] tr[data-rx-kind="submission"]'


REPORTED = "leaderboards/iu-xray/report/"


def ids(page):
    return page.locator(f"{ROWS}:visible").evaluate_all("rows => rows.map(r => r.dataset.rxId)")


def header(page, key):
    return page.locator(f'#rx-board th[data-rx-key="{key}"]')


def sorter(page, key):
    return header(page, key).locator("button.rx-sort")


def column(page, key):
    """The means of the shown ranked models on a metric, in the order shown; `None` where one is missing."""
    index = header(page, key).evaluate("h => h.cellIndex")
    texts = page.locator(f"{ROWS}:visible").evaluate_all(
        "(rows, i) => rows.map(r => r.cells[i].dataset.value)", index
    )
    return [float(v) if v else None for v in texts]


def controls(page):
    return page.get_by_role("form", name="Filter the board and choose columns")


def menu(page, name):
    """A menu of the toolbar, opened."""
    panel = page.locator("details.rx-menu").filter(has=page.locator("summary", has_text=name))
    if panel.get_attribute("open") is None:
        panel.locator("summary").click()
    return panel


def view(page, kind, board="mimic-cxr.findings"):
    with page.expect_download() as waiting:
        menu(page, "Export").locator(f'[data-rx-save="{kind}"]').click()
    assert waiting.value.suggested_filename == f"{board}.view.{kind}"
    return Path(waiting.value.path()).read_text("utf-8")
