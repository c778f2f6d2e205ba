"""Every file that programs read keeps its schema and is documented."""

from __future__ import annotations

import json
import re

import pytest
from jsonschema import Draft202012Validator
from support.boards import URL

from evaluator.core.files import sha256_bytes
from evaluator.core.problems import RexrankError
from evaluator.datasets.challenge import challenge
from evaluator.leaderboard.table import parse_table
from evaluator.site.api import ENDPOINTS, endpoint_pages
from evaluator.site.content import read_content, schema_text
from evaluator.site.model.cases import case_files
from evaluator.site.served import served
from evaluator.submissions.template import card_template


def test_the_index_names_every_data_file_with_its_digest(made):
    index = json.loads(made["data/index.json"])
    for entry in index["files"]:
        name = f"data/{entry['path']}"
        assert sha256_bytes(served(name, made[name])) == entry["sha256"]
    paths = {e["path"] for e in index["files"]}
    assert {f"data/{p}" for p in paths} == {n for n in made if n.startswith("data/")} - {"data/index.json"}
    assert {"sandbox.findings.json", "history.json", "schemas/table-v2.schema.json"} <= paths
    assert "models/rexrank-sandbox/near-copy.json" in paths


def schema_of(name):
    return Draft202012Validator(json.loads(schema_text(name)))


def test_every_json_file_keeps_the_schema_that_it_names(made, leaderboard):
    files = made | dict(case_files(read_content(leaderboard, URL)))
    names = set()
    for name, body in files.items():
        value = json.loads(body) if name.endswith((".json", ".json.gz")) else None
        if isinstance(value, dict) and str(value.get("schema", "")).startswith("rexrank/"):
            schema = value["schema"].removeprefix("rexrank/").replace("/", "-")
            names.add(schema)
            assert not list(schema_of(schema).iter_errors(value)), name
    assert names == set(ENDPOINTS)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_is_documented_with_an_example_that_keeps_its_schema(name, made, leaderboard):
    schema = json.loads(schema_text(name))
    assert schema["$id"] == f"{challenge().site}data/schemas/{name}.schema.json"
    assert schema["examples"]
    for example in schema["examples"]:
        assert not list(schema_of(name).iter_errors(example))
    files = {*made, *dict(case_files(read_content(leaderboard, URL)))}
    pattern = re.escape(schema["x-address"])
    for word, form in {
        "TEAM__MODEL": "[^/]+__[^/]+",
        "TEAM/MODEL": "[^/]+/[^/]+",
        "DATASET": "[a-z-]+",
        "TRACK": "(findings|report)",
    }.items():
        pattern = pattern.replace(word, form)
    assert any(re.fullmatch(pattern, path) for path in files), schema["x-address"]
    page = endpoint_pages()
    assert f"`{schema['x-address']}`" in page
    assert f"data/schemas/{name}.schema.json" in made


def test_the_template_of_a_card_names_a_schema_that_is_served(made):
    address = re.search(r"\$schema=(\S+)", card_template("a", "b"))[1]
    assert address.removeprefix(challenge().site) in made


def test_a_badge_says_the_rank(made):
    badge = json.loads(made["data/badges/rexrank-sandbox/near-copy/sandbox.findings.json"])
    assert badge == {
        "schemaVersion": 1,
        "label": "ReXrank Sandbox findings",
        "message": "rank 1 of 2",
        "color": "blue",
    }


def test_tables_keep_their_schema(leaderboard):
    for path in (leaderboard / "tables").glob("*.json"):
        parse_table(json.loads(path.read_text()), path.name)


@pytest.mark.parametrize(
    "change",
    [
        {"rows": [{}]},
        {"schema": "rexrank/table/v1"},
        {"track": "both"},
        {"n": -1},
        {"pairs": [{"a": "x", "b": "y", "difference": 0, "low": None, "high": None, "p": 2}]},
    ],
)
def test_a_malformed_table_is_refused(leaderboard, change):
    table = json.loads((leaderboard / "tables/sandbox.findings.json").read_text())
    with pytest.raises(RexrankError, match="violates its schema"):
        parse_table({**table, **change}, "x.json")
