"""A message says "1 study" and "2 studies": every count has its noun in the right number."""

from __future__ import annotations

import json

import pytest
from support.commands import console

from evaluator.core.files import write_text
from evaluator.datasets.sandbox.generate import submission_files

REPORT = "The lungs are clear. There is no pleural effusion."


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name, text in submission_files().items():
        write_text(tmp_path / "submissions" / name, text)
    for name in ("REFERENCES", "MODELS", "STORE", "JUDGES"):
        monkeypatch.delenv(f"REXRANK_{name}", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(repository, monkeypatch, capsys):
    return console(monkeypatch, capsys)


@pytest.mark.parametrize("n", [1, 2])
def test_convert_counts_in_the_right_number(run, repository, n):
    rows = [{"study_id": f"sandbox-{i:04}", "report": f"<s>{REPORT}</s>"} for i in range(1, n + 1)]
    source = repository / "predictions.jsonl"
    source.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    code, out, err = run("convert", "predictions.jsonl", "--dataset", "sandbox", "--out", "out")
    assert code == 0, err
    ending, s = ("y", "") if n == 1 else ("ies", "s")
    assert f"{n} of 60 stud" in out
    assert f"out/sandbox.json: {n} stud{ending}\n" in out
    assert f": {n} row{s}\n" in out
    assert f"{n} report{s} contained tokens" in out


@pytest.mark.parametrize(("n", "words"), [(1, "1 pair\n"), (2, "2 pairs\n")])
def test_metric_counts_in_the_right_number(run, repository, n, words):
    pair = '{"id": "%d", "reference": "clear lungs", "prediction": "clear lungs"}\n'
    (repository / "pairs.jsonl").write_text("".join(pair % i for i in range(n)), "utf-8")
    code, out, err = run("metric", "bleu_2", "--pairs", "pairs.jsonl", "--out", "scores.json")
    assert code == 0, err
    assert words in out


def test_validate_counts_in_the_right_number(run, repository):
    file = repository / "submissions" / "rexrank-sandbox" / "template" / "sandbox.json"
    reports = json.loads(file.read_bytes())
    first = min(reports)
    reports[first]["findings"], reports[first]["impression"] = " ", ""
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(reports.items()))
    file.write_text(f"{{\n{lines}\n}}\n", "utf-8")
    code, out, _err = run("validate", str(file.parent))
    assert code == 0
    assert "1 of 60 reports is empty" in out
    assert "Valid: 1 submission checked, 2 warnings." in out
