"""Results for the Hugging Face Hub keep its published format, and only rows of public boards have them.

The format: https://huggingface.co/docs/hub/eval-results; `huggingface_hub` has the Hub's own parser of result
files.
"""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from support import records, tables
from support.boards import URL
from support.crowd import make_crowd
from support.needs import reason

from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.scoring.record import Record
from evaluator.site.content import Entry, read_content
from evaluator.site.hub import eval_config, eval_result, hub_files, result_yaml, yaml_text
from evaluator.site.model.page import model_page

FORMS = Path(__file__).parents[1] / "data/published_forms"
RESULTS = json.loads((FORMS / "hub-eval-results.json").read_text("utf-8"))
CONFIG = json.loads((FORMS / "hub-eval-yaml.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """A leaderboard of a public and a restricted dataset."""
    folder = tmp_path_factory.mktemp("hub")
    make_crowd(folder, ("iu-xray", "chexpert-plus"), n_models=4, n_studies=40)
    return folder


def test_every_ranked_row_of_a_public_board_has_a_file_that_the_hub_reads(board):
    hub = pytest.importorskip("huggingface_hub", reason=reason("score"))
    content = read_content(board, URL)
    files = dict(hub_files(content))
    names = {
        f"data/hub/models/{r.id}/rexrank.{t.name}.yaml": (t, r)
        for t in content.tables.values()
        if t.dataset == "iu-xray"
        for r in t.rows
    }
    assert names
    assert set(files) == {*names, "data/hub/datasets/iu-xray/eval.yaml"}
    for name, (table, row) in names.items():
        value = yaml.safe_load(files[name])
        assert not list(Draft202012Validator(RESULTS).iter_errors(value)), name
        (result,) = hub.parse_eval_result_entries(value)
        assert hub.eval_result_entries_to_yaml([result]) == value
        assert (result.dataset_id, result.task_id) == ("rexrank/iu-xray", table.track)
        assert result.value == row.metrics[table.primary].display.value
        assert result.date == row.submitted
        assert result.source_url == f"{URL}models/{row.id}/#iu-xray-{table.track}"


@pytest.mark.parametrize("dataset", [d for d in dataset_ids() if get_dataset(d).access == "public"])
def test_a_public_dataset_is_a_benchmark_in_the_form_of_the_hub(dataset):
    value = yaml.safe_load(yaml_text(eval_config(get_dataset(dataset)).view()))
    assert not list(Draft202012Validator(CONFIG).iter_errors(value))
    assert [t["id"] for t in value["tasks"]] == list(get_dataset(dataset).tracks)


def entry(row=None, group="rows", **fields):
    """A page's entry with one row, in this group of its board."""
    values = tables.row(**{"metrics": {"bleu_2": tables.cell(0.4)}, **(row or {})})
    board = {"dataset": "iu-xray", "title": "IU X-ray", **fields}
    rows = [values] if group == "rows" else []
    table = tables.typed(tables.table(*rows, **board, **({} if rows else {group: [values]})))
    return Entry(table, getattr(table, group)[0], Record.model_validate(records.record().view()))


@pytest.mark.parametrize(
    ("row", "board", "has"),
    [
        ({}, {}, True),
        ({}, {"rehearsal": True}, False),
        ({}, {"dataset": "sandbox"}, False),
        ({}, {"dataset": "mimic-cxr", "access": "restricted"}, False),
        ({}, {"dataset": "rexgradient", "access": "withheld"}, False),
        ({}, {"group": "incomplete"}, False),
        ({"status": "withdrawn", "metrics": {}}, {"group": "withdrawn"}, False),
        ({"metrics": {}}, {}, False),
    ],
)
def test_only_a_ranked_row_of_a_public_board_has_a_result(row, board, has):
    assert (eval_result(entry(row, **board), URL) is not None) is has


def test_the_model_page_shows_and_offers_the_file(board):
    content = read_content(board, URL)
    name = next(r.id for t in content.tables.values() if t.dataset == "iu-xray" for r in t.rows)
    page = html.unescape(model_page(name, content))
    public = [e for e in content.models[name] if e.table.dataset == "iu-xray"]
    assert page.count('<pre class="rx-file">') == len(public)
    for e in public:
        file = f"rexrank.{e.table.name}.yaml"
        result = eval_result(e, URL)
        assert result is not None
        assert result_yaml(result) in page
        assert f'href="../../../data/hub/models/{e.row.id}/{file}" download="{file}"' in page


def test_without_such_a_row_the_page_offers_nothing(made):
    assert "Put this on your model card" not in made["models/rexrank-sandbox/near-copy.md"]
