"""Intervals, rank ranges and duels: charts and text show what the tests found."""

from __future__ import annotations

import copy
import html
import re

import pytest
from support.tables import typed

from evaluator.site.board.intervals import intervals
from evaluator.site.board.pairwise_tests import pairwise_tests


@pytest.fixture
def table(crowd):
    return copy.deepcopy(crowd["iu-xray", "findings"])


def rows(markup):
    """The rows of the first table."""
    return re.findall(r"<tr[^>]*>(.*?)</tr>", markup.split("<tbody>")[1].split("</tbody>")[0], re.DOTALL)


def cells(row):
    parts = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]+>", "", c)).strip() for c in parts]


def numbers(listed):
    """The numbers of "1–3, 5"."""
    if listed == "none":
        return []
    parts = [p.split("–") for p in listed.split(", ")]
    return [n for p in parts for n in range(int(p[0]), int(p[-1]) + 1)]


def counts(cell):
    """How many models a cell counts, and how many of those are within the margin: "32 within the margin" is (3, 2)."""
    match = re.fullmatch(r"(\d+?)(?:(\d+) within the margin)?", cell)
    return int(match[1]), int(match[2] or 0)


def test_pairwise_tests_agree_with_the_rank_ranges(table):
    n = len(table["rows"])
    lines = rows(pairwise_tests(typed(table)))
    assert len(lines) == n
    for place, (row, line) in enumerate(zip(table["rows"], lines, strict=True), 1):
        number, name, figure, better, undecided, worse, _ = cells(line)
        assert (int(number), name) == (place, row["name"])
        (better, little), (worse, few) = counts(better), counts(worse)
        # The ranges are widened until they follow the order of the means.
        assert worse >= row["rank_low"] - 1
        assert better >= n - row["rank_high"]
        assert better + worse + little + few + len(numbers(undecided)) + 1 == n
        assert f"statistically tied with {undecided}" in figure


def test_pairwise_drawings_match_their_words(table):
    for row in rows(pairwise_tests(typed(table))):
        better, undecided, worse = (cells(row)[i] for i in (3, 4, 5))
        figures = {}
        for name, path in re.findall(r'<path class="rx-(\w+)" d="([^"]+)"', html.unescape(row)):
            figures[name] = figures.get(name, 0) + sum(
                int(w) for w in re.findall(r"M\d+ [\d.]+h(\d+)v", path)
            )
        assert figures.get("better", 0) == sum(counts(better))
        assert figures.get("worse", 0) == sum(counts(worse))
        assert figures["self"] == 1
        assert numbers(undecided) == sorted(numbers(undecided))


def test_the_leader_of_a_pair_that_rounds_to_nothing_is_known(table):
    order = [r["id"] for r in table["rows"]]
    for pair in table["pairs"]:
        first = order.index(pair["a"]) < order.index(pair["b"])
        pair |= {"difference": 0.0, "p": 0.001, "better": "a" if first else "b", "matters": True}
    lines = [cells(r) for r in rows(pairwise_tests(typed(table)))]
    assert [int(c[3]) for c in lines] == list(range(len(lines) - 1, -1, -1))


def test_a_significant_difference_within_the_margin_is_an_outcome_of_its_own(table):
    order = [r["id"] for r in table["rows"]]
    for pair in table["pairs"]:
        first = order.index(pair["a"]) < order.index(pair["b"])
        pair |= {"p": 0.001, "better": "a" if first else "b", "matters": False}
    markup = pairwise_tests(typed(table))
    lines = [cells(r) for r in rows(markup)]
    n = len(lines)
    assert [counts(c[3]) for c in lines] == [(0, n - 1 - i) for i in range(n)]
    assert [counts(c[5]) for c in lines] == [(0, i) for i in range(n)]
    assert {c[4] for c in lines} == {"none"}
    assert f"better, but within the equivalence margin, than 2–{n}" in lines[0][2]
    assert "smaller than 0.03, the margin within which models count as equivalent" in html.unescape(markup)


def test_p_against_the_next_is_that_of_the_pair(table):
    first, second = table["rows"][:2]
    (pair,) = [p for p in table["pairs"] if {p["a"], p["b"]} == {first["id"], second["id"]}]
    pair["p"] = 0.0321
    texts = [cells(r)[-1] for r in rows(pairwise_tests(typed(table)))]
    assert texts[0] == "0.032"
    assert texts[-1] == "–"


@pytest.mark.parametrize("change", [{"rows": []}, {"pairs": []}])
def test_no_pairwise_tests_without_pairs(table, change):
    assert pairwise_tests(typed({**table, **change})) == ""


def test_intervals_hold_their_means(table):
    for row in rows(intervals(typed(table))):
        a, b = (float(x) for x in re.search(r'rx-span" x1="([\d.]+)%" x2="([\d.]+)%"', row).groups())
        mean = float(re.search(r'cx="([\d.]+)%" cy="10" r="4.5"', row)[1])
        assert 0 <= a <= mean <= b <= 100
        low, high = (float(x) for x in re.search(r'rx-band" x1="([\d.]+)%" x2="([\d.]+)%"', row).groups())
        assert 0 <= low <= high <= 100


def test_intervals_say_skill_and_rank(table):
    for row, line in zip(table["rows"], rows(intervals(typed(table))), strict=True):
        texts = cells(line)
        assert texts[0] == row["name"]
        assert texts[4] == (
            f"{row['rank_low']}"
            if row["rank_low"] == row["rank_high"]
            else f"{row['rank_low']}–{row['rank_high']}"
        )
        assert f"skill {texts[3]}, 95 % interval" in texts[1]


def test_the_best_baseline_is_drawn_and_named(table):
    markup = intervals(typed(table))
    assert "rx-nullline" in markup
    assert "Normal template" in markup
    assert "rx-nullline" not in intervals(typed({**table, "nulls": []}))


def test_a_board_of_one_model(table):
    table["rows"] = table["rows"][:1]
    table["rows"][0] |= {"rank_low": 1, "rank_high": 1}
    assert "rank 1" in intervals(typed(table))


def test_without_intervals_there_is_no_figure(table):
    for row in table["rows"]:
        row["metrics"]["radcliq_v1"] |= {"low": None, "high": None}
    assert intervals(typed(table)) == ""


def test_the_other_metrics_have_intervals_too_best_first(table):
    folded = intervals(typed(table)).split("<summary>Intervals for the other metrics</summary>")[1]
    parts = re.findall(r"<summary>([^<]+)</summary>(.*?)</details>", folded, re.DOTALL)
    assert len(parts) == len(table["metrics"]) - 1
    for title, part in parts:
        (metric,) = [m for m in table["metrics"] if m["title"] == html.unescape(title)]
        means = [float(cells(r)[-1].replace("−", "-")) for r in rows(part)]
        assert len(means) == sum(metric["key"] in r["metrics"] for r in table["rows"])
        assert means == sorted(means, reverse=metric["higher_is_better"])
        assert f'href="#rx-grid-{metric["key"]}"' in html.unescape(part)
        assert f'id="rx-grid-{metric["key"]}"' in html.unescape(part)
