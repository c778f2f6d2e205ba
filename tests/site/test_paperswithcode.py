"""Boards in the Papers with Code format: "JSON format description" of github.com/paperswithcode/sota-extractor."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator
from support import tables

from evaluator.datasets.tasks.report_generation import TASK
from evaluator.site.content import Content
from evaluator.site.paperswithcode import sota_tasks

FORM = Draft202012Validator(
    json.loads(
        (Path(__file__).parents[1] / "data/published_forms/paperswithcode-tasks.json").read_text("utf-8")
    )
)
URL = "https://example.org/below/"


def content(**fields):
    links = {
        "paper": "https://arxiv.org/abs/1",
        "code": "https://example.org/c",
        "weights": "https://example.org/w",
    }
    rows = [
        tables.row("a/one", name="One", links=links, metrics={"bleu_2": tables.cell(0.5)}),
        tables.row("a/two", name="Two </script>", metrics={"bleu_2": tables.cell(0.25)}),
    ]
    table = tables.typed(tables.table(*rows, **{"dataset": "mimic-cxr", "title": "MIMIC-CXR", **fields}))
    return Content(leaderboard=Path("x"), site_url=URL, tables={(table.dataset, table.track): table})


def test_a_board_keeps_the_form():
    value = [t.view() for t in sota_tasks(content())]
    assert not list(FORM.iter_errors(value))
    assert [t["task"] for t in value] == [TASK.title]
    (dataset,) = value[0]["datasets"]
    assert dataset["dataset"].startswith("MIMIC-CXR, ")
    first, second = dataset["sota"]["rows"]
    assert (first["model_name"], first["metrics"]) == ("One", {"BLEU-2": "0.5"})
    assert first["paper_url"] == "https://arxiv.org/abs/1"
    assert [x["title"] for x in first["model_links"]] == ["Model page", "Weights"]
    assert (second["paper_url"], second["code_links"]) == ("", [])
    assert set(first["metrics"]) <= set(dataset["sota"]["metrics"])


def test_rehearsals_and_synthetic_datasets_are_not_results():
    assert sota_tasks(content(rehearsal=True)) == ()
    assert sota_tasks(content(dataset="sandbox")) == ()
