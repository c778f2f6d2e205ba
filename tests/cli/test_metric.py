"""`rexrank metric` and `metrics`: a table for people, files by suffix, everything missing named at once."""

from __future__ import annotations

import io
import json
import sys

import pandas as pd
import pytest
from support.commands import console
from support.needs import needs_rouge

from evaluator.core.problems import ExitCode

ROWS = [
    {
        "id": str(i),
        "reference": f"No effusion {i % 7}.",
        "prediction": f"No effusion {i % 5}.",
        "patient": i // 2,
    }
    for i in range(80)
]


@pytest.fixture
def run(monkeypatch, capsys):
    return console(monkeypatch, capsys)


@pytest.fixture
def pairs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("REXRANK_MODELS", raising=False)
    pd.DataFrame(ROWS).to_csv("pairs.csv", index=False)
    return tmp_path


@needs_rouge
def test_a_pipe_gets_json_and_standard_error_the_table(run, pairs):
    status, output, errors = run("metric", "bleu_2", "rouge_l", "--pairs", "pairs.csv")
    body = json.loads(output)
    assert status == ExitCode.DONE
    assert list(body["scores"]["bleu_2"]) == sorted(row["id"] for row in ROWS)
    assert body["means"]["bleu_2"]["low"] < body["means"]["bleu_2"]["mean"] < body["means"]["bleu_2"]["high"]
    assert "80 pairs of 40 patients" in errors
    assert "protocol clean: both texts are normalised, as on the boards" in errors
    low, high = (f"{body['means']['rouge_l'][k]:.4f}" for k in ("low", "high"))
    assert f"[{low}, {high}]" in errors


def test_standard_input_and_a_table_on_request(run, pairs, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((pairs / "pairs.csv").read_bytes())))
    status, output, errors = run("metric", "bleu_2", "--format", "table", "--protocol", "compat")
    assert (status, errors) == (ExitCode.DONE, "")
    assert "protocol compat: the texts unmodified" in output


@pytest.mark.parametrize("suffix", ["json", "csv", "parquet"])
def test_files_are_written_by_suffix(run, pairs, suffix):
    status, output, _ = run("metric", "bleu_2", "--pairs", "pairs.csv", "--out", f"out/scores.{suffix}")
    path = pairs / f"out/scores.{suffix}"
    assert (status, "bleu_2" in output) == (ExitCode.DONE, True)
    readers = {"json": lambda p: json.loads(p.read_text()), "csv": pd.read_csv, "parquet": pd.read_parquet}
    value = readers[suffix](path)
    if suffix == "json":
        assert value["signatures"]["bleu_2"].endswith("protocol:clean")
    else:
        assert list(value.reset_index().columns)[-3:] == ["patient", "bleu_2", "n_failed"]
        assert len(value) == len(ROWS)


REFUSED = {
    "no metric": (("--pairs", "pairs.csv"), "choose metrics"),
    "keys and a preset": (("bleu_2", "--preset", "paper-2024", "--pairs", "pairs.csv"), "only one of these"),
    "a preset that is not": (
        ("--preset", "x", "--pairs", "pairs.csv"),
        "there is no preset 'x'; available: paper-2024",
    ),
    "a variant that is not": (
        ("bleu_2", "--variant", "radgraph_f1=x", "--pairs", "pairs.csv"),
        "radgraph_f1 has no variant 'x'",
    ),
    "a suffix that is none": (
        ("bleu_2", "--pairs", "pairs.csv", "--out", "x.xml"),
        "wanted a name that ends in",
    ),
    "an empty file": (("bleu_2", "--pairs", "empty.csv", "--out", "s.json"), "is empty"),
    "a header alone": (("bleu_2", "--pairs", "header.csv", "--out", "s.json"), "contains no pairs"),
    "a surplus cell": (("bleu_2", "--pairs", "surplus.csv", "--out", "s.json"), "more cells than columns"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_impossible_requests_are_refused_before_anything_is_written(run, pairs, case):
    (pairs / "empty.csv").write_text("")
    (pairs / "header.csv").write_text("id,reference,prediction\n")
    (pairs / "surplus.csv").write_text("id,reference,prediction\n1,a,b,c\n")
    arguments, message = REFUSED[case]
    status, output, errors = run("metric", *arguments)
    assert (status, output) == (ExitCode.INPUT, "")
    assert message in errors
    assert not (pairs / "s.json").exists()


@needs_rouge
def test_everything_missing_is_named_with_one_command(run, pairs):
    status, output, errors = run("metric", "--all", "--pairs", "pairs.csv", "--models", "none")
    assert status == ExitCode.PARTIAL
    assert {"bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l"} == json.loads(output)["scores"].keys()
    last = errors.strip().splitlines()[-1]
    assert last.startswith("rexrank: to fetch all missing weights: rexrank models fetch ")
    assert {"distilroberta-base", "chexbert", "radgraph"} <= set(last.split())
    assert run("metric", "bertscore", "--pairs", "pairs.csv", "--models", "none")[0] == ExitCode.FAILURE


def test_the_list_says_what_each_metric_needs(run, pairs):
    status, output, _ = run("metrics", "--models", "none")
    assert status == ExitCode.DONE
    assert "needs: weights of chexbert (absent: rexrank models fetch chexbert)" in output
    assert "needs: an LLM judge" in output
    facts = json.loads(run("metrics", "--format", "json")[1])
    assert {f["key"]: f["presets"] for f in facts}["bleu_2"] == ["paper-2024", "rexrank-2026"]


def test_metrics_name_the_extra_that_they_need(run, pairs, monkeypatch):
    """All but the plain counting ones, with the command to run if it is missing."""
    monkeypatch.setattr("evaluator.cli.metric.find_spec", lambda _: None)
    facts = json.loads(run("metrics", "--format", "json")[1])
    missing = {
        f["key"]: [n for n in f["needs"] if n.startswith("the extra score (absent: pip install")]
        for f in facts
    }
    plain = {key for key, needs in missing.items() if not needs}
    assert plain == {k for k in missing if k.startswith(("bleu_", "accuracy"))}
    monkeypatch.setattr("evaluator.cli.metric.find_spec", lambda _: True)
    facts = json.loads(run("metrics", "--format", "json")[1])
    assert next(f["needs"] for f in facts if f["key"] == "rouge_l") == ["the extra score (installed)"]
