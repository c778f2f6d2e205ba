"""The case browser of a model page: order, filters, marks, addresses, keyboard, hostile texts."""

from __future__ import annotations

import functools
import http.server
import re
import threading

import pytest
from playwright.sync_api import expect
from support.site_files import json_of

pytestmark = pytest.mark.browser

MODEL = "models/rexrank-sandbox/near-copy/"
SHUFFLED = "models/rexrank-sandbox/shuffled/"


class Unpacking(http.server.SimpleHTTPRequestHandler):
    """Serves packed files as some servers do: their browsers unpack them before any script sees them."""

    def end_headers(self):
        if self.path.endswith(".gz"):
            self.send_header("Content-Encoding", "gzip")
        super().end_headers()

    def log_message(self, *args):
        pass


def open_cases(page):
    page.get_by_role("button", name="Browse the cases").first.click()
    page.locator(".rx-case").first.wait_for()
    return page.locator(".rx-cases").first


def values(box):
    return [float(t.split()[-1]) for t in box.locator(".rx-chosen").all_inner_texts()]


def test_the_worst_first_on_demand_and_page_by_page(visit):
    visitor = visit()
    page = visitor.open(SHUFFLED)
    requests = []
    page.on("request", lambda r: requests.append(r.url) if "/cases/" in r.url else None)
    assert not page.locator(".rx-case").count()
    box = open_cases(page)
    assert sum(u.endswith("/index.json.gz") for u in requests) == 1
    assert len(requests) == len(set(requests)), "nothing is asked for twice"
    scores = values(box)
    assert len(scores) == 10
    assert scores == sorted(scores)
    first = box.locator("h4").first.inner_text()
    box.get_by_role("button", name="Next").click()
    expect(box.get_by_role("status")).to_have_text("11 to 20 of 60 cases")
    assert box.locator("h4").first.inner_text() != first
    box.get_by_label("Order").select_option("best")
    expect(box.get_by_role("status")).to_have_text("1 to 10 of 60 cases")
    assert values(box) == sorted(values(box), reverse=True)
    visitor.well()


def test_a_case_has_an_address_of_its_own(visit):
    visitor = visit()
    page = visitor.open(SHUFFLED)
    box = open_cases(page)
    box.get_by_role("button", name="Next").click()
    expect(box.get_by_role("status")).to_have_text("11 to 20 of 60 cases")
    link = box.locator("h4 a").nth(2)
    study = link.inner_text()
    address = link.get_attribute("href")
    link.click()
    for _ in range(2):
        expect(page.locator(".rx-case")).to_have_count(1)
        assert page.locator(".rx-case h4").inner_text() == study
        expect(page).to_have_url(re.compile(f"study={study}"))
        page.goto(page.url.partition("?")[0] + address)
    page.goto(page.url.partition("?")[0])
    box = open_cases(page)
    box.get_by_role("button", name="Next").click()
    expect(box.get_by_role("status")).to_have_text("11 to 20 of 60 cases")
    box.locator("h4 a").nth(2).click()
    page.get_by_role("button", name="Show all cases").click()
    expect(box.get_by_role("status")).to_have_text("11 to 20 of 60 cases")
    expect(page).not_to_have_url(re.compile("study="))
    visitor.well()


def test_filters_and_words_narrow_the_cases_and_stay_in_the_address(visit, served):
    folder = served[1] / "data/cases/sandbox.findings"
    index = json_of(folder / "rexrank-sandbox__near-copy/index.json.gz")
    texts = {
        side: [t for k in range(2) for t in json_of(folder / side / f"{k}.json.gz")]
        for side in ("references", "rexrank-sandbox__near-copy")
    }
    (sex,) = (g for g in index["groups"] if g["axis"] == "sex")
    wanted = [
        i
        for i in range(60)
        if sex["values"][sex["of"][i]] == "F" and any("effusion" in t[i].lower() for t in texts.values())
    ]
    assert 0 < len(wanted) < sex["of"].count(sex["values"].index("F"))
    visitor = visit()
    page = visitor.open(MODEL)
    box = open_cases(page)
    box.get_by_label("Only").select_option("sex=F")
    box.get_by_label("Search texts and ids").fill("Effusion")
    expect(box.get_by_role("status")).to_contain_text(f"of {len(wanted)} cases")
    page.reload()
    expect(page.locator(".rx-cases").first.get_by_role("status")).to_contain_text(f"of {len(wanted)} cases")
    box.get_by_label("Search texts and ids").fill(index["ids"][wanted[0]].upper())
    expect(box.get_by_role("status")).to_have_text("1 case")
    box.get_by_label("Search texts and ids").fill("no such words")
    expect(box.get_by_role("status")).to_have_text("No case matches.")
    visitor.well()


