"""The front page: every board at a glance, its best group, what is new, and a sentence when nothing is."""

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
from evaluator.site.standings import PLACES

PUBLISHED = ("rexgradient", "mimic-cxr", "iu-xray", "chexpert-plus", "sandbox")
DATASETS = [get_dataset(d) for d in dataset_ids() if d in PUBLISHED]
"""The sets of reports that ReXrank has rows of, and the synthetic one."""


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


def panels(page):
    """The panels of *Best now* by their titles."""
    parts = re.findall(
        r'<section class="rx-tabpanel".*?</section>', page.split('id="the-boards"')[0], re.DOTALL
    )
    parts = [f for f in parts if "rx-leaders" in f]
    return {words(re.search(r"<h3.*?</h3>", f, re.DOTALL)[0]): f for f in parts}


def columns(matrix):
    """The columns of a matrix: title and cells, from the top."""
    heads = [words(h) for h in re.findall(r'<th scope="col">(.*?)</th>', matrix, re.DOTALL)[1:]]
    rows = [
        re.findall(r"<td.*?</td>", r, re.DOTALL)
        for r in re.findall(r"<tr><th scope=\"row\">.*?</tr>", matrix, re.DOTALL)
    ]
    return dict(zip(heads, zip(*rows, strict=True), strict=True))


def matrices(page):
    return [columns(m) for m in re.findall(r'<table class="rx-matrix".*?</table>', page, re.DOTALL)]


def test_every_real_board_is_listed_with_links(content):
    page = html.unescape(overview_page(DATASETS, content))
    for dataset in DATASETS:
        for track in () if dataset.synthetic else dataset.tracks:
            assert f'href="leaderboards/{dataset.id}/{track}/"' in page
    assert len(matrices(page)) == len({(d.task, t) for d in DATASETS if not d.synthetic for t in d.tracks})


def test_the_first_places_are_those_of_the_table(content, crowd):
    matrix = matrices(overview_page(DATASETS, content))[0]
    (cells,) = (c for h, c in matrix.items() if h.startswith("IU X-ray"))
    rows = crowd["iu-xray", "findings"]["rows"][:PLACES]
    ids = [html.unescape(re.search(r'href="models/([^"]+)/"', c)[1]) for c in cells]
    assert ids == [r["id"] for r in rows]
    low, high = rows[0]["rank_low"], rows[0]["rank_high"]
    assert words(cells[0]).endswith(f"rank {low}" if low == high else f"rank {low}–{high}")
    assert any("590 studies · 12 models" in h for h in matrix)


def test_best_now_names_the_tie_and_shows_intervals(content, crowd):
    panel = panels(overview_page(DATASETS, content))["IU X-ray"]
    best = [r["name"] for r in crowd["iu-xray", "findings"]["rows"] if r["tied_with_best"]]
    assert len(best) > 1
    assert "are statistically tied for first:" in words(panel)
    assert all(n in words(panel) for n in best[:4])
    assert panel.count('class="rx-bar') == PLACES
    assert "RadCliQ-v1 skill, 95 % interval" in words(panel)


def test_a_leader_beyond_the_pole_is_shown_by_its_skill(content, crowd):
    panel = words(panels(overview_page(DATASETS, content))["IU X-ray"])
    mean = crowd["iu-xray", "findings"]["rows"][0]["metrics"]["radcliq_v1"]["mean"]
    assert mean < 0
    assert f"{(2.450143 - mean) / 3.890833:.3f}" in panel
    assert "1/RadCliQ-v1" not in panel


def test_one_model_is_the_only_one(content, crowd):
    table = crowd["iu-xray", "findings"]
    alone = {**table, "rows": table["rows"][:1]}
    other = Content(content.leaderboard, content.site_url, tables={("iu-xray", "findings"): typed(alone)})
    page = words(overview_page(DATASETS, other))
    assert f"{table['rows'][0]['name']} is the only ranked model." in page


def test_on_launch_day_rexranks_rows_are_shown_and_marked(tmp_path):
    reported = load_reported(ROOT / "leaderboard/reported")
    content = Content(leaderboard=tmp_path, site_url="https://example.org/", reported=reported)
    for page in (overview_page(DATASETS, content), boards_index(DATASETS, content)):
        assert "No model yet" not in page
        assert "no model yet" not in page
        for matrix in matrices(page):
            for head, cells in matrix.items():
                assert "reported by ReXrank, not re-scored" in head
                assert all(words(c) not in {"", "–"} for c in cells)
    panel = panels(overview_page(DATASETS, content))["IU X-ray"]
    assert "Reported by ReXrank, not re-scored:" in words(panel)
    assert "UniRG-CXR" in words(panel)
    assert "No results yet" in overview_page(DATASETS, content)


def test_an_empty_challenge_still_tells_how_to_enter(tmp_path):
    page = overview_page(DATASETS, Content(leaderboard=tmp_path, site_url="https://example.org/"))
    assert "Yours could be the first" in page
    assert "reported by ReXrank" not in page
    assert "Enter in three steps" in page


def test_one_own_row_replaces_the_reported_rows(content):
    reported = load_reported(ROOT / "leaderboard/reported")
    both = Content(content.leaderboard, content.site_url, tables=content.tables, reported=reported)
    for head, cells in matrices(overview_page(DATASETS, both))[0].items():
        own = head.startswith(("IU X-ray", "CheXpert Plus"))
        assert ("reported by ReXrank" in head) != own
        assert ('href="models/' in "".join(cells)) == own


