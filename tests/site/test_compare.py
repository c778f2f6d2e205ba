"""Comparisons, read from either side."""

from __future__ import annotations

import html
import json

import pandas as pd
import pytest
from support.boards import URL

from evaluator.site.compare import compare_files, compare_page
from evaluator.site.content import Content, read_content


def files_of(leaderboard):
    return {n: json.loads(b) for n, b in compare_files(read_content(leaderboard, URL))}


FOLDER = "data/compare/sandbox.findings/rexrank-sandbox__"


def test_a_pair_is_once_in_the_file_of_the_first(leaderboard):
    files = files_of(leaderboard)
    a, b = files[f"{FOLDER}near-copy.json.gz"], files[f"{FOLDER}template.json.gz"]
    assert b["id"] in a["others"]
    assert a["id"] not in b["others"]
    difference = a["versus"]["bleu_2"][a["others"].index(b["id"])][0] / 1e4
    assert difference == pytest.approx(
        a["metrics"]["bleu_2"]["mean"] - b["metrics"]["bleu_2"]["mean"], abs=2e-4
    )
    for file in (a, b):
        assert {len(pairs) for pairs in file["versus"].values()} == {len(file["others"])}
        assert len(file["ranked_against"]) == len(file["standing"]) == len(file["others"])


def test_a_verdict_is_based_on_the_ranking_test(leaderboard):
    files = files_of(leaderboard)
    table = json.loads((leaderboard / "tables/sandbox.findings.json").read_text())
    tests = pd.read_parquet(leaderboard / "pairwise/sandbox.findings.parquet")
    (pair,) = tests[tests["metric"] == table["primary"]].to_dict("records")
    own = files[f"{FOLDER}near-copy.json.gz"]
    assert own["ranked_against"][0] == pytest.approx(pair["p_adjusted"], abs=1e-4)
    (board,) = [b for b in files["data/compare/index.json"]["boards"] if b["id"] == "sandbox.findings"]
    assert board["cases"] == ["rexrank-sandbox/near-copy", "rexrank-sandbox/template"]
    means = [r["metrics"]["bleu_2"]["mean"] for g in ("rows", "nulls") for r in table[g]]
    assert board["spread"]["bleu_2"] == pytest.approx(max(means) - min(means), rel=1e-5)


def test_baselines_can_be_compared_by_the_tests_of_the_board(leaderboard):
    files = files_of(leaderboard)
    table = json.loads((leaderboard / "tables/sandbox.findings.json").read_text())
    (board,) = [b for b in files["data/compare/index.json"]["boards"] if b["id"] == "sandbox.findings"]
    assert [b["id"] for b in board["baselines"]] == [r["id"] for r in table["nulls"]]
    own = files[f"{FOLDER}near-copy.json.gz"]
    (row,) = [r for r in table["rows"] if r["id"] == own["id"]]
    for test in row["against_nulls"]:
        place = own["others"].index(test["null"])
        (null,) = [r for r in table["nulls"] if r["id"] == test["null"]]
        primary = table["primary"]
        d, low, high, p, _ = (v / 1e4 for v in own["versus"][primary][place])
        assert d == pytest.approx(
            row["metrics"][primary]["mean"] - null["metrics"][primary]["mean"], abs=2e-4
        )
        assert low <= d <= high
        assert p == pytest.approx(test["p"], abs=1e-4)
        assert (
            own["standing"][place]
            == {"clears": "better", "below": "worse", "not_shown": "open"}[test["outcome"]]
        )
        name = test["null"].replace("/", "__")
        assert files[f"data/compare/sandbox.findings/{name}.json.gz"]["kind"] == "null"


def test_the_page_has_a_pair_before_any_script(leaderboard):
    page = html.unescape(compare_page(read_content(leaderboard, URL)))
    table = json.loads((leaderboard / "tables/sandbox.findings.json").read_text())
    first, second = (r["name"] for r in table["rows"][:2])
    assert '<optgroup label="Baselines">' in page
    assert f'<option value="{table["rows"][0]["id"]}" selected>' in page
    assert "is better than" in page or "statistically tied" in page
    assert first.split()[0] in page
    assert second.split()[0] in page


def test_without_two_models_the_page_says_so(tmp_path):
    assert "No leaderboard has two ranked models yet" in compare_page(Content(tmp_path, URL))
