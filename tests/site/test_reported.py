"""What ReXrank published: by snapshot, in its order, with contradictions between a value and its parts."""

from __future__ import annotations

import html
import re

from evaluator.leaderboard.reported import ReportedRow
from evaluator.site.reported import reported_page, reported_section

PARTS = {"radgraph_f1": 0.3, "bertscore": 0.5, "semb_score": 0.6}
"""1/RadCliQ-v1 of 1.528 follows from these."""


def row(model="M", value=1.528, snapshot="2026-08", **facts):
    values = {**PARTS, "radcliq_v1_reciprocal": value}
    first = {"dataset": "iu-xray", "track": "findings", "institution": "I", "year": "2024", "link": ""}
    return ReportedRow(snapshot, model=model, values=values, **(first | facts))


def words(markup):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def test_a_contradiction_is_marked_with_what_the_parts_give():
    _, _, html = reported_section([row("right"), row("wrong", 2.0)], is_open=True)
    assert html.count("rx-wrong") == 1
    assert "2.000 1.528 from its components" in words(html)
    assert "1 of them inconsistent" in html


def test_snapshots_newest_first_and_the_best_on_top():
    rows = [row("low", 1.2, "2024-11-19"), row("b", 1.528), row("a", 3.9), row("none", None)]
    _, _, html = reported_section(rows, is_open=True)
    assert re.findall(r'data-rx-snapshot="([^"]+)"( open)?', html) == [
        ("2026&#45;08", " open"),
        ("2024&#45;11&#45;19", ""),
    ]
    newest = html.split("</details>")[0]
    assert re.findall(r'class="rx-model">(\w+)<', newest)[1:] == ["a", "b", "none"]
    assert " open>" not in reported_section(rows, is_open=False)[2]


def test_columns_are_those_of_the_snapshot():
    _, _, markup = reported_section([row()], is_open=True)
    heads = re.findall(r'data-rx-better="high">([^<]+)<', html.unescape(markup))
    assert heads == ["1/RadCliQ-v1", "BERTScore", "SembScore", "RadGraph-F1"]


def test_only_public_https_links():
    _, _, html = reported_section(
        [row(link="javascript:alert(1)"), row(link="https://example.org/x")], is_open=True
    )
    assert html.count("<a ") == 1


def test_the_page_lists_contradictions_with_their_boards():
    page = reported_page([row("right"), row("wrong", 2.0)])
    assert "1 of 2 rows" in page
    assert '"../iu-xray/findings/#reported"' in html.unescape(page)
    assert "wrong IU X-ray, findings 2026-08 2.000 1.528" in words(page)
    assert "Nothing has been imported yet" in reported_page([])
