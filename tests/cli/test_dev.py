"""`rexrank dev new-…`: what is written in a small checkout, and what is refused without changing anything."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evaluator.cli.app import app
from evaluator.core.problems import InputError
from evaluator.datasets.registry import read_dataset

ROOT = Path(__file__).parents[2]
REGISTRY = "evaluator/metrics/registry.py"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / REGISTRY).parent.mkdir(parents=True)
    shutil.copy(ROOT / REGISTRY, tmp_path / REGISTRY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args):
    result = CliRunner().invoke(app, ["dev", *args])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("kind", ["mean", "corpus", "judged"])
def test_a_metric_is_one_file_one_line_and_its_tests(checkout, kind):
    before = files(checkout)
    output = run("new-metric", "word_recall", "--kind", kind)
    after = files(checkout)
    assert set(after) - set(before) == {
        "evaluator/metrics/word_recall.py",
        "tests/metrics/test_word_recall.py",
    }
    old, new = (text[REGISTRY].decode().splitlines() for text in (before, after))
    assert [line for line in new if line not in old] == [
        '    "word_recall": "evaluator.metrics.word_recall:WordRecall",'
    ]
    assert all(path in output for path in set(after) - set(before))
    for path in set(after) - set(before):
        ast.parse(after[path])
        assert "$" not in after[path].decode()


@pytest.mark.parametrize("key", ["Bleu", "1st", "a-b", "", "x" * 41, "bleu_2", "../x", "class", "set"])
def test_other_keys_are_refused(checkout, key):
    before = files(checkout)
    with pytest.raises(InputError):
        run("new-metric", key)
    assert files(checkout) == before


def test_nothing_is_overwritten(checkout):
    (checkout / "tests/metrics").mkdir(parents=True)
    (checkout / "tests/metrics/test_word_recall.py").write_text("mine")
    before = files(checkout)
    with pytest.raises(InputError, match="already exists"):
        run("new-metric", "word_recall")
    assert files(checkout) == before


def test_a_registry_of_another_form_is_left_alone(checkout):
    (checkout / REGISTRY).write_text("METRICS = {}\n")
    before = files(checkout)
    with pytest.raises(InputError, match="add the line yourself"):
        run("new-metric", "word_recall")
    assert files(checkout) == before


def test_outside_a_checkout_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for args in (("new-metric", "word_recall"), ("new-dataset", "my-set")):
        with pytest.raises(InputError, match="not a checkout"):
            run(*args)
    assert files(tmp_path) == {}


STUDIES = {
    "s1": {"section_findings": "Clear.", "section_impression": "Normal."},
    "s2": {"section_findings": "Effusion.", "section_impression": None},
}


@pytest.mark.parametrize("name", ["my-set", "2026", "null"])
def test_a_dataset_is_counted_from_its_references(checkout, name):
    (checkout / "refs").mkdir()
    (checkout / f"refs/{name}.json").write_text(json.dumps(STUDIES))
    run("new-dataset", name, "--references", "refs")
    dataset = read_dataset(checkout / f"evaluator/datasets/{name}.yaml", name)
    assert (dataset.n_studies, dataset.tracks, dataset.sections) == (
        2, {"findings": 2, "report": dataset.tracks["report"]}, {"findings": 2, "impression": 1},
    )  # fmt: skip
    assert dataset.access == "restricted"
    assert dataset.ids_digest is not None


def test_a_dataset_without_references_waits_for_its_counts(checkout):
    assert "rexrank data check" in run("new-dataset", "my-set")
    assert read_dataset(checkout / "evaluator/datasets/my-set.yaml", "my-set").ids_digest is None


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("A b",), "not a valid id"),
        (("iu-xray",), "already"),
        (("my-set", "--references", "nowhere"), "there is no my-set.json"),
    ],
)
def test_other_datasets_are_refused(checkout, args, says):
    before = files(checkout)
    with pytest.raises(InputError, match=says):
        run("new-dataset", *args)
    assert files(checkout) == before
