"""Every metric on the boards has a page with facts, definition, a tested example, caveats, agreement and source."""

from __future__ import annotations

import doctest
import html
import re
import shutil
from html import unescape
from pathlib import Path

import pytest
from support.needs import reason

from evaluator.datasets.tasks.task import get_task, task_ids
from evaluator.metrics.registry import (
    board_metric_keys,
    get_metric,
    metric_keys,
    presets,
    task_metrics,
    text_metric_keys,
)
from evaluator.site.content import read_content
from evaluator.site.metrics import (
    AGREEMENT,
    FACTS,
    LISTS,
    OTHERS,
    agreement,
    agreement_table,
    fill,
    metric_facts,
    published_studies,
)

PAGES = Path(__file__).parents[2] / "site/metrics"
KEYS = tuple(k for k in metric_keys() if (PAGES / f"{k}.md").is_file())
SECTIONS = (
    "## Definition",
    "## Worked example",
    "## Caveats and known failures",
    "## Agreement with radiologists",
    "## Source",
)


TITLES = {get_task(task).title: task_metrics(task) for task in task_ids()}


def test_every_metric_that_rexrank_publishes_has_a_page():
    assert {k for keys in presets().values() for k in keys} <= set(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_a_metric_page_says_what_readers_ask(key):
    page = (PAGES / f"{key}.md").read_text("utf-8")
    assert page.count(FACTS) == page.count(AGREEMENT) == 1
    for section in SECTIONS:
        body = page.split(section, 1)[1].split("\n## ", 1)[0]
        assert len(body.strip()) > 20, section
    assert "    " in page.split("## Definition", 1)[1], "a formula"


EXAMPLE_NEEDS = {"bertscore": "bert_score", "ratescore": "torch", "rouge_l": "rouge_score"}
"""By metric, the package that its worked example imports and the base installation lacks."""


@pytest.mark.parametrize("key", KEYS)
def test_the_worked_example_is_what_the_code_computes(key):
    page = (PAGES / f"{key}.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert blocks
    parsed = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, key, None, 0)
    if module := EXAMPLE_NEEDS.get(key):
        pytest.importorskip(module, reason=reason("score"))
    assert doctest.DocTestRunner().run(parsed).failed == 0
    assert any(example.want for example in parsed.examples)


@pytest.mark.parametrize("key", KEYS)
def test_facts_are_those_of_the_code(key, leaderboard):
    content = read_content(leaderboard, "https://example.org/")
    page = html.unescape(metric_facts(key, content))
    metric = get_metric(key)
    assert ("lower mean is better" in page) == metric.reciprocal
    assert ('<th scope="row">Track</th>' in page) == (key == "crimson")
    assert all(f"<code>{v}" in unescape(page) for v in metric.variants)
    assert (page.count("huggingface.co") + page.count("PhysioNet:") + page.count("pypi.org")) >= len(
        metric.weights
    ) * (key != "radgraph_f1")
    signatures = {m.signature for t in content.tables.values() for m in t.metrics if m.key == key}
    assert ("not on any board yet" in page) == (not signatures)
    assert page.count("leaderboards/sandbox/findings") == len(signatures)


def test_agreement_numbers_have_sources_and_lie_in_their_intervals():
    studies = published_studies()
    assert all(study.source for study in studies.values())
    for key in metric_keys():
        values = get_metric(key).agreement
        assert not values or "agreement" in vars(type(get_metric(key))), (
            "of the metric itself, not of one it extends"
        )
        assert set(values) <= set(studies)
        for value in values.values():
            if isinstance(value, tuple):
                assert value[1] < value[0] < value[2]
            if isinstance(value, float):
                assert -1 < value < 1
        assert agreement(key).count("<tr>") == (len(values) + 1 if values else 0)
    assert agreement_table().count("<tr>") == len(set(board_metric_keys()) & set(text_metric_keys())) + 1


def test_every_metric_is_listed_and_has_a_page(leaderboard, tmp_path):
    """Under its task if it is on a board, else among the others; the index names none by hand."""
    docs = tmp_path / "site"
    shutil.copytree(PAGES, docs / "metrics")
    assert (PAGES / "index.md").read_text("utf-8").count(LISTS) == 1
    fill(docs, read_content(leaderboard, "https://example.org/"))
    index = html.unescape((docs / "metrics/index.md").read_text("utf-8"))
    tables = {
        title: index.partition(f"## {title}\n")[2].partition("</table>")[0] for title in (*TITLES, OTHERS)
    }
    for key in metric_keys():
        metric = get_metric(key)
        there = {title for title, table in tables.items() if f'href="{key}/"' in table}
        assert there == ({t for t, keys in TITLES.items() if key in keys} or {OTHERS})
        assert metric.summary, f"{key} says nothing of itself"
        assert all(metric.summary in tables[title] for title in there)
        page = (docs / "metrics" / f"{key}.md").read_text("utf-8")
        assert FACTS not in page
        assert AGREEMENT not in page
