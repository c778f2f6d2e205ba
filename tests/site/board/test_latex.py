"""The board as LaTeX: ready for a paper, and no name can break out of its cell."""

from __future__ import annotations

import copy
import re

import pytest
from support.tables import typed

from evaluator.site.board.cells import marks_of
from evaluator.site.board.latex import table_latex

URL = "https://example.org/challenge/"


@pytest.fixture
def table(crowd):
    return copy.deepcopy(crowd["iu-xray", "findings"])


def test_it_is_a_float_with_booktabs_caption_and_citation(table):
    text = table_latex(typed(table), URL)
    for wanted in (
        r"\usepackage{booktabs,url}",
        r"\begin{table}",
        r"\caption{IU X-ray, findings: 590 studies of 590 patients.",
        r"\cite{zhang2024rexrank}",
        r"\url{https://example.org/challenge/leaderboards/iu-xray/findings/}",
        r"\label{tab:iu-xray.findings}",
        r"\toprule",
        r"\midrule",
        r"\bottomrule",
        r"RadCliQ-v1 skill $\uparrow$ & BLEU-2 $\uparrow$",
    ):
        assert wanted in text
    assert r"\hline" not in text
    rows = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    value = typed(table)
    assert len(rows) == len(value.all_rows)
    assert {row.count(" & ") for row in rows} == {1 + len(value.metrics)}


def test_the_best_is_bold_and_the_second_underlined_as_on_the_page(table):
    value = typed(table)
    marks = list(marks_of(value.rows, value.metrics, 3).values())
    text = table_latex(value, URL)
    assert text.count(r"\textbf{") == marks.count("best")
    assert text.count(r"\underline{") == marks.count("second")


def test_intervals_are_those_of_the_page(table):
    text = table_latex(typed(table), URL)
    cell = table["rows"][0]["metrics"]["bleu_2"]
    assert rf"{cell['mean']:.3f}" in text
    assert rf"{{\scriptsize ({cell['low']:.3f} to {cell['high']:.3f})}}" in text
    for row in table["rows"]:
        for metric in row["metrics"].values():
            metric |= {"low": None, "high": None}
            metric["display"] |= {"low": None, "high": None}
    for row in (*table["incomplete"], *table["nulls"]):
        row["metrics"] = {}
    assert "scriptsize" not in table_latex(typed(table), URL)


def test_a_name_is_text(table):
    table["rows"][0]["name"] = r"50 % \input{x} & $a_b$ #1 ~^ {y}"
    text = table_latex(typed(table), URL)
    assert (
        r"50 \% \textbackslash{}input\{x\} \& \$a\_b\$ \#1 \textasciitilde{}\textasciicircum{} \{y\}" in text
    )
    assert not re.search(r"(?<!\\textbackslash\{\})\\input", text)


def test_a_rehearsal_says_so(table):
    assert "REHEARSAL" in table_latex(typed({**table, "rehearsal": True}), URL)
    assert "REHEARSAL" not in table_latex(typed(table), URL)
