"""Case files: what the browser of cases reads, and that a restricted or withheld dataset has none."""

from __future__ import annotations

import json
import re
import shutil

import pandas as pd
import pytest
from support.boards import URL
from support.site_files import json_of, unpacked

from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.scoring.records import Board, load_record, read_studies
from evaluator.site.build import write_large, write_pages
from evaluator.site.content import read_content
from evaluator.site.model.cases import case_files


def test_shards_hold_every_text_in_the_order_of_the_ids(docs, leaderboard):
    folder = docs / "data/cases/sandbox.findings"
    index = json_of(folder / "rexrank-sandbox__near-copy/index.json.gz")
    texts = [t for k in range(2) for t in json_of(folder / f"rexrank-sandbox__near-copy/{k}.json.gz")]
    reports = json.loads(
        (leaderboard / "cases/sandbox/findings/rexrank-sandbox__near-copy.json").read_text()
    )["texts"]
    assert texts == [reports[i] for i in index["ids"]]
    assert len(texts) == 60
    assert all(len(v) == 60 for v in index["scores"].values())
    assert not (folder / "rexrank-sandbox__near-copy/2.json.gz").exists()
    record = json.loads(
        (leaderboard / "records/sandbox/findings/rexrank-sandbox__near-copy.json").read_text()
    )
    mean = sum(index["scores"]["bleu_2"]) / 60
    assert mean == pytest.approx(record["metrics"]["bleu_2"]["mean"], abs=1e-4)


def test_an_index_knows_groups_and_failures(docs, leaderboard):
    folder = docs / "data/cases/sandbox.findings"
    index = json_of(folder / "rexrank-sandbox__near-copy/index.json.gz")
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
    index = json.loads(files["data/cases/sandbox.findings/rexrank-sandbox__near-copy/index.json.gz"])
    assert index["failed"] == {"bleu_2": [3]}


def board_and_record(leaderboard, model):
    board = Board(get_dataset("sandbox"), "findings")
    name = f"records/sandbox/findings/rexrank-sandbox__{model}.json"
    return board, load_record(leaderboard / name, board)


def under_name_of(leaderboard, folder, dataset):
    """The sandbox's leaderboard under another dataset's name, with all public files planted next to it."""
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
            value = value.replace('"access": "public"', f'"access": "{get_dataset(dataset).access}"')
            # Flags of such a dataset name no study; diagnostics ensures that.
            value = re.sub(r'"ids": \[[^\]]*\]', '"ids": []', value)
            data = value.replace("records/sandbox/", f"records/{dataset}/").encode()
        target.write_bytes(data)
    (folder / "history.jsonl").unlink(missing_ok=True)
    (folder / "overview.json").unlink(missing_ok=True)


@pytest.mark.parametrize(
    "dataset",
    [d for d in dataset_ids() if not get_dataset(d).exposure.studies and "findings" in get_dataset(d).tracks],
)
def test_no_unpublished_study_reaches_the_site(leaderboard, tmp_path, dataset):
    under_name_of(leaderboard, tmp_path / "board", dataset)
    assert (tmp_path / f"board/cases/{dataset}/findings/references.json").is_file()
    write_pages(tmp_path / "board", tmp_path / "docs", URL)
    write_large(tmp_path / "board", tmp_path / "docs")
    ids = json.loads((leaderboard / "cases/sandbox/findings/references.json").read_text())["texts"]
    assert not (tmp_path / "docs/data/cases").exists()
    page = (tmp_path / "docs/models/rexrank-sandbox/near-copy.md").read_text()
    assert "only aggregates are published: no text and no score of any single study" in page
    assert "rx-hist" not in page
    for path in (p for p in (tmp_path / "docs").rglob("*") if p.is_file()):
        content = unpacked(path.name, path.read_bytes())
        for study, words in list(ids.items())[:5]:
            assert f'"{study}"' not in content
            assert words[:60] not in content
