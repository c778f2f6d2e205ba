"""Every metric of the boards has a page with definition, range, caveats, agreement and source."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.metrics.registry import board_metric_keys

PAGES = Path(__file__).parents[2] / "site/metrics"


@pytest.mark.parametrize("key", board_metric_keys())
def test_a_metric_page_says_what_readers_ask(key):
    text = (PAGES / f"{key}.md").read_text("utf-8")
    assert "is better" in text or "lower-is-better" in text
    for section in ("## Definition", "## Mind", "## Agreement with radiologists", "## Source"):
        body = text.split(section, 1)[1].split("\n## ", 1)[0]
        assert len(body.strip()) > 30, section
    assert "    " in text.split("## Definition", 1)[1], "a formula"
    assert f"({key}.md)" in (PAGES / "index.md").read_text("utf-8")
