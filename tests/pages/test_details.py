"""The parts of the site beside the boards: models, cases, comparisons, feeds, endpoints, policy."""

from __future__ import annotations

import html
import json
import re
import shutil
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from jsonschema import Draft202012Validator

from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.files import sha256_bytes
from evaluator.history import append_history
from evaluator.pages.build import SITE_URL, pages, write_pages, write_shards
from evaluator.pages.casefiles import case_files
from evaluator.pages.citing import bibtex
from evaluator.pages.compare import compare_files
from evaluator.pages.endpoints import ENDPOINTS, endpoint_pages
from evaluator.pages.entries import check_table, read_content, schema_text
from evaluator.pages.figures import histogram, strip
from evaluator.pages.markup import text
from evaluator.pages.policy import with_policy
from evaluator.problems import RexrankError
from evaluator.records import Board, read_studies
from evaluator.template import card_template

URL = "https://example.org/below/"


@pytest.fixture(scope="module")
def made(leaderboard):
    return pages(leaderboard, URL)


@pytest.fixture(scope="module")
def docs(leaderboard, tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    write_pages(leaderboard, folder, URL)
    write_shards(leaderboard, folder)
    return folder


# Cases


def test_shards_hold_every_text_in_the_order_of_the_ids(docs, leaderboard):
    folder = docs / "data/cases/sandbox.findings"
    index = json.loads((folder / "rexrank-sandbox__near-copy/index.json").read_text())
    texts = [
        t for k in range(2) for t in json.loads((folder / f"rexrank-sandbox__near-copy/{k}.json").read_text())
    ]
    kept = json.loads((leaderboard / "cases/sandbox/findings/rexrank-sandbox__near-copy.json").read_text())[
        "texts"
    ]
    assert texts == [kept[i] for i in index["ids"]]
    assert len(texts) == 60
    assert all(len(v) == 60 for v in index["scores"].values())
    assert not (folder / "rexrank-sandbox__near-copy/2.json").exists()
    record = json.loads(
        (leaderboard / "records/sandbox/findings/rexrank-sandbox__near-copy.json").read_text()
    )
    mean = sum(index["scores"]["bleu_2"]) / 60
    assert mean == pytest.approx(record["metrics"]["bleu_2"]["mean"], abs=1e-4)


def test_an_index_knows_groups_and_failures(docs, leaderboard):
    folder = docs / "data/cases/sandbox.findings"
    index = json.loads((folder / "rexrank-sandbox__near-copy/index.json").read_text())
    frame = read_studies(leaderboard, leaderboard, *board_and_record(leaderboard, "near-copy"))
    for group in index["groups"]:
        labels = [None if k < 0 else group["values"][k] for k in group["of"]]
        there = frame[f"subgroup:{group['axis']}"]
        assert labels == [None if missing else v for v, missing in zip(there, there.isna(), strict=True)]
    assert {"sex", "view", "length"} <= {g["axis"] for g in index["groups"]}
    assert index["failed"] == {}
    models = json.loads((folder / "models.json").read_text())["models"]
    assert [m["id"] for m in models] == ["rexrank-sandbox/near-copy", "rexrank-sandbox/template"]


def test_a_study_that_failed_is_named_in_the_index(leaderboard, tmp_path):
    shutil.copytree(leaderboard, tmp_path / "board")
    path = tmp_path / "board/studies/sandbox/findings/rexrank-sandbox__near-copy.parquet"
    frame = pd.read_parquet(path)
    frame.loc[frame["study_id"] == sorted(frame["study_id"])[3], "failed:bleu_2"] = True
    frame.to_parquet(path)
    files = dict(case_files(read_content(tmp_path / "board", URL)))
    index = json.loads(files["data/cases/sandbox.findings/rexrank-sandbox__near-copy/index.json"])
    assert index["failed"] == {"bleu_2": [3]}


def board_and_record(leaderboard, model):
    name = f"records/sandbox/findings/rexrank-sandbox__{model}.json"
    return Board(get_dataset("sandbox"), "findings"), json.loads((leaderboard / name).read_text())


def as_private(leaderboard, folder, dataset):
    """The sandbox's leaderboard under a private set's name, with everything public planted beside it."""
    for source in leaderboard.rglob("*"):
        name = source.relative_to(leaderboard).as_posix()
        if not source.is_file() or name.startswith(("store", "reported")):
            continue
        target = folder / re.sub(r"(records|studies|cases)/sandbox/", rf"\1/{dataset}/", name).replace(
            "sandbox.", f"{dataset}."
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        data = source.read_bytes()
        if source.suffix == ".json":
            value = data.decode().replace('"dataset": "sandbox"', f'"dataset": "{dataset}"')
            value = value.replace('"references_public": true', '"references_public": false')
            # Flags of a private set name no study, which diagnostics sees to.
            value = re.sub(r'"ids": \[[^\]]*\]', '"ids": []', value)
            data = value.replace("records/sandbox/", f"records/{dataset}/").encode()
        target.write_bytes(data)
    (folder / "history.jsonl").unlink(missing_ok=True)
    (folder / "overview.json").unlink(missing_ok=True)


@pytest.mark.parametrize("dataset", [d for d in dataset_ids() if not get_dataset(d).references_public])
def test_nothing_of_a_private_study_reaches_the_site(leaderboard, tmp_path, dataset):
    as_private(leaderboard, tmp_path / "board", dataset)
    assert (tmp_path / f"board/cases/{dataset}/findings/references.json").is_file()
    write_pages(tmp_path / "board", tmp_path / "docs", URL)
    write_shards(tmp_path / "board", tmp_path / "docs")
    ids = json.loads((leaderboard / "cases/sandbox/findings/references.json").read_text())["texts"]
    assert not (tmp_path / "docs/data/cases").exists()
    page = (tmp_path / "docs/models/rexrank-sandbox/near-copy.md").read_text()
    assert "are private" in page
    assert "rx-hist" not in page
    for path in (p for p in (tmp_path / "docs").rglob("*") if p.is_file()):
        content = path.read_text("utf-8")
        for study, words in list(ids.items())[:5]:
            assert f'"{study}"' not in content
            assert words[:60] not in content


# Hostile texts


def test_hostile_words_are_text_everywhere(made):
    for name, body in made.items():
        if name.endswith(".md"):
            assert "<script>alert" not in body, name
            assert not re.search(r"<[^>]+\son\w+=", body), name
    feed = ET.fromstring(made["feed.xml"])
    assert any("<script>" in (e.text or "") for e in feed.iter())
    assert (
        "\n" not in re.search(r"^title: (.*)$", made["models/rexrank-sandbox/template.md"], re.MULTILINE)[1]
    )


# Endpoints


def test_the_index_names_every_data_file_with_its_digest(made):
    index = json.loads(made["data/index.json"])
    for entry in index["files"]:
        assert sha256_bytes(made[f"data/{entry['path']}"].encode()) == entry["sha256"]
    listed = {e["path"] for e in index["files"]}
    assert {f"data/{p}" for p in listed} == {n for n in made if n.startswith("data/")} - {"data/index.json"}
    assert {"sandbox.findings.json", "history.json", "schemas/table-v1.schema.json"} <= listed
    assert "models/rexrank-sandbox/near-copy.json" in listed


def schema_of(name):
    return Draft202012Validator(json.loads(schema_text(name)))


def test_every_json_file_keeps_the_schema_that_it_names(made, leaderboard):
    files = made | dict(case_files(read_content(leaderboard, URL)))
    seen = set()
    for name, body in files.items():
        value = json.loads(body) if name.endswith(".json") else None
        if isinstance(value, dict) and str(value.get("schema", "")).startswith("rexrank/"):
            schema = value["schema"].removeprefix("rexrank/").replace("/", "-")
            seen.add(schema)
            assert not list(schema_of(schema).iter_errors(value)), name
    assert seen == set(ENDPOINTS)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_is_documented_with_an_example_that_keeps_its_schema(name, made, leaderboard):
    schema = json.loads(schema_text(name))
    assert schema["$id"] == f"{SITE_URL}data/schemas/{name}.schema.json"
    assert schema["examples"]
    for example in schema["examples"]:
        assert not list(schema_of(name).iter_errors(example))
    served = {*made, *dict(case_files(read_content(leaderboard, URL)))}
    pattern = re.escape(schema["x-address"])
    for word, found in {
        "TEAM__MODEL": "[^/]+__[^/]+",
        "TEAM/MODEL": "[^/]+/[^/]+",
        "DATASET": "[a-z-]+",
        "TRACK": "(findings|report)",
    }.items():
        pattern = pattern.replace(word, found)
    assert any(re.fullmatch(pattern, path) for path in served), schema["x-address"]
    page = endpoint_pages()
    assert f"`{schema['x-address']}`" in page
    assert f"data/schemas/{name}.schema.json" in made


def test_the_template_of_a_card_names_a_schema_that_is_served(made):
    address = re.search(r"\$schema=(\S+)", card_template("a", "b"))[1]
    assert address.removeprefix(SITE_URL) in made


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
        check_table(json.loads(path.read_text()), path.name)


@pytest.mark.parametrize(
    "change",
    [
        {"rows": [{}]},
        {"schema": "rexrank/table/v2"},
        {"track": "both"},
        {"n": -1},
        {"pairs": [{"a": "x", "b": "y", "difference": 0, "low": None, "high": None, "p": 2}]},
    ],
)
def test_a_table_of_another_form_is_refused(leaderboard, change):
    table = json.loads((leaderboard / "tables/sandbox.findings.json").read_text())
    with pytest.raises(RexrankError, match="does not keep its schema"):
        check_table({**table, **change}, "x.json")


# Comparisons


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


# Model pages


def test_a_model_page_says_where_its_numbers_come_from(leaderboard, tmp_path):
    shutil.copytree(leaderboard, tmp_path / "board")
    path = tmp_path / "board/records/sandbox/findings/rexrank-sandbox__near-copy.json"
    record = json.loads(path.read_text())
    record["provenance"] |= {"pull_request": 7, "head_commit": "a" * 40}
    path.write_text(json.dumps(record))
    page = pages(tmp_path / "board", URL)["models/rexrank-sandbox/near-copy.md"]
    repository = "https://github.com/rexrank/challenge"
    for address in (
        f"{repository}/pull/7",
        f"{repository}/commit/{'a' * 40}",
        f"{repository}/blob/{'a' * 40}/submissions/rexrank-sandbox/near-copy/sandbox.json",
        f"{repository}/blob/main/leaderboard/records/sandbox/findings/rexrank-sandbox__near-copy.json",
        "https://github.com/rexrank-sandbox",
    ):
        assert f'href="{address}"' in page, address
    words = html.unescape(page)
    assert f"git checkout {'a' * 40} -- submissions/rexrank-sandbox/near-copy\n" in words
    assert "rexrank score submissions/rexrank-sandbox/near-copy --dataset sandbox --protocol clean" in words
    for digest in (record["provenance"]["predictions_sha256"], record["provenance"]["references_sha256"]):
        assert digest in page
    for metric in record["metrics"].values():
        assert text(metric["signature"]) in page
    assert (
        "../../../compare/?board=sandbox.findings&amp;m=rexrank-sandbox/near-copy,rexrank-sandbox/template"
        in page
    )


def test_groups_of_studies_stand_on_the_model_page(made, leaderboard):
    table = json.loads((leaderboard / "tables/sandbox.findings.json").read_text())
    (axis,) = [a for a in table["subgroups"]["axes"] if a["axis"] == "sex"]
    own = axis["models"]["rexrank-sandbox/near-copy"]["groups"]["F"]
    assert (
        f"sex: F</th><td>{axis['groups'][0]['studies']}</td><td>{own['value']:.3f}"
        in made["models/rexrank-sandbox/near-copy.md"]
    )


@pytest.mark.parametrize("name", ["A } \\input{/etc/passwd} % & _", "plain"])
def test_no_name_breaks_out_of_a_citation(name):
    record = {
        "card": {"name": name, "institution": name},
        "provenance": {"evaluator_version": "1.0"},
        "submitted": "2026-01-02",
    }
    entry = bibtex("a/b", record, URL)
    bare = re.sub(r"\\[{}%&_]|\\textbackslash\{\}", "", entry)
    assert bare.count("{") == bare.count("}")
    assert "\\input" not in bare
    assert "%" not in bare
    assert entry.startswith("@misc{rexrank-a-b,")


# News


def test_the_feed_is_atom_and_json(made):
    feed = ET.fromstring(made["feed.xml"])
    space = "{http://www.w3.org/2005/Atom}"
    ids = [e.find(f"{space}id").text for e in feed.iter(f"{space}entry")]
    assert len(ids) == len(set(ids)) == 4
    assert all(i.startswith(URL) for i in ids)
    items = json.loads(made["feed.json"])["items"]
    assert [i["id"] for i in items] == ids
    assert "Sandbox near-copy entered the board" in made["feed.json"]
    for item in items:
        assert f'id="{item["id"].partition("#")[2]}"' in made["changelog.md"]
    assert items[-1]["url"] == f"{URL}models/rexrank-sandbox/near-copy/"
    assert 'href="../models/rexrank&#45;sandbox/near&#45;copy/"' in made["changelog.md"]


def test_characters_that_xml_cannot_hold_do_not_break_the_feed(leaderboard, tmp_path):
    event = {
        **json.loads((leaderboard / "history.jsonl").read_text().splitlines()[0]),
        "name": "a\u0000b\u001bc & <d>",
    }
    append_history(tmp_path, [event])
    feed = ET.fromstring(pages(tmp_path, URL)["feed.xml"])
    assert any("abc & <d>" in (e.text or "") for e in feed.iter())


def test_robots_are_told_the_path_of_the_site(made):
    assert "Disallow: /below/data/cases/\n" in made["robots.txt"]
    assert f"Sitemap: {URL}sitemap.xml" in made["robots.txt"]


# Datasets


@pytest.mark.parametrize("name", dataset_ids())
def test_a_dataset_page_counts_what_is_missing(name, made):
    dataset, page = get_dataset(name), made[f"datasets/{name}.md"]
    for section, n in dataset.sections.items():
        missing = "not counted yet" if n is None else f"{dataset.n_studies - n:,}"
        assert re.search(rf">{section.capitalize()}</th><td>[^<]*</td><td>{missing}[ <]", page)
    assert text(dataset.licence) in page
    assert all(f'href="{a}"' in page for a in dataset.links.values())
    if dataset.ids_digest:
        assert dataset.ids_digest in page
    patients = dataset.n_patients
    told = (
        "not counted yet"
        if patients is None
        else f"{patients:,},"
        if patients < dataset.n_studies
        else "one study each"
    )
    assert f"Patients</th><td>{told}" in page


def test_a_dataset_page_says_what_its_boards_can_tell_apart(made, leaderboard):
    table = json.loads((leaderboard / "tables/sandbox.findings.json").read_text())
    assert f"{table['resolution']['mde']:.3f}<small>in mean BLEU&#45;2" in made["datasets/sandbox.md"]
    record = json.loads(
        (leaderboard / "records/sandbox/findings/rexrank-sandbox__near-copy.json").read_text()
    )
    assert record["provenance"]["references_sha256"] in made["datasets/sandbox.md"]
    assert "about 0.058<small>to plan with" in made["datasets/iu-xray.md"]
    assert "about 0.178<small>to plan with" in made["datasets/chexpert-plus.md"]


# Figures and policy


def entry(mean, low=None, high=None):
    return {"mean": mean, "low": low, "high": high}


@pytest.mark.parametrize("higher", [True, False])
def test_better_is_to_the_right(higher):
    metric = {"title": "M", "higher_is_better": higher}
    better, worse = (0.8, 0.2) if higher else (0.2, 0.8)
    svg = strip(metric, entry(worse), entry(better), None)
    own = float(re.search(r'<circle class="rx-dot" cx="([\d.]+)"', svg)[1])
    best = float(re.search(r'rx-bestmark" d="M([\d.]+)', svg)[1])
    assert own < best


def test_a_histogram_says_in_words_what_it_shows():
    made = histogram("BLEU-2", [0.0, 0.5, 1.0])
    assert "3 studies, median 0&#46;500" in made
    assert histogram("x", []) == ""
    assert "NaN" not in histogram("x", [1.0, 1.0])


def test_the_policy_allows_the_scripts_of_the_page_alone():
    page = '<html><head><meta charset="utf-8"><script src="a.js"></script></head><script>a()</script><script type="application/json">{}</script></html>'
    done = with_policy(page)
    assert done.index("Content-Security-Policy") < done.index("<script")
    assert done.count("sha256-") == 1
    assert with_policy(done) == done
