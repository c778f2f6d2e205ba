"""Agreement measured on RadPref and RadJudge is on the metric pages, and only for metrics that were measured."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from evaluator.core.problems import RexrankError
from evaluator.site.agreement import measured, measured_tables, metric_measured
from evaluator.site.metrics import MEASURED

ROOT = Path(__file__).parents[2]


def plain(markup):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def test_a_metric_page_shows_its_own_measurement():
    page = plain(metric_measured("bleu_2", *measured(ROOT / "leaderboard")))
    assert "100 pairs of reports rated by 3 radiologists" in page
    assert "0.388" in page
    assert "correct in 67 of 86" in page
    assert "5 of 30 cases" in page
    assert "radiologists: 0.775 to 0.799" in page
    assert "Not yet measured" in metric_measured("green", *measured(ROOT / "leaderboard"))


def test_the_overview_has_a_row_for_every_radiologist_and_metric():
    tables = measured_tables(*measured(ROOT / "leaderboard"))
    assert [plain(tables).count(w) for w in ("Radiologist ", "BLEU-2", "ignores the text")] == [3, 2, 1]
    assert len(re.findall("<td>pass</td>", tables)) == 7
    assert (ROOT / "site/metrics/index.md").read_text("utf-8").count(MEASURED) == 1


def test_without_files_the_pages_say_so(tmp_path):
    assert measured(tmp_path) == (None, None)
    assert measured_tables(None, None).count("not been measured here yet") == 2


def test_damaged_files_are_all_named(tmp_path):
    (tmp_path / "agreement").mkdir()
    for name in ("radpref.json", "radjudge.json"):
        (tmp_path / "agreement" / name).write_text("{}")
    with pytest.raises(RexrankError) as error:
        measured(tmp_path)
    assert "radpref.json" in str(error.value)
    assert "radjudge.json" in str(error.value)
