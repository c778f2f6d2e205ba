"""The board's table: order, groups, marks, and numbers no more precise than what is known."""

from __future__ import annotations

import copy
import html
import re
from pathlib import Path

import pytest
from support import tables
from support.tables import typed

from evaluator.leaderboard.row import Inputs, MetricCell, Row
from evaluator.metrics.registry import get_metric, presets
from evaluator.scoring.intervals import display
from evaluator.site.board.cells import cells_of, shown_parts
from evaluator.site.board.columns import heads
from evaluator.site.board.table import SHORT_MARKS, board_table, board_view, short_marks
from evaluator.site.words import inputs_of, number

HOSTILE = "</th><script>alert(1)</script> | **x** [y](javascript:alert(1)) & \"'"


@pytest.fixture
def table(crowd):
    return copy.deepcopy(crowd["iu-xray", "findings"])


def made(table):
    return board_table(typed(table), root="../../../")


def bodies(markup):
    return dict(re.findall(r'<tbody data-rx-group="(\w+)">(.*?)</tbody>', markup, re.DOTALL))


def ids(body):
    return [html.unescape(i) for i in re.findall(r'<tr[^>]* data-rx-id="([^"]+)"', body)]


def words(markup):
    return html.unescape(re.sub(r"<[^>]+>", " ", markup))


def entry(key, mean, low=None, high=None, n_failed=0):
    numbers = {"mean": mean, "low": low, "high": high}
    return MetricCell.model_validate(
        tables.cell(
            mean, low=low, high=high, n_failed=n_failed, display=display(get_metric(key), **numbers).fields()
        )
    )


def test_groups_are_separate_and_in_order(table):
    groups = bodies(made(table))
    assert list(groups) == ["rows", "incomplete", "withdrawn"]
    for group in ("incomplete", "withdrawn"):
        assert ids(groups[group]) == [r["id"] for r in table[group]]
    nulls = {r["id"] for r in table["nulls"]}
    assert [i for i in ids(groups["rows"]) if i not in nulls] == [r["id"] for r in table["rows"]]
    for row in table["incomplete"]:
        assert row["why_unranked"] in words(groups["incomplete"])
    assert groups["rows"].count("rx-group") == 0


def place_of_null(table, mean):
    table["nulls"] = table["nulls"][:1]
    table["nulls"][0]["metrics"]["radcliq_v1"]["mean"] = mean
    lines = board_view(typed(table), root="../").groups[0].rows
    (place,) = [i for i, line in enumerate(lines) if line.kind == "null"]
    return place, lines[place]


def test_a_baseline_stands_where_it_would_rank_and_has_no_rank(table):
    means = [r["metrics"]["radcliq_v1"]["mean"] for r in table["rows"]]
    n = len(means)
    for mean, place in ((means[0] - 1, 0), (means[2], means.count(means[2]) + 2), (means[-1] + 1, n)):
        position, line = place_of_null(table, mean)
        assert position == place
        assert (line.rank, line.top, line.address) == ("", False, "")
        assert "sees no images" in line.about
    del table["nulls"][0]["metrics"]["radcliq_v1"]
    assert board_view(typed(table), root="../").groups[0].rows[-1].kind == "null"


def test_a_board_of_baselines_alone_has_no_empty_group(table):
    groups = bodies(made({**table, "rows": [], "incomplete": [], "withdrawn": []}))
    assert list(groups) == ["rows"]


def test_every_row_has_a_cell_for_every_heading(table):
    markup = made(table)
    heads = markup.split("</thead>")[0].count("<th ")
    for row in re.findall(r"<tr[^>]*data-rx-id.*?</tr>", markup, re.DOTALL):
        assert row.count("<td") + row.count("<th ") == heads
    assert set(re.findall(r'colspan="(\d+)"', markup)) == {str(heads)}


def test_every_heading_says_which_direction_is_better_and_what_it_means(table):
    columns = heads(typed(table).metrics, "radcliq_v1", "../")
    assert [h.key for h in columns[:2]] == ["radcliq_v1", "radcliq_v1_mean"]
    assert {h.key: h.arrow for h in columns if h.arrow == "↓"} == {"radcliq_v1_mean": "↓"}
    markup = made(table)
    for head in columns:
        assert head.about.endswith(".")
        assert head.address.startswith("../metrics/")
        assert f'popovertarget="rx-what-{head.key}"' in html.unescape(markup)
        assert f'id="rx-what-{head.key}"' in html.unescape(markup)


