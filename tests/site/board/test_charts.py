"""Scatter and progress charts: names that do not overlap, and a line that only improves."""

from __future__ import annotations

import copy
import html
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import typed

from evaluator.leaderboard.history import Event
from evaluator.site.board.charts import ticks
from evaluator.site.board.progress import progress
from evaluator.site.board.scatters import FIRST_LABELS, LETTER, TYPICAL_WIDTH, _labels, scatters

ROOT = "../../../"


@pytest.fixture
def table(crowd):
    return copy.deepcopy(crowd["iu-xray", "findings"])


def svgs(markup):
    text = markup.replace("<svg", '<svg xmlns:xlink="x"')
    return [ET.fromstring(html.unescape(s)) for s in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


def box(label):
    x, y = float(label.x.rstrip("%")) / 100 * TYPICAL_WIDTH, float(label.y)
    wide = LETTER * len(label.words)
    start = {"start": 0.0, "end": wide, "middle": wide / 2}[label.anchor]
    return x + label.dx - start, y - 11, x + label.dx - start + wide, y + 3


@given(st.lists(st.tuples(st.floats(9, 94), st.floats(44, 290)), min_size=1, max_size=60))
def test_no_name_covers_another(points):
    labels = _labels(points, [f"Model {i:02d}" for i in range(len(points))])
    assert labels
    boxes = [box(m) for m in labels]
    assert sum(not m.wide for m in labels) <= FIRST_LABELS
    for i, a in enumerate(boxes):
        assert a[0] > 0
        assert a[2] < TYPICAL_WIDTH
        # Coordinates are written to a tenth of a pixel at most.
        assert not any(
            a[0] + 0.2 < b[2] and b[0] + 0.2 < a[2] and a[1] + 0.2 < b[3] and b[1] + 0.2 < a[3]
            for b in boxes[:i]
        )


def test_a_scatter_shows_every_model_that_has_both(table):
    figures = svgs(scatters(typed(table), ROOT))
    assert len(figures) == len(table["metrics"]) - 1
    green = figures[0]
    have = [r for r in table["rows"] if "green" in r["metrics"]]
    assert len(have) < len(table["rows"])
    assert len(green.findall(".//a")) == len(have)
    assert [a.get("{x}href") for a in green.findall(".//a")] == [f"{ROOT}models/{r['id']}/" for r in have]
    titles = [t.text for t in green.findall(".//circle/title")]
    assert [t.split(": RadCliQ")[0] for t in titles] == [r["name"] for r in have]


def test_figures_have_names_and_descriptions(table):
    for svg in svgs(scatters(typed(table), ROOT) + progress(typed(table), [], ROOT)):
        ids = svg.get("aria-labelledby").split()
        texts = {e.get("id"): e.text for e in svg if e.tag in {"title", "desc"}}
        assert [bool(texts[n]) for n in ids] == [True, True]


def test_the_line_of_progress_only_gets_better(table):
    (svg,) = svgs(progress(typed(table), [], ROOT))
    lines = svg.findall(".//g[@class='rx-steps']/line")
    ys = [float(line.get("y2")) for line in lines]
    # Higher skill is better, and a higher value is further up.
    assert ys == sorted(ys, reverse=True)
    assert len(set(ys)) > 1


def test_best_models_are_listed_newest_first(table):
    part = html.unescape(progress(typed(table), [], ROOT)).split("<details")[1]
    days = re.findall(r'class="rx-words">(\d{4}-\d\d-\d\d)<', part)
    assert days == sorted(days, reverse=True)
    assert re.search(r'class="rx-model"><bdi>([^<]+)</bdi></th><td>', part)[1] == table["rows"][0]["name"]


def test_a_date_is_that_of_the_first_entry(table):
    row = table["rows"][0]
    line = Event(dataset="iu-xray", track="findings", id=row["id"], date="2025-12-24", event="entered")
    later, other = (line.model_copy(update=u) for u in ({"date": "2026-12-24"}, {"track": "report"}))
    days = [html.unescape(progress(typed(table), h, ROOT)) for h in ([line, later], [other])]
    assert ["2025-12-24" in d for d in days] == [True, False]
    assert "2026-12-24" not in days[0]


def test_no_progress_on_a_single_day(table):
    for row in table["rows"]:
        row["submitted"] = "2026-01-01"
    assert progress(typed(table), [], ROOT) == ""


def test_a_single_model_has_no_scatter(table):
    assert scatters(typed({**table, "rows": table["rows"][:1]}), ROOT) == ""


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_ticks_lie_within(low, span):
    values = ticks(low, low + span)
    assert 1 <= len(values) <= 11 or len(values) == 0
    slack = span * 1e-6 + 1e-9
    assert all(low - slack <= t <= low + span + slack for t in values)
