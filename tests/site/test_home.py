"""The front page: every board at a glance, its best group, what is new, and something to say when nothing is."""

from __future__ import annotations

import copy
import html
import re

import pytest
from support.boards import ROOT
from support.tables import typed

from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.leaderboard.history import EVENTS, Event
from evaluator.leaderboard.reported import load_reported
from evaluator.site.board.page import board_page
from evaluator.site.content import Content
from evaluator.site.home import NEWEST, boards_index, overview_page

DATASETS = [get_dataset(d) for d in dataset_ids()]


def words(markup):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def event(**facts):
    first = {"date": "2026-02-01", "id": "a/b", "name": "B", "event": "entered", "dataset": "iu-xray"}
    rest = {"track": "findings", "rank": [2, 4], "primary": "radcliq_v1", "shown": 1.0}
    return Event.model_validate(first | rest | facts)


@pytest.fixture
def content(crowd, tmp_path):
    return Content(
        leaderboard=tmp_path, site_url="https://example.org/", tables={k: typed(t) for k, t in crowd.items()}
    )


def cells(page):
    """The cells of the boards' table, by dataset and track."""
    table = re.search(r'<table class="rx-overview".*?</table>', page, re.DOTALL)[0]
    found = {}
    for row in re.findall(r"<tr><th scope=\"row\">.*?</tr>", table, re.DOTALL):
        dataset = re.search(r"datasets/([\w-]+)/", row)[1]
        for track, cell in zip(
            ("findings", "report"), re.findall(r"<td.*?</td>", row, re.DOTALL), strict=True
        ):
            found[dataset, track] = cell
    return found


def test_every_real_board_is_there_and_leads_on(content):
    found = cells(overview_page(DATASETS, content))
    assert set(found) == {(d.id, t) for d in DATASETS if not d.synthetic for t in d.tracks}
    for (dataset, track), cell in found.items():
        assert f'href="leaderboards/{dataset}/{track}/"' in cell


def test_the_best_group_is_that_of_the_table(content, crowd):
    cell = cells(overview_page(DATASETS, content))["iu-xray", "findings"]
    best = [r for r in crowd["iu-xray", "findings"]["rows"] if r["tied_with_best"]]
    linked = re.findall(r'href="models/([^"]+)/"', cell)
    assert linked == [r["id"] for r in best[:4]]
    assert f"{len(best)} not told apart" in words(cell)
    assert "12 models · 590 studies" in words(cell)


def test_a_leader_beyond_the_pole_is_shown_by_its_skill(content, crowd):
    cell = words(cells(overview_page(DATASETS, content))["iu-xray", "findings"])
    mean = crowd["iu-xray", "findings"]["rows"][0]["metrics"]["radcliq_v1"]["mean"]
    assert mean < 0
    assert f"RadCliQ-v1 skill {(2.450143 - mean) / 3.890833:.3f}" in cell
    assert "1/RadCliQ-v1" not in cell


def test_one_model_is_the_only_one(content, crowd):
    table = crowd["iu-xray", "findings"]
    alone = {**table, "rows": table["rows"][:1]}
    changed = Content(content.leaderboard, content.site_url, tables={("iu-xray", "findings"): typed(alone)})
    cell = words(cells(overview_page(DATASETS, changed))["iu-xray", "findings"])
    assert "the only one · 1 model ·" in cell


def test_an_empty_challenge_still_tells_what_there_is(tmp_path):
    reported = load_reported(ROOT / "leaderboard/reported")
    content = Content(leaderboard=tmp_path, site_url="https://example.org/", reported=reported)
    page = overview_page(DATASETS, content)
    for (dataset, track), cell in cells(page).items():
        newest = [r for r in reported if (r.dataset, r.track, r.snapshot) == (dataset, track, "2026-08")]
        assert f"{len(newest)} reported by ReXrank" in words(cell)
        assert "No model yet" in cell
    assert "No result yet" in page
    assert "best group" not in words(page.split("## The boards")[1].split("<table")[0])
    nothing = overview_page(DATASETS, Content(leaderboard=tmp_path, site_url="https://example.org/"))
    assert "reported by ReXrank" not in nothing


@pytest.mark.parametrize("page", [overview_page, boards_index])
def test_the_synthetic_set_stands_apart(content, page):
    made = page(DATASETS, content)
    assert ("sandbox", "findings") not in cells(made)
    assert "leaderboards/sandbox/findings/" in made


