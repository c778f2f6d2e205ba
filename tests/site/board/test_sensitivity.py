"""Other ranking rules: which model would win, how well the orders agree, how stable the first place is."""

from __future__ import annotations

import copy
import html
import re

import pytest
from support.tables import typed

from evaluator.site.board.sensitivity import sensitivity


@pytest.fixture
def table(crowd):
    return copy.deepcopy(crowd["iu-xray", "findings"])


def rules(markup):
    parts = re.findall(r'<tr data-rx-rule="([^"]+)">(.*?)</tr>', markup, re.DOTALL)
    return {
        html.unescape(name): [
            html.unescape(re.sub(r"<[^>]+>", " ", c)).strip() for c in re.findall(r"<td[^>]*>(.*?)</td>", row)
        ]
        for names, row in parts
        for name in names.split("; ")
    }


def test_rules_over_metrics_come_before_single_metrics(table):
    names = list(rules(sensitivity(typed(table))))
    assert names[0] == "Mean rank across metrics"
    assert [n.endswith("alone") for n in names] == sorted(n.endswith("alone") for n in names)
    assert names[-1].endswith("alone")
    assert not any(r.startswith("RadCliQ") for r in names)


def test_a_metric_alone_is_won_by_its_best(table):
    best = max(table["rows"], key=lambda r: r["metrics"]["rouge_l"]["mean"])
    first, tau, _ = rules(sensitivity(typed(table)))["ROUGE-L alone"]
    assert first.startswith(best["name"])
    assert ("not first on this board" in first) == (best is not table["rows"][0])
    assert -1 <= float(tau.replace("−", "-")) <= 1


def test_rules_repeat_the_table(table):
    entry = table["sensitivity"]["rules"]["borda"]
    _, tau, moves = rules(sensitivity(typed(table)))["Borda count across metrics"]
    assert float(tau) == pytest.approx(entry["tau"], abs=0.005)
    assert float(moves) == entry["moved"] > 0


def test_the_same_order_agrees_fully(table):
    for row in table["rows"]:
        row["metrics"]["bleu_2"]["mean"] = -row["metrics"]["radcliq_v1"]["mean"]
    markup = sensitivity(typed(table))
    assert "BLEU-2 alone" not in rules(markup)
    assert "The same order as on this board: BLEU-2 alone." in html.unescape(markup)


def test_rules_that_say_the_same_share_a_row(table):
    mean = table["sensitivity"]["rules"]["mean_rank"]
    table["sensitivity"]["rules"]["median_rank"] |= {key: mean[key] for key in ("order", "ties")}
    markup = sensitivity(typed(table))
    assert re.search(
        r'data-rx-rule="Mean rank across metrics; Median rank across metrics[;"]', html.unescape(markup)
    )


def test_every_rank_has_a_heading(table):
    """Also where rules give the board's order, or the same other one, and so share a column or have none."""
    mean = table["sensitivity"]["rules"]["mean_rank"]
    table["sensitivity"]["rules"]["median_rank"] |= {key: mean[key] for key in ("order", "ties")}
    for row in table["rows"]:
        row["metrics"]["bleu_2"]["mean"] = -row["metrics"]["radcliq_v1"]["mean"]
    markup = sensitivity(typed(table))
    part = html.unescape(markup).rpartition("Every model's rank under every rule")[2]
    head, *lines = re.findall(r"<tr>(.*?)</tr>", part, re.DOTALL)
    assert head.count("<th") == 2 + markup.count("data-rx-rule=")
    assert [len(re.findall(r"<t[hd]\b", line)) for line in lines] == [head.count("<th")] * len(table["rows"])


def test_if_every_rule_gives_the_boards_order_a_sentence_says_so(table):
    table["metrics"] = [m for m in table["metrics"] if m["key"] in {"radcliq_v1", "bleu_2"}]
    table["sensitivity"] = {}
    for row in table["rows"]:
        row["metrics"]["bleu_2"]["mean"] = -row["metrics"]["radcliq_v1"]["mean"]
    markup = sensitivity(typed(table))
    assert "First place under other ranking rules" not in markup
    assert "under every rule" not in markup
    assert "The same order as on this board" in markup


def test_models_without_a_metric_stand_out_of_its_rule(table):
    markup = sensitivity(typed(table))
    assert any("green" not in r["metrics"] for r in table["rows"])
    assert '<td class="rx-none">–</td>' in markup


def test_first_places_over_resamples_are_listed(table):
    table["stability"]["models"] = {
        r["id"]: {"first": share, "top3": 1.0}
        for r, share in zip(table["rows"], [0.7, 0.298, 0.002] + [0.0] * 9, strict=True)
    }
    text = html.unescape(re.sub(r"<[^>]+>", "", sensitivity(typed(table))))
    names = [r["name"] for r in table["rows"]]
    assert f"{names[0]} in 70 %, {names[1]} in 30 % of the resamples" in text


@pytest.mark.parametrize("change", [{"rows": []}, {"sensitivity": {}, "stability": {}}])
def test_a_board_with_too_few_models_shows_no_sensitivity(table, change):
    if "sensitivity" in change:
        table["metrics"] = [m for m in table["metrics"] if m["key"] == "radcliq_v1"]
    assert sensitivity(typed({**table, **change})) == ""