@pytest.mark.parametrize("page", [overview_page, boards_index])
def test_the_synthetic_dataset_is_separate(content, page):
    text = page(DATASETS, content)
    assert not any("Sandbox" in head for m in matrices(text) for head in m)
    assert "leaderboards/sandbox/findings/" in html.unescape(text)


def test_news_are_latest_first_with_one_line_per_model_and_day(content):
    old = [event(date=f"2026-01-{i + 1:02d}", id=f"t/m{i}", name=f"M{i}") for i in range(9)]
    same = [event(), event(track="report", rank=[1, 1]), event(dataset="mimic-cxr", rank=None)]
    other = Content(content.leaderboard, content.site_url, history=[*old, *same])
    addresses = re.findall(r"<li><time>.*?</li>", overview_page(DATASETS, other))
    assert len(addresses) == NEWEST
    first = words(addresses[0])
    assert first.startswith("2026-02-01 B entered 3 boards: IU X-ray findings , rank 2–4")
    assert "findings + impression , rank 1" in first
    assert words(addresses[1]).startswith("2026-01-09 M8")


@pytest.mark.parametrize("kind", EVENTS)
def test_every_event_reads_as_a_sentence(content, kind):
    other = Content(content.leaderboard, content.site_url, history=[event(event=kind)])
    (line,) = re.findall(r"<li><time>.*?</li>", overview_page(DATASETS, other))
    assert "the board" not in words(line)
    assert "IU X-ray findings" in words(line)


def test_hostile_names_stay_text(content):
    evil = event(name="<script>alert(1)</script> [x](javascript:1)")
    evil = evil.model_copy(update={"date": "<b>"})
    other = Content(content.leaderboard, content.site_url, history=[evil])
    page = overview_page(DATASETS, other)
    assert "<script" not in page
    assert "](javascript" not in page
    assert "<b>" not in page


# Board pages


def board(dataset, track, table=None, reported=()):
    tables = {(dataset, track): typed(table)} if table else {}
    content = Content(ROOT / "leaderboard", "https://example.org/", tables=tables, reported=list(reported))
    return html.unescape(board_page(get_dataset(dataset), track, content, DATASETS))


def test_a_board_links_to_all_others(crowd):
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


def test_an_empty_board_shows_the_reported_rows():
    reported = load_reported(ROOT / "leaderboard/reported")
    page = board("chexpert-plus", "findings", None, reported)
    assert "No model has been scored on this board yet" in page
    assert (
        "The 31 models of ReXrank's latest snapshot are listed below, reported by ReXrank, not re-scored"
        in words(page)
    )
    table = page.split("<tbody")[1].split("</tbody>")[0]
    assert [words(c) for c in re.findall(r'<td class="rx-rank".*?</td>', table)][:3] == ["1", "2", "3"]
    assert "62 studies · valid split" in words(page), "how many patients they have is not known"
    assert "590 studies of 590 patients" in words(board("iu-xray", "findings"))
    assert "Download the full board" not in page


def test_positions_count_among_reported_rows_only_and_own_rows_come_first(crowd):
    reported = load_reported(ROOT / "leaderboard/reported")
    page = board("iu-xray", "findings", crowd["iu-xray", "findings"], reported)
    main, rest = page.split('id="reported"')
    assert "UniRG-CXR" not in main
    assert "UniRG-CXR" in rest


def test_a_board_of_baselines_shows_them_and_says_that_there_are_no_models(crowd):
    table = {**crowd["iu-xray", "findings"], "rows": [], "incomplete": [], "withdrawn": []}
    page = board(
        "iu-xray", "findings", {**table, "pairs": [], "sensitivity": {}, "stability": {}, "subgroups": None}
    )
    assert "No model has been scored on this board yet" in page
    assert 'data-rx-kind="null"' in page
    assert "best group" not in page


def test_a_board_says_what_its_access_means(crowd):
    small = crowd["chexpert-plus", "findings"]
    restricted = words(board("chexpert-plus", "findings", small))
    withheld = words(board("rexgradient", "findings", {**small, "access": "withheld", "step": 5 / 62}))
    public = words(board("iu-xray", "findings", crowd["iu-xray", "findings"]))
    assert "anyone with credentialed access can read them, and could copy them" in restricted
    assert "The references are withheld: values are rounded to steps of 0.081." in withheld
    assert [t in p for t in ("steps of", "could copy") for p in (public, restricted, withheld)] == [
        False, False, True, False, True, False,
    ]  # fmt: skip


def test_marks_are_given_in_full(crowd):
    page = words(board("iu-xray", "findings", crowd["iu-xray", "findings"]))
    assert "one report serves 31 % of the studies" in page


def test_only_numbers_get_a_minus_sign(crowd):
    table = copy.deepcopy(crowd["iu-xray", "findings"])
    table["rows"][0]["badges"] = [{"code": "C14", "text": "null-like: own minus other [-0.01, 0.02]"}]
    page = words(board("iu-xray", "findings", table))
    assert "null-like: own minus other [−0.01, 0.02]" in page
