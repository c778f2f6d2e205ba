"""Subgroups: means and gaps in the board's order, and no claim without an interval."""

from __future__ import annotations

import copy
import html
import re

import pytest
from support.tables import typed

from evaluator.site.board.subgroups import subgroups


@pytest.fixture
def table(crowd):
    return copy.deepcopy(crowd["iu-xray", "findings"])


def axis(markup, name):
    title = name.replace("_", "&#95;")
    return re.search(rf'<details class="rx-fold" data-rx-axis="{title}">.*?</details>', markup, re.DOTALL)[0]


def said(markup):
    return html.unescape(re.sub(r"<[^>]+>", " ", markup))


def test_models_stand_in_the_order_of_the_board(table):
    part = axis(subgroups(typed(table)), "sex").split("Gaps by")[0]
    names = [
        html.unescape(n) for n in re.findall(r'<th scope="row" class="rx-model"><bdi>(.*?)</bdi></th>', part)
    ]
    assert names == [r["name"] for r in table["rows"]]


def test_gaps_are_raw_standardised_and_beyond_the_baseline(table):
    part = said(axis(subgroups(typed(table)), "sex"))
    for wanted in ("Raw gap", "Standardised gap", "Beyond the baseline", "94 %", "0.030"):
        assert wanted in part


def test_an_axis_without_intervals_names_no_worst_group(table):
    markup = subgroups(typed(table))
    assert "worst group" in axis(markup, "sex")
    assert "worst group" not in axis(markup, "age_group")
    assert "Too few studies for a standardised gap" in said(axis(markup, "age_group"))
    assert "Standardised gap" not in axis(markup, "age_group")


def test_one_group_with_an_interval_is_not_the_worst(table):
    for model in table["subgroups"]["axes"][0]["models"].values():
        model["groups"]["b"] |= {"low": None, "high": None}
    assert "worst group" not in axis(subgroups(typed(table)), "sex")


def test_an_axis_of_the_mix_says_why_it_has_no_standardised_gap(table):
    first = table["subgroups"]["axes"][0]
    first["axis"] = "length"
    for model in first["models"].values():
        for gap in model["gaps"]:
            gap |= {"standardised": None, "covered": None}
    assert "this variable is one of those standardised for" in said(axis(subgroups(typed(table)), "length"))


def test_a_board_without_groups_has_no_view(table):
    assert subgroups(typed({**table, "subgroups": None})) == ""
    assert subgroups(typed({**table, "subgroups": {**table["subgroups"], "axes": []}})) == ""


def test_hostile_names_of_groups_stay_text(table):
    axis = table["subgroups"]["axes"][0]
    axis["groups"][0]["name"] = "<script>x</script>"
    assert "<script" not in subgroups(typed(table))
