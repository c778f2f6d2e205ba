"""The OpenAPI description conforms to its specification, and describes what the site serves and nothing else."""

from __future__ import annotations

import json
import re

import pytest
from support.boards import URL

from evaluator.datasets.registry import dataset_ids
from evaluator.site.api import ENDPOINTS
from evaluator.site.content import read_content, schema_text
from evaluator.site.model.cases import case_files
from evaluator.site.openapi import ADDRESS, openapi

DESCRIPTION = openapi(ENDPOINTS, URL)


def test_it_keeps_its_specification():
    validator = pytest.importorskip("openapi_spec_validator")

    # The schemas are files of their own, checked elsewhere; here they accept any value.
    bare = json.loads(re.sub(r'\{"\$ref": "schemas/[^"]*"\}', "{}", json.dumps(DESCRIPTION)))
    validator.OpenAPIV31SpecValidator(bare).validate()


def test_every_path_is_served_and_every_file_has_a_path(made, leaderboard):
    names = {*made, *dict(case_files(read_content(leaderboard, URL)))}
    assert json.loads(made[ADDRESS]) == DESCRIPTION
    patterns = {
        path: re.compile(re.sub(r"\\\{[a-z]+\\\}", "[^/]+", re.escape(path.removeprefix("/"))))
        for path in DESCRIPTION["paths"]
    }
    # The sandbox is synthetic: its rows are not results for the Hub.
    absent = {p for p in patterns if not any(patterns[p].fullmatch(name) for name in names)}
    assert {p for p in absent if "/hub/" not in p} == set()
    files = {n for n in names if n.startswith("data/") and n != ADDRESS}
    assert {n for n in files if not any(p.fullmatch(n) for p in patterns.values())} <= {
        n for n in files if n.startswith("data/cases/")
    }


@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_answers_with_its_schema(name):
    address = json.loads(schema_text(name))["x-address"]
    path = "/" + re.sub("DATASET|TRACK|TEAM|MODEL", lambda m: f"{{{m[0].lower()}}}", address)
    item = DESCRIPTION["paths"][path]
    content = item["get"]["responses"]["200"]["content"]
    wanted = {"$ref": f"schemas/{name}.schema.json"}
    if address.endswith(".gz"):
        schema = content["application/gzip"]["schema"]
        assert (schema["contentMediaType"], schema["contentSchema"]) == ("application/json", wanted)
    else:
        assert content["application/json"]["schema"] == wanted
    assert {p["name"] for p in item.get("parameters", ())} == set(re.findall(r"\{([a-z]+)\}", path))


def test_datasets_are_the_existing_ones():
    parameters = DESCRIPTION["paths"]["/data/{dataset}.{track}.json"]["parameters"]
    assert parameters[0]["schema"]["enum"] == list(dataset_ids())
