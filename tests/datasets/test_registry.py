"""The registry is consistent with itself and with the manifests it ships."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from evaluator.cli import main
from evaluator.core.problems import RexrankError
from evaluator.datasets import registry
from evaluator.datasets.registry import dataset_ids, get_dataset, ids_digest, study_ids
from evaluator.datasets.tasks.task import get_task


def test_the_datasets_in_table_order():
    reports = ("rexgradient", "mimic-cxr", "iu-xray", "chexpert-plus")
    known = (*reports, "rexvqa", "rexvqa-public", "sandbox", "sandbox-vqa")
    assert tuple(d for d in dataset_ids() if d in known) == known


@pytest.mark.parametrize("name", dataset_ids())
def test_every_entry_is_whole(name):
    dataset = get_dataset(name)
    assert dataset.id == name
    assert dataset.tracks.keys() <= set(get_task(dataset.task).track_ids)
    assert all(not get_task(dataset.task).track(t).optional for t in dataset.tracks)
    assert all(n is None or 0 < n <= (dataset.size or n) for n in dataset.tracks.values())
    assert dataset.title
    assert dataset.licence
    assert dataset.how_to_get


def test_known_counts():
    counts = {name: get_dataset(name).size for name in dataset_ids()}
    assert (
        counts
        | {
            "rexgradient": 10000,
            "mimic-cxr": 2347,
            "iu-xray": 590,
            "chexpert-plus": 200,
            "rexvqa": 41007,
            "rexvqa-public": None,
            "sandbox": 60,
            "sandbox-vqa": 226,
        }
        == counts
    )
    assert get_dataset("rexvqa").n_studies == 10000
    assert get_dataset("chexpert-plus").tracks == {"findings": 62, "report": 200}


def test_ids_travel_only_where_they_may():
    for name in dataset_ids():
        ids = study_ids(get_dataset(name))
        if get_dataset(name).exposure.studies:
            assert ids is not None
            assert len(ids) == get_dataset(name).size
        else:
            assert ids is None


def test_digest_of_ids_ignores_order():
    assert ids_digest(["b", "a"]) == ids_digest(["a", "b"]) != ids_digest(["ab"])


def test_manifest_beside_the_references_comes_first(tmp_path):
    body = {"schema": "rexrank/manifest/v1", "dataset": "mimic-cxr", "ids": ["1", "2"]}
    (tmp_path / "mimic-cxr.manifest.json").write_text(json.dumps(body))
    assert study_ids(get_dataset("mimic-cxr"), tmp_path) == {"1", "2"}


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"schema": "rexrank/manifest/v1", "dataset": "iu-xray", "ids": ["1"]}'],
    ids=["not JSON", "a list", "empty", "other ids"],
)
def test_damaged_manifest_says_how_to_write_it_again(tmp_path, text):
    (tmp_path / "iu-xray.manifest.json").write_text(text)
    with pytest.raises(RexrankError, match="rexrank data manifest"):
        study_ids(get_dataset("iu-xray"), tmp_path)


def test_unknown_dataset_lists_the_known_ones():
    with pytest.raises(RexrankError, match="choose one of: rexgradient, mimic-cxr"):
        get_dataset("mimic")


def test_a_dataset_that_is_no_good_stops_the_command_with_its_problems(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "datasets"
    shutil.copytree(Path(registry.__file__).parent, folder)
    text = (folder / "iu-xray.yaml").read_text("utf-8")
    (folder / "iu-xray.yaml").write_text(text.replace("access: public", "access: publik"))
    monkeypatch.setattr(registry, "_folder", lambda: folder)
    monkeypatch.setattr(sys, "argv", ["rexrank", "data", "check", str(tmp_path)])
    (tmp_path / "iu-xray.json").write_text("{}")
    registry._read.cache_clear()
    try:
        with pytest.raises(SystemExit) as stop:
            main()
    finally:
        registry._read.cache_clear()
    assert stop.value.code == 1
    assert "RX603 /access\n    found   the field 'access' is 'publik'" in capsys.readouterr().err
