"""Comparisons, read from either side."""

from __future__ import annotations

import json

import pytest
from support.boards import URL

from evaluator.site.compare import compare_files
from evaluator.site.content import read_content


def test_both_sides_of_a_pair_mirror_each_other(leaderboard):
    files = {n: json.loads(b) for n, b in compare_files(read_content(leaderboard, URL))}
    folder = "data/compare/sandbox.findings/rexrank-sandbox__"
    a, b = files[f"{folder}near-copy.json"], files[f"{folder}template.json"]
    there, back = a["versus"][b["id"]]["bleu_2"], b["versus"][a["id"]]["bleu_2"]
    assert there[0] == -back[0]
    assert (there[1], there[2]) == (-back[2], -back[1])
    assert there[0] == pytest.approx(
        a["metrics"]["bleu_2"]["mean"] - b["metrics"]["bleu_2"]["mean"], rel=1e-4
    )


def test_a_verdict_rests_on_the_test_that_ranks(leaderboard):
    files = {n: json.loads(b) for n, b in compare_files(read_content(leaderboard, URL))}
    (pair,) = json.loads((leaderboard / "tables/sandbox.findings.json").read_text())["pairs"]
    folder = "data/compare/sandbox.findings/rexrank-sandbox__"
    assert files[f"{folder}near-copy.json"]["ranked_against"] == {"rexrank-sandbox/template": pair["p"]}
    assert files[f"{folder}template.json"]["ranked_against"] == {"rexrank-sandbox/near-copy": pair["p"]}
    (board,) = [b for b in files["data/compare/index.json"]["boards"] if b["id"] == "sandbox.findings"]
    assert board["cases"] == ["rexrank-sandbox/near-copy", "rexrank-sandbox/template"]
    table = json.loads((leaderboard / "tables/sandbox.findings.json").read_text())
    means = [r["metrics"]["bleu_2"]["mean"] for g in ("rows", "nulls") for r in table[g]]
    assert board["spread"]["bleu_2"] == pytest.approx(max(means) - min(means), rel=1e-5)