def test_another_model_can_be_shown_next_to_it_and_where_it_is_better(visit, served):
    folder = served[1] / "data/cases/sandbox.findings"
    own, other = (
        json_of(folder / f"rexrank-sandbox__{m}/index.json.gz")["scores"]["bleu_2"]
        for m in ("paraphrase", "near-copy")
    )
    visitor = visit()
    page = visitor.open(
        "models/rexrank-sandbox/paraphrase/?cases=sandbox.findings&beside=rexrank-sandbox/near-copy&order=behind"
    )
    box = page.locator(".rx-cases").first
    box.locator(".rx-case").first.wait_for()
    assert box.locator(".rx-case").first.locator("h5").all_inner_texts() == [
        "Reference",
        "Sandbox paraphrase",
        "Sandbox near-copy",
    ]
    numbers = values(box)
    gaps = [a - b for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
    assert gaps == sorted(gaps)
    assert gaps[0] == pytest.approx(min(a - b for a, b in zip(own, other, strict=True)), abs=2e-3)
    box.get_by_label("Beside").select_option("")
    expect(box.get_by_label("Order")).to_have_value("worst")
    visitor.well()


MARKS = [
    ("Clear lungs. No effusion.", "no effusion! Clear  lungs", ["same", "same"]),
    ("A 1.5 cm nodule. Clear.", "Clear. A 2.5 cm nodule.", [["1"], "same"]),
    ("No pleural effusion is seen.", "Small pleural effusion is seen.", [["No"]]),
    ("There is an effusion.", "The effusion.", [[]]),
    ("Heart is normal.", "No pneumothorax.", ["new"]),
    ("It is. There was.", "Heart is normal.", ["new", "new"]),
    ("Heart is normal.", "", ["new"]),
    ("", "Heart is normal.", []),
    ("Erguß rechts.\nKein Pneumothorax.", "Erguß links. Kein Pneumothorax.", [["rechts"], "same"]),
]


def test_differences_are_highlighted(visit):
    page = visit().open("404.html")
    for text, other, wanted in MARKS:
        marks = page.evaluate(
            """async ([text, other]) => {
              const { differences } = await import('/challenge/assets/marks.js');
              const found = differences(text, other);
              if (found.map(f => f.text).join('') !== text) throw new Error('text was lost');
              return found.map(f => f.kind === 'near' ? f.parts.filter(p => p.differs).map(p => p.text) : f.kind);
            }""",
            [text, other],
        )
        assert marks == wanted, (text, other)


def test_the_keyboard_opens_cases_turns_pages_and_keeps_its_place(visit):
    visitor = visit()
    page = visitor.open(SHUFFLED)
    page.get_by_role("button", name="Browse the cases").first.focus()
    page.keyboard.press("Enter")
    page.locator(".rx-case").first.wait_for()
    assert page.evaluate("document.activeElement.name") == "sort"
    page.locator(".rx-cases").first.get_by_role("button", name="Next").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("status").first).to_have_text("11 to 20 of 60 cases")
    expect(page.get_by_role("status").first).to_be_focused()
    visitor.well()


def test_a_failed_load_can_be_retried(visit):
    visitor = visit()
    page = visitor.open(SHUFFLED)
    page.route("**/models.json", lambda route: route.abort())
    page.get_by_role("button", name="Browse the cases").first.click()
    expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
    page.unroute("**/models.json")
    open_cases(page)
    assert not page.get_by_role("alert").count()
    visitor.errors = [e for e in visitor.errors if "ERR_FAILED" not in e]
    visitor.well()


def test_hostile_reports_stay_text(visit):
    visitor = visit()
    page = visitor.open("models/rexrank-sandbox/template/")
    box = open_cases(page)
    text = box.locator(".rx-report").nth(1).inner_text()
    assert '<img src=x onerror="window.rxEvil=1">' in text
    assert "<script>" in text
    assert box.locator("img, script, a[href^=javascript]").count() == 0
    box.get_by_label("Search texts and ids").fill("<script>")
    expect(box.get_by_role("status")).to_have_text("1 to 10 of 60 cases")
    expect(page).to_have_url(re.compile(r"find=%3Cscript%3E"))
    visitor.well()


def test_packed_files_are_read_from_a_server_that_unpacks_them(visit, served):
    handler = functools.partial(Unpacking, directory=str(served[1]))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        visitor = visit()
        visitor.base = f"http://127.0.0.1:{server.server_port}/"
        answers = []
        visitor.page.on("response", lambda r: answers.append(r) if r.url.endswith(".gz") else None)
        box = open_cases(visitor.open(SHUFFLED))
        expect(box.get_by_role("status")).to_have_text("1 to 10 of 60 cases")
        assert {r.headers["content-encoding"] for r in answers} == {"gzip"}
        assert visitor.errors == []
        server.shutdown()


def test_an_address_of_cases_shows_the_board_that_they_belong_to(visit):
    page = visit().open(f"{MODEL}?cases=sandbox.report&order=best")
    expect(page.locator(".rx-case").first).to_be_visible()
    assert page.locator("[data-rx-part]:visible").get_attribute("id") == "sandbox-report"
