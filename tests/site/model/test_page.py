"""Model pages: sources of numbers, groups of studies, citations."""

from __future__ import annotations

import html
import json
import re
import shutil

import pytest
from support import records, tables
from support.boards import URL

from evaluator.datasets.tasks.task import get_task
from evaluator.leaderboard.row import Row
from evaluator.site.build import pages
from evaluator.site.model.citation import bibtex
from evaluator.site.model.diagnostics import diagnostics
from evaluator.site.template import text


def test_a_model_page_says_where_its_numbers_come_from(leaderboard, tmp_path):
    shutil.copytree(leaderboard, tmp_path / "board")
    path = tmp_path / "board/records/sandbox/findings/rexrank-sandbox__near-copy.json"
    record = json.loads(path.read_text())
    record["provenance"] |= {"pull_request": 7, "head_commit": "a" * 40}
    path.write_text(json.dumps(record))
    page = pages(tmp_path / "board", URL)["models/rexrank-sandbox/near-copy.md"]
    words = html.unescape(page)
    repository = "https://github.com/rexrank/challenge"
    for address in (
        f"{repository}/pull/7",
        f"{repository}/commit/{'a' * 40}",
        f"{repository}/blob/{'a' * 40}/submissions/rexrank-sandbox/near-copy/sandbox.json",
        f"{repository}/blob/main/leaderboard/records/sandbox/findings/rexrank-sandbox__near-copy.json",
        "https://github.com/rexrank-sandbox",
    ):
        assert f'href="{address}"' in words, address
    assert f"git checkout {'a' * 40} -- submissions/rexrank-sandbox/near-copy\n" in words
    assert "rexrank score submissions/rexrank-sandbox/near-copy --dataset sandbox --protocol clean" in words
    for digest in (record["provenance"]["predictions_sha256"], record["provenance"]["references_sha256"]):
        assert digest in page
    for metric in record["metrics"].values():
        assert text(metric["signature"]) in page
    assert (
        "../../../compare/?board=sandbox.findings&m=rexrank-sandbox/near-copy,rexrank-sandbox/template"
        in words
    )


def test_groups_of_studies_are_on_the_model_page(made, leaderboard):
    table = json.loads((leaderboard / "tables/sandbox.findings.json").read_text())
    (axis,) = [a for a in table["subgroups"]["axes"] if a["axis"] == "sex"]
    own = axis["models"]["rexrank-sandbox/near-copy"]["groups"]["F"]
    assert f"sex: F</th><td>{axis['groups'][0]['studies']}</td><td>{own['value']:.3f}" in html.unescape(
        made["models/rexrank-sandbox/near-copy.md"]
    )


@pytest.mark.parametrize("name", ["A } \\input{/etc/passwd} % & _", "plain"])
def test_no_name_breaks_out_of_a_citation(name):
    entry = bibtex("a/b", records.record(card={"name": name, "institution": name}), URL)
    bare = re.sub(r"\\[{}%&_]|\\textbackslash\{\}", "", entry)
    assert bare.count("{") == bare.count("}")
    assert "\\input" not in bare
    assert "%" not in bare
    assert entry.startswith("@misc{rexrank-a-b,")


def test_diagnostics_of_answers_are_of_letters():
    values = {
        "n_empty": 8,
        "letter_shares": {"A": 0.25, "B": 0.75},
        "position_accuracy": {"A": 1.0},
        "shared_wrong": 0.1234,
    }
    row = Row.model_validate(tables.row(diagnostics={**values, "top1_share": 0.75}))
    assert {f.name: f.value for f in diagnostics(row, get_task("vqa"))} == {
        "Questions unanswered": "8",
        "Answer letter distribution": "A 25.0 %, B 75.0 %",
        "Accuracy by correct letter": "A 100.0 %",
        "Wrong answers shared with another model": "kappa at most 0.12",
    }


def test_judge_scores_that_the_evidence_does_not_lead_to_expect_are_shown():
    numbers = dict.fromkeys(
        ("distinct_fraction", "top1_share", "length_ratio", "exact_match", "copied_spans"), 0.5
    )
    far = {"green": {"above": 3, "below": 1_200}}
    row = tables.row(diagnostics={**numbers, "n_empty": 0, "judge_outliers": far})
    facts = {f.name: f.value for f in diagnostics(Row.model_validate(row), get_task("report-generation"))}
    assert facts["GREEN against RadGraph-F1 and RaTEScore"] == (
        "far above expectation in 3 studies, far below in 1,200"
    )
    row = tables.row(diagnostics={**numbers, "n_empty": 0, "judge_outliers": None})
    assert not [
        f for f in diagnostics(Row.model_validate(row), get_task("report-generation")) if "RadGraph" in f.name
    ]
