"""The compare page: verdicts in words, numbers from the files, missing data, keyboard, addresses."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect
from support.site_files import json_of, unpacked

pytestmark = pytest.mark.browser

PAIR = "compare/?board=sandbox.findings&m=rexrank-sandbox/near-copy,rexrank-sandbox/shuffled"


def change_files(page, change):
    """Lets `change` alter every model's file on its way to a page, which then gets it unpacked."""

    def altered(route):
        answer = route.fetch()
        file = json.loads(unpacked(route.request.url, answer.body()))
        change(file)
        route.fulfill(json=file)

    page.route("**/compare/sandbox.findings/*.json.gz", altered)


def test_two_and_three_models(visit):
    visitor = visit()
    page = visitor.open(PAIR.replace("findings", "report"))
    tables = page.locator(".rx-result table")
    tables.nth(1).wait_for()
    assert tables.count() == 2
    row = tables.nth(0).locator("tbody tr", has_text="BLEU-2")
    assert row.locator("td").nth(2).inner_text() == "Sandbox near-copy"
    assert row.locator("svg").count() == 1
    page.get_by_label("Model 3").select_option("rexrank-sandbox/paraphrase")
    expect(tables).to_have_count(4)
    expect(page).to_have_url(
        re.compile("m=rexrank-sandbox/near-copy,rexrank-sandbox/shuffled,rexrank-sandbox/paraphrase")
    )
    page.reload()
    expect(tables).to_have_count(4)
    page.get_by_label("Leaderboard", exact=True).select_option("sandbox.findings")
    expect(page).to_have_url(re.compile(r"board=sandbox\.findings"))
    expect(tables).to_have_count(4)
    visitor.well()


def test_the_pair_before_stays_until_the_next_has_come(visit):
    visitor = visit()
    page = visitor.open(PAIR)
    result, title = page.locator(".rx-result"), page.locator(".rx-duel h2")
    expect(result.locator(".rx-difference").first).to_be_visible()
    page.route("**/rexrank-sandbox__paraphrase.json.gz", lambda route: None)
    with page.expect_request("**/rexrank-sandbox__paraphrase.json.gz"):
        page.get_by_label("Model 2").select_option("rexrank-sandbox/paraphrase")
    expect(result).to_have_attribute("aria-busy", "true")
    expect(title).to_contain_text("shuffled")
    page.unroute_all()  # which lets it go on
    expect(title).to_contain_text("paraphrase")
    expect(result).not_to_have_attribute("aria-busy", "true")
    visitor.well()


def test_nothing_can_be_chosen_before_a_choice_has_an_effect(visit):
    visitor = visit()
    visitor.page.route("**/compare/index.json", lambda route: None)
    page = visitor.open(PAIR)
    board = page.get_by_label("Leaderboard", exact=True)
    expect(board).to_be_disabled()
    page.unroute_all()  # which lets it go on
    expect(board).to_be_enabled()
    expect(page.locator(".rx-toolbar select:disabled")).to_have_count(0)
    visitor.well()


def test_differences_are_those_of_the_file(visit, served):
    visitor = visit()
    page = visitor.open(
        "compare/?board=sandbox.findings&m=rexrank-sandbox/shuffled,rexrank-sandbox/near-copy"
    )
    page.locator(".rx-result table").nth(1).wait_for()
    file = served[1] / "data/compare/sandbox.findings/rexrank-sandbox__near-copy.json.gz"
    own = json_of(file)
    d, low, high, *_ = (
        v / 1e4 for v in own["versus"]["bleu_2"][own["others"].index("rexrank-sandbox/shuffled")]
    )
    text = page.locator(".rx-result table").first.locator("tbody tr", has_text="BLEU-2").inner_text()
    assert f"−{d:.3f}" in text
    assert f"−{high:.3f} to −{low:.3f}" in text
    visitor.well()


def test_a_sentence_says_whether_the_difference_is_significant(visit, served):
    visitor = visit()
    page = visitor.open(PAIR)
    verdict = page.locator(".rx-verdict")
    expect(verdict).to_contain_text(
        "Sandbox near-copy is better than Sandbox shuffled: the difference is significant."
    )
    file = served[1] / "data/compare/sandbox.findings/rexrank-sandbox__near-copy.json.gz"
    own = json_of(file)
    size = abs(own["versus"]["bleu_2"][own["others"].index("rexrank-sandbox/shuffled")][0]) / 1e4
    assert f"by {size:.3f} in mean BLEU-2" in verdict.inner_text()
    assert (
        "Of the one other metric, 1 favours Sandbox near-copy, 0 favour Sandbox shuffled, and 0 show no"
        in verdict.inner_text()
    )

    def undecided(file):
        file["ranked_against"] = [0.2] * len(file["others"])
        file["standing"] = ["open"] * len(file["others"])

    change_files(page, undecided)
    page.reload()
    expect(verdict).to_contain_text(
        "Sandbox near-copy and Sandbox shuffled are statistically tied: a difference this small could be chance."
    )
    expect(verdict).to_contain_text("p = 0.200")
    expect(verdict).to_contain_text("A tie does not mean they are equal")

    def slight(file):
        file["standing"] = ["better_by_less"] * len(file["others"])

    change_files(page, slight)
    page.reload()
    expect(verdict).to_contain_text(
        "Sandbox near-copy is better than Sandbox shuffled, but within the equivalence margin: the difference is too small to matter."
    )
    expect(verdict).to_contain_text("models closer than 0.01 count as equivalent by convention")
    visitor.well()


