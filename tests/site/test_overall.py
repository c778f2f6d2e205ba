"""The page of the overall ranks: the answer in a sentence, the table, and no value that breaks out of it."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import shutil

import pytest
from support.populations import make_populations
from support.site_files import data_files

from evaluator.core.problems import RexrankError
from evaluator.datasets.challenge import challenge
from evaluator.leaderboard.overall import make_overall
from evaluator.leaderboard.overall_files import overall_files, pairwise_name
from evaluator.leaderboard.overall_table import having
from evaluator.leaderboard.reported import ReportedRow
from evaluator.leaderboard.table import read_table
from evaluator.site.api import small_files
from evaluator.site.content import Content, read_content
from evaluator.site.overall import answers, overall_page
from evaluator.site.template import render

URL = "https://example.org/"


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    folder = tmp_path_factory.mktemp("populations")
    make_populations(folder, n_models=7, n_studies=80)
    return read_content(folder, URL)


def words(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.replace("&#45;", "-").replace("&#46;", ".")))


def test_every_model_has_a_row_with_its_range_on_every_dataset(content):
    page = overall_page(content)
    table = content.overall["findings"]
    body = page.split("<tbody>")[1].split("</tbody>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    assert len(rows) == len(table.rows)
    for row, line in zip(table.rows, rows, strict=True):
        cells = [words(c).strip() for c in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", line, re.DOTALL)]
        assert cells[1] == row.name
        assert [c.partition(" ")[0] for c in cells[3:6]] == list(table.place_texts(row).values())
    heads = words(page.split("<thead>")[1].split("</thead>")[0])
    for title in ("Mostly normal, outpatients", "Hospital patients, mostly abnormal", "MIMIC-CXR"):
        assert title in heads


def test_the_page_answers_in_a_sentence(content):
    table = content.overall["findings"]
    best = [r for r in table.rows if r.tied_with_best]
    answer = answers(table)[0]
    assert all(r.name in answer.strong for r in best)
    alone = table.model_copy(
        update={
            "rows": tuple(r.model_copy(update={"tied_with_best": not i}) for i, r in enumerate(table.rows))
        }
    )
    assert answers(alone)[0].strong == f"{table.rows[0].name} is best overall:"


def test_without_an_order_the_ranges_are_shown(content, tmp_path):
    boards = {
        d: read_table(content.leaderboard / f"tables/{d}.findings.json")
        for d in having(challenge().overall, "findings")
    }
    few = {
        **boards,
        "mimic-cxr": boards["mimic-cxr"].model_copy(update={"rows": boards["mimic-cxr"].rows[:1]}),
    }
    table = make_overall("findings", challenge().overall, few, {})
    page = overall_page(Content(tmp_path, URL, overall={"findings": table}))
    assert "There is no overall rank yet&#58; one model is ranked on all of IU X&#45;ray" in page
    assert (
        "No model is ranked in the findings + impression track of IU X-ray, MIMIC-CXR and CheXpert Plus yet"
        in html.unescape(page)
    )
    assert "not entered" in page
    assert "Overall rank without each dataset" not in page


def test_a_hostile_name_is_text(content):
    name = "<script>alert(1)</script> **b** [x](javascript:1)"
    table = content.overall["findings"]
    rows = (table.rows[0].model_copy(update={"name": name}), *table.rows[1:])
    page = overall_page(
        Content(content.leaderboard, URL, overall={"findings": table.model_copy(update={"rows": rows})})
    )
    assert "<script" not in page
    assert "**b**" not in page
    assert "](javascript" not in page


def test_reported_rows_are_marked_as_without_intervals(tmp_path):
    rows = [
        ReportedRow("2026-08", d, "findings", m, "X", "2026", "", values={"radcliq_v1_reciprocal": v})
        for d in ("iu-xray", "rexgradient")
        for m, v in (("A|<b>", 2.0), ("B", 1.0))
    ]
    page = overall_page(Content(tmp_path, URL, reported=rows))
    assert '<h2 id="reported-findings">Reported by ReXrank, not re-scored: findings</h2>' in html.unescape(
        page
    )
    assert "Without intervals&#58;" in page
    assert "<b>" not in page
    assert page.count('class="rx-board rx-overall"') == 1
    assert "not re-scored: findings + impression" not in html.unescape(page)


def test_the_data_is_served(content):
    files = data_files(content)
    table = content.overall["findings"]
    assert json.loads(files["data/overall.findings.json"]) == table.view()
    assert files["data/overall.findings.csv"] == overall_files(table)["overall.findings.csv"]
    assert (
        files["data/overall.findings.pairs.csv"].splitlines()[0] == "a,b,difference,low,high,p,better,matters"
    )
    pairs = list(csv.DictReader(io.StringIO(files["data/overall.findings.pairs.csv"])))
    assert [(p["a"], p["b"], float(p["p"])) for p in pairs] == [(p.a, p.b, p.p) for p in table.pairs]
    assert 'href="../../data/overall.findings.pairs.csv"' in html.unescape(overall_page(content))
    assert json.loads(files["data/schemas/overall-v1.schema.json"])["x-address"] == "data/overall.TRACK.json"


def test_without_its_pairs_the_page_is_the_same_with_a_note(content, tmp_path, capsys):
    folder = shutil.copytree(content.leaderboard, tmp_path / "leaderboard")
    path = folder / pairwise_name("findings")
    path.unlink()
    bare = read_content(folder, URL)
    assert f"{path} is missing: the site offers no tests of the overall rank" in capsys.readouterr().err
    link = ' · <a href="../../data/overall.findings.pairs.csv" download>CSV of all pairs</a>'
    assert html.unescape(overall_page(bare)) == html.unescape(overall_page(content)).replace(link, "")
    assert "data/overall.findings.pairs.csv" not in dict(small_files(bare))
    shutil.copy(folder / pairwise_name("report"), path)
    with pytest.raises(
        RexrankError, match=r"overall\.findings\.json has a different digest from its pairs.*rexrank rank"
    ):
        read_content(folder, URL)


def test_a_template_shows_values_as_text_alone():
    view = dict.fromkeys(("rehearsal", "rows", "without", "incomplete", "files"), ())
    from evaluator.site.overall import Answer

    html = render(
        "overall_track.html", view={**view, "answers": [Answer("<b>", "*x* {{ config }}")], "caption": ""}
    )
    assert (
        html
        == '<p class="rx-answer" data-search-exclude><strong>&lt;b&gt;</strong> &#42;x&#42; &#123;&#123; config &#125;&#125;</p>\n'
    )