def test_the_usual_columns_are_those_of_rexrank_and_the_headline(table):
    columns = heads(typed(table).metrics, "radcliq_v1", "../")
    extra = {h.key for h in columns if h.extra}
    assert extra == {m["key"] for m in table["metrics"]} - {*presets()["rexrank-2026"]}
    assert {"rouge_l", "chexbert_micro_f1_14"} <= extra
    assert all(not h.extra for h in heads(typed(table).metrics[1:3], "rouge_l", "../"))


def test_the_same_numbers_get_the_same_marks(table):
    key = "bleu_2"
    for place, row in enumerate(table["rows"]):
        row["metrics"][key] = entry(key, [0.5004, 0.5001, 0.4999, 0.4, 0.4][min(place, 4)])
    cells_with_marks = re.findall(r'<td data-value="(0\.[45]\d*)"(?: class="(rx-\w+)")?', made(table))
    marks = {
        value: mark for value, mark in cells_with_marks if value in {"0.5004", "0.5001", "0.4999", "0.4"}
    }
    assert marks == {"0.5004": "rx-best", "0.5001": "rx-best", "0.4999": "rx-best", "0.4": "rx-second"}


def test_baselines_and_unranked_rows_are_never_the_best(table):
    groups = bodies(made(table))
    for group in ("incomplete", "withdrawn"):
        assert "rx-best" not in groups[group]
        assert "data-rx-heat" not in groups[group]
    for row in board_view(typed(table), root="../").groups[0].rows:
        if row.kind == "null":
            assert {(c.number.mark, c.number.heat) for c in row.cells} == {("", "")}


def test_shading_runs_from_the_worst_to_the_best(table):
    for place, row in enumerate(table["rows"]):
        # Values that no other metric of the board has.
        row["metrics"]["rouge_l"] = entry("rouge_l", 7.9 - place / 14)
    levels = re.findall(r'data-value="7\.\d+"[^>]*data-rx-heat="(\d)"', bodies(made(table))["rows"])
    assert levels[0] == "4"
    assert levels[-1] == "0"
    assert levels == sorted(levels, reverse=True)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (("bleu_2", 0.25, 0.2, 0.3), ("0.250", "0.200", "0.300", "")),
        (("bleu_2", 0.25), ("0.250", "", "", "")),
        (("semb_score", -0.0651, -0.1, -0.03), ("−0.065", "−0.100", "−0.030", "")),
        (("fineradscore", 0.5, 0.4, 0.625), ("2.000", "1.600", "2.500", "")),
        (("fineradscore", 0.1, -0.1, 0.4), ("10.000", "2.500", "∞", "no upper bound: the mean may be 0")),
        (
            ("fineradscore", -0.02, -0.1, 0.04),
            ("−0.020", "−0.100", "0.040", "the mean; 1/mean is undefined at or below 0"),
        ),
        (("fineradscore", 0.0), ("0.000", "", "", "the mean; 1/mean is undefined at or below 0")),
        (("radcliq_v1", 0.5, 0.458, 0.543), ("0.501", "0.490", "0.512", "")),
        (("radcliq_v1", 2.4501430833271307), ("0.000", "", "", "")),
        (("radcliq_v1", -1.4406902828), ("1.000", "", "", "")),
        (("radcliq_v1", 11.6, 11.0, 12.0), ("−2.352", "−2.454", "−2.197", "")),
    ],
)
def test_numbers_as_shown(given, shown):
    assert shown_parts(entry(*given), 3) == shown


def shown(table, key, cell):
    """The first model's cells, from this metric's on."""
    table["rows"][0]["metrics"][key] = cell
    value = typed(table)
    columns = [h.key for h in heads(value.metrics, value.primary, "")]
    return cells_of(value.rows[0], value, {}, {}, None)[columns.index(key) :]


