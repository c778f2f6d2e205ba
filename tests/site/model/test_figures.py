"""Small figures in words, and a page's content policy."""

from __future__ import annotations

import re

import pytest
from support import tables

from evaluator.leaderboard.row import MetricCell
from evaluator.leaderboard.table import Column
from evaluator.site.csp import with_policy
from evaluator.site.model.figures import histogram, strip


def entry(mean, low=None, high=None):
    return MetricCell.model_validate(tables.cell(mean, low=low, high=high))


@pytest.mark.parametrize("higher", [True, False])
def test_better_is_to_the_right(higher):
    metric = Column.model_construct(title="M", higher_is_better=higher)
    better, worse = (0.8, 0.2) if higher else (0.2, 0.8)
    view = strip(metric, entry(worse), entry(better), None)
    best = float(re.match(r"M([\d.]+)", view.best)[1])
    assert float(view.own) < best


def test_a_histogram_says_in_words_what_it_shows():
    figure = histogram("BLEU-2", [0.0, 0.5, 1.0])
    assert "3 studies, median 0.500" in figure.label
    assert histogram("x", []) is None
    assert "nan" not in histogram("x", [1.0, 1.0]).bars


def test_the_policy_allows_the_scripts_of_the_page_alone():
    page = '<html><head><meta charset="utf-8"><script src="a.js"></script></head><script>a()</script><script type="application/json">{}</script></html>'
    html = with_policy(page)
    assert html.index("Content-Security-Policy") < html.index("<script")
    assert html.count("sha256-") == 1
    assert with_policy(html) == html