def test_a_significant_difference_that_rounds_to_zero_follows_the_ranks(visit):
    visitor = visit()

    def tiny(file):
        for pair in file["versus"]["bleu_2"]:
            pair[:3] = [0, -10, 10]

    change_files(visitor.page, tiny)
    page = visitor.open(
        "compare/?board=sandbox.findings&m=rexrank-sandbox/shuffled,rexrank-sandbox/near-copy"
    )
    verdict = page.locator(".rx-verdict")
    expect(verdict).to_contain_text("Sandbox near-copy is better than Sandbox shuffled:")
    expect(verdict).to_contain_text("by less than the precision shown in mean BLEU-2")
    visitor.well()


def test_a_metric_that_one_model_lacks_is_mentioned(visit):
    visitor = visit()

    def without(file):
        file["versus"] = {"bleu_2": file["versus"]["bleu_2"]}
        if file["id"].endswith("shuffled"):
            del file["metrics"]["rouge_l"]

    change_files(visitor.page, without)
    page = visitor.open(PAIR)
    row = page.locator(".rx-result table").first.locator("tbody tr", has_text="ROUGE-L")
    expect(row).to_contain_text("no comparison: not scored for Sandbox shuffled")
    expect(page.locator(".rx-result table").last).to_contain_text("not scored")
    visitor.well()


def test_an_address_with_an_unknown_model_says_so(visit):
    visitor = visit()
    page = visitor.open("compare/?board=sandbox.findings&m=rexrank-sandbox/shuffled,<b>who</b>/ever")
    expect(page.get_by_role("alert")).to_have_text("Not ranked on Sandbox, findings: <b>who</b>/ever.")
    expect(page.locator(".rx-result table")).to_have_count(2)
    page.get_by_label("Model 2").select_option("rexrank-sandbox/shuffled")
    expect(page.get_by_role("status")).to_have_text("Choose two different models.")
    page = visitor.open("compare/?board=nowhere.findings")
    expect(page.get_by_role("alert")).to_contain_text("There is no board nowhere.findings")
    visitor.well()


def test_models_can_be_chosen_by_keyboard(visit):
    visitor = visit()
    page = visitor.open(PAIR)
    page.locator(".rx-result table").first.wait_for()
    page.get_by_label("Model 3").focus()
    page.keyboard.type("Sandbox par")
    expect(page.locator(".rx-result table")).to_have_count(4)
    assert page.evaluate("document.activeElement.name") == "model-3", "the focus stays where it was"
    visitor.well()


def test_it_links_to_the_reports_that_differ_most(visit):
    visitor = visit()
    page = visitor.open(PAIR)
    page.get_by_role("link", name="Read both reports where Sandbox near-copy trails most").click()
    page.locator(".rx-case").first.wait_for()
    assert page.locator(".rx-cases").first.get_by_label("Beside").input_value() == "rexrank-sandbox/shuffled"
    page.go_back()
    expect(page.locator(".rx-result table")).to_have_count(2)
    visitor.well()


def test_the_first_pair_is_shown_without_a_script_and_stays(visit):
    before = visit(javascript=False).open("compare/")
    verdict = before.locator(".rx-verdict strong").inner_text()
    first = before.locator(".rx-result table tbody tr").first.inner_text()
    page = visit().open("compare/")
    page.locator(".rx-result .rx-difference").first.wait_for()
    assert page.locator(".rx-verdict strong").first.inner_text() == verdict
    assert page.locator(".rx-difference span").first.inner_text() in first
    assert before.get_by_role("link", name="Sandbox, findings", exact=True).is_visible()


def test_a_baseline_can_be_chosen(visit):
    visitor = visit()
    page = visitor.open(PAIR)
    page.locator(".rx-result .rx-difference").first.wait_for()
    baseline = page.get_by_label("Model 2").locator("optgroup[label=Baselines] option").first
    name = baseline.inner_text()
    page.get_by_label("Model 2").select_option(label=name)
    answer = page.locator(".rx-verdict")
    expect(answer).to_contain_text(f"is better than {name}: the difference is significant.")
    expect(answer).to_contain_text("adjusted for all models and baselines")
    visitor.well()


def test_the_difference_is_on_a_phones_screen(visit):
    page = visit(phone=True).open(PAIR)
    page.locator(".rx-result .rx-difference").first.wait_for()
    box = page.locator(".rx-result .rx-difference").first.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_the_first_pair_is_told_before_any_script_in_the_words_of_the_script(visit):
    before = visit(javascript=False).open("compare/").locator(".rx-verdict").inner_text()
    page = visit().open("compare/")
    page.locator(".rx-result .rx-picture").first.wait_for()
    assert page.locator(".rx-verdict").inner_text() == before


@pytest.mark.parametrize("javascript", [True, False], ids=["with a script", "without"])
def test_on_a_phone_every_column_has_its_heading(visit, javascript):
    page = visit(phone=True, javascript=javascript).open("compare/")
    if javascript:
        page.locator(".rx-result .rx-p").first.wait_for(state="attached")
    table = page.locator(".rx-duel table").first
    assert (
        table.locator("thead > tr > :visible").count()
        == table.locator("tbody > tr").first.locator("> :visible").count()
    )