def test_news_are_the_latest_first_and_one_line_a_model_and_day(content):
    old = [event(date=f"2026-01-{i + 1:02d}", id=f"t/m{i}", name=f"M{i}") for i in range(9)]
    same = [event(), event(track="report", rank=[1, 1]), event(dataset="mimic-cxr", rank=None)]
    changed = Content(content.leaderboard, content.site_url, history=[*old, *same])
    listed = re.findall(r"<li><time>.*?</li>", overview_page(DATASETS, changed))
    assert len(listed) == NEWEST
    first = words(listed[0])
    assert first.startswith("2026-02-01 B entered 3 boards: IU X-ray findings at 2–4")
    assert "findings + impression at 1" in first
    assert words(listed[1]).startswith("2026-01-09 M8")


@pytest.mark.parametrize("kind", EVENTS)
def test_every_event_reads_as_a_sentence(content, kind):
    changed = Content(content.leaderboard, content.site_url, history=[event(event=kind)])
    (line,) = re.findall(r"<li><time>.*?</li>", overview_page(DATASETS, changed))
    assert "the board" not in words(line)
    assert "IU X-ray findings" in words(line)


def test_hostile_names_stay_words(content):
    evil = event(name="<script>alert(1)</script> [x](javascript:1)")
    evil = evil.model_copy(update={"date": "<b>"})
    changed = Content(content.leaderboard, content.site_url, history=[evil])
    page = overview_page(DATASETS, changed)
    assert "<script" not in page
    assert "](javascript" not in page
    assert "<b>" not in page


# Board pages


def board(dataset, track, table=None, reported=()):
    return board_page(get_dataset(dataset), track, typed(table) if table else None, reported, (), DATASETS)


def test_a_board_leads_to_all_others(crowd):
    page = board("iu-xray", "findings", crowd["iu-xray", "findings"])
    switch = re.search(r"<nav.*?</nav>", page, re.DOTALL)[0]
    for dataset in DATASETS:
        assert f"leaderboards/{dataset.id}/findings/" in switch
    assert "leaderboards/iu-xray/report/" in switch
    assert switch.count('aria-current="page"') == 2


def test_links_within_a_board_have_a_target(crowd):
    reported = load_reported(ROOT / "leaderboard/reported")
    for key, table in crowd.items():
        page = board(*key, table, reported)
        targets = set(re.findall(r"\{ #([\w-]+) \}|id=\"([\w-]+)\"", page))
        known = {a or b for a, b in targets}
        assert set(re.findall(r'href="#([\w-]+)"', page)) <= known


def test_an_empty_board_says_so_and_opens_what_was_reported():
    reported = load_reported(ROOT / "leaderboard/reported")
    page = board("chexpert-plus", "findings", None, reported)
    assert "No model has been scored on this board yet" in page
    assert "reports 31 models here" in words(page)
    assert page.count(" open><summary>") == 1
    assert "62 studies · valid split" in words(page), "how many patients they have is not known"
    assert "590 studies of 590 patients" in words(board("iu-xray", "findings"))
    assert "Download" not in page


def test_a_board_of_baselines_shows_them_and_says_that_nobody_is_there(crowd):
    table = {**crowd["iu-xray", "findings"], "rows": [], "incomplete": [], "withdrawn": []}
    page = board(
        "iu-xray", "findings", {**table, "pairs": [], "sensitivity": {}, "stability": {}, "subgroups": None}
    )
    assert "No model has been scored on this board yet" in page
    assert 'data-rx-group="nulls"' in page
    assert "best group" not in page


def test_a_board_says_what_its_access_means(crowd):
    small = crowd["chexpert-plus", "findings"]
    restricted = words(board("chexpert-plus", "findings", small))
    withheld = words(board("rexgradient", "findings", {**small, "access": "withheld", "step": 5 / 62}))
    public = words(board("iu-xray", "findings", crowd["iu-xray", "findings"]))
    assert "whoever is credentialed for them can read, and could copy, them" in restricted
    assert "The references are withheld: numbers are shown in steps of 0.081." in withheld
    assert [t in p for t in ("steps of", "could copy") for p in (public, restricted, withheld)] == [
        False, False, True, False, True, False,
    ]  # fmt: skip


def test_marks_are_said_in_full(crowd):
    page = words(board("iu-xray", "findings", crowd["iu-xray", "findings"]))
    assert "one report serves 31 % of the studies" in page


def test_only_numbers_get_a_minus_sign(crowd):
    table = copy.deepcopy(crowd["iu-xray", "findings"])
    table["rows"][0]["badges"] = [{"code": "C14", "text": "null-like: own minus other [-0.01, 0.02]"}]
    page = words(board("iu-xray", "findings", table))
    assert "null-like: own minus other [−0.01, 0.02]" in page