@pytest.mark.parametrize(
    ("mean", "beside"),
    [
        (0.5, ("0.500", ("1/mean 2.000",), "2.000")),
        (1 / 722.8, ("0.001", ("1/mean 722.800",), "722.800")),
        (0.0, ("0.000", ("no 1/mean",), "")),
        (-1 / 0.611, ("−1.637", ("no 1/mean",), "")),
    ],
)
def test_the_mean_and_rexranks_reciprocal_are_shown_with_a_skill(table, mean, beside):
    _, second, *_ = shown(table, "radcliq_v1", entry("radcliq_v1", mean))
    assert (second.number.value, second.number.notes, second.beside) == beside
    assert float(second.number.sort) == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "digits"),
    [({}, 3), ({"access": "withheld", "step": 5 / 62}, 2)],
    ids=["restricted", "withheld"],
)
def test_a_small_dataset_shows_as_many_decimals_as_its_step(crowd, change, digits):
    body = bodies(made(crowd["chexpert-plus", "findings"] | change))["rows"]
    values = re.findall(r'<td data-value="[^"]+"[^>]*>([^<\n]+)\n<small>', body)
    assert values
    assert all(re.fullmatch(rf"−?\d+\.\d{{{digits}}}", v) for v in values)


def test_failed_and_missing_scores_are_mentioned(table):
    failed, *_ = shown(table, "green", entry("green", 0.5, 0.4, 0.6, 12))
    assert failed.number.notes == ("12 failed",)
    well, *_ = shown(table, "green", entry("green", 0.5, 0.4, 0.6))
    assert well.number.notes == ()
    del table["rows"][0]["metrics"]["green"]
    assert "–" in made(table)
    assert all(c.number.value for c in board_view(typed(table), root="").groups[0].rows[1].cells)


def test_the_headline_has_a_bar_with_its_interval_and_the_best_baseline(table):
    for line in board_view(typed(table), root="").groups[0].rows:
        first, *others = line.cells
        low, mean, high = (float(v) for v in (first.bar.low, first.bar.mean, first.bar.high))
        assert 0 <= low <= mean <= high <= 100
        assert 0 <= float(first.bar.null) <= 100
        assert not any(c.bar for c in others)


def test_a_model_says_what_it_is(table):
    row = table["rows"][1]
    row |= {"institution": "A lab", "parameters": "7B", "open_weights": True, "trained_on_dataset": True}
    row |= {"status": "superseded", "inputs": {"views": "frontal", "context": "indication+prior"}}
    text = words(made(table))
    for wanted in (
        "A lab · 7B · open weights",
        "trained on its source",
        "superseded",
        "frontal view, indication, prior study",
    ):
        assert wanted in text


def test_marks_are_short_in_the_table():
    badges = [
        {
            "code": "C10",
            "text": "template collapse: 3.9% distinct reports, one of them for 44% of the studies",
        },
        {"code": "C15", "text": "radcliq_v1: mean -0.1 is below 0"},
        {"code": "C9", "text": "repetitive"},
    ]
    assert short_marks(Row.model_validate(tables.row(badges=badges))) == [
        "template collapse",
        "implausibly good",
        "repetitive",
    ]


def test_the_mark_of_every_check_says_what_it_means():
    """No count and no metric's key is used for a check; C10, C14 and C22 say what they mean."""
    page = (Path(__file__).parents[3] / "site" / "integrity.md").read_text("utf-8")
    codes = {f"C{n}" for n in re.findall(r'id="c(\d+)"', page)}
    assert codes - SHORT_MARKS.keys() == {"C10", "C14", "C22"}
    badges = [{"code": "C23", "text": "green: 21 of 200 studies score far above what was to be expected"}]
    assert short_marks(Row.model_validate(tables.row(badges=badges))) == ["judge outliers"]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"views": "all", "context": "none"}, "all views"),
        ({"views": "none", "context": "all"}, "no image, all context"),
        ({}, "unknown"),
        ({"views": "sideways", "context": ""}, "sideways"),
    ],
)
def test_inputs_in_words(inputs, said):
    assert inputs_of(Inputs(**inputs)) == said


def test_hostile_words_stay_text(table):
    row = table["rows"][0]
    row |= {"name": HOSTILE, "institution": HOSTILE, "parameters": HOSTILE}
    row["inputs"] = {"views": HOSTILE, "context": HOSTILE}
    row["badges"] = [{"code": "C9", "text": HOSTILE}]
    row["why_unranked"] = HOSTILE
    table["nulls"][0]["name"] = HOSTILE
    markup = made(table)
    assert "<script" not in markup
    assert not re.search(r"[`*|](?![^<]*>)", re.sub(r"<[^>]+>", "", markup))
    assert markup.count("alert(1)") == 0


@pytest.mark.parametrize(("value", "shown"), [(0.0, "0.000"), (-0.0001, "0.000"), (-1.0, "−1.000")])
def test_no_negative_zero(value, shown):
    assert number(value) == shown
