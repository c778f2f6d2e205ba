"""The list of models: one row each, withdrawn ones last, ReXrank's reported rows below or, with no model yet,
instead."""

from __future__ import annotations

import html
import re

import pytest
from support.boards import ROOT, URL
from support.crowd import make_crowd

from evaluator.site.content import read_content
from evaluator.site.model.index import models_index


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crowd")
    make_crowd(folder, ("iu-xray", "mimic-cxr"), n_models=6, n_studies=30)
    return html.unescape(models_index(read_content(folder, URL)))


def test_every_model_has_one_row_and_withdrawn_ones_are_last(page):
    rows = re.findall(
        r'<tr data-rx-views.*?data-rx-status="(\w+)".*?<bdi>(.*?)</bdi>(.*?)</tr>', page, re.DOTALL
    )
    names = [name for _, name, _ in rows]
    assert len(names) == len(set(names)) == 9
    assert [status for status, _, _ in rows].index("withdrawn") == 8
    assert names[0] == "CheXplain"
    assert all(cells.count("<td data-value") == 5 for _, _, cells in rows), "two datasets, both tracks, date"
    assert "<caption" in page
    assert "#reported" not in page


def test_before_the_first_model_the_reported_ones_are_shown():
    page = html.unescape(models_index(read_content(ROOT / "leaderboard", URL)))
    assert "No model has been scored here yet" in page
    assert "Reported by ReXrank, not re-scored" in page
    rows = re.findall(r'data-rx-status="reported"', page)
    assert len(rows) == len(
        set(re.findall(r'<bdi class="rx-name">(.*?)</bdi><small class="rx-made">(.*?)</small>', page))
    )
    assert len(rows) > 25
    tracks = re.findall(r'<th scope="colgroup"[^>]*data-rx-track="(\w+)"', page)
    assert tracks[0] == "findings"
    for track in tracks:
        values = re.findall(rf'<td data-value="(\d*)" data-rx-track="{track}"', page)
        assert {"1", "2", "3"} <= set(values), f"positions on the boards of {track}"
