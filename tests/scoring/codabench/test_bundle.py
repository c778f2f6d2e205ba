"""A Codabench bundle keeps the published format, and its program scores in the folders that Codabench creates."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from support.needs import needs_rouge
from typer.testing import CliRunner

from evaluator.cli.app import app
from evaluator.datasets.challenge import Policy
from evaluator.datasets.references import load_references
from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.datasets.report import dump_predictions
from evaluator.datasets.sandbox.generate import predictions
from evaluator.metrics.registry import fits, get_metric, task_metrics
from evaluator.scoring.codabench.bundle import bundle
from evaluator.scoring.codabench.program import main
from evaluator.scoring.records import Board
from evaluator.scoring.run import ScoreSettings, board_pairs, score_board

ROOT = Path(__file__).parents[3]
FORM = Draft202012Validator(
    json.loads((ROOT / "tests/data/published_forms/codabench-competition.json").read_text("utf-8"))
)
LEXICAL = ("bleu_2", "rouge_l")
SECRET = b'{"1": {"findings": "A secret finding."}}'


def unpacked(data, folder):
    """The folder as Codabench unpacks it: every file, with archives of programs and data opened next to them."""
    zipfile.ZipFile(io.BytesIO(data)).extractall(folder)
    return yaml.safe_load((folder / "competition.yaml").read_text("utf-8"))


BOARDS = [(d, t) for d in dataset_ids() for t in get_dataset(d).tracks]


@pytest.mark.parametrize(("dataset", "track"), BOARDS)
def test_a_bundle_keeps_the_form_and_names_files_that_it_has(dataset, track, tmp_path):
    board = Board(get_dataset(dataset), track)
    keys = tuple(k for k in task_metrics(board.task.id) if fits(k, board.task, track))
    data = bundle(
        board, keys, image="r.example.org/x:1", start=date(2026, 1, 1), references=None, policy=Policy()
    )
    value = unpacked(data, tmp_path)
    assert not list(FORM.iter_errors(value))
    names = [value["image"], value["terms"], *(p["file"] for p in value["pages"])]
    names += [value["tasks"][0][k] for k in ("scoring_program", "reference_data")]
    for name in names:
        assert (tmp_path / name).stat().st_size
    columns = value["leaderboards"][0]["columns"]
    assert [c["key"] for c in columns] == list(keys)
    assert [c["sorting"] == "desc" for c in columns] == [get_metric(k).higher_is_better for k in keys]
    (phase,) = value["phases"]
    access = board.dataset.access
    assert phase["hide_output"] is (access != "public")
    assert ("max_submissions" in phase) is board.dataset.exposure.limited_runs
    assert data == bundle(
        board, keys, image="r.example.org/x:1", start=date(2026, 1, 1), references=None, policy=Policy()
    )


def test_references_travel_only_where_they_are_named(tmp_path):
    board = Board(get_dataset("rexgradient"), "findings")
    options = {"image": "r.example.org/x:1", "start": date(2026, 1, 1), "policy": Policy()}
    without, within = (bundle(board, LEXICAL, references=r, **options) for r in (None, SECRET))
    assert b"secret" not in without
    assert b"secret" in within
    unpacked(without, tmp_path)
    place = zipfile.ZipFile(tmp_path / "reference_data.zip").read("README.md").decode()
    assert "Put `rexgradient.json` here" in place


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory):
    """The sandbox's bundle, made by the command, laid out as in Codabench's container, without a submission yet."""
    folder = tmp_path_factory.mktemp("codabench")
    out = folder / "bundle.zip"
    words = ["export", "codabench", "sandbox", "--image", "r.example.org/rexrank:1", "--out", str(out)]
    result = CliRunner().invoke(app, [*words, "--metrics", ",".join(LEXICAL), "--start", "2026-01-01"])
    assert result.exit_code == 0, result.output
    unpacked(out.read_bytes(), folder / "bundle")
    app_folder = folder / "app"
    for name, place in (("scoring_program.zip", "program"), ("reference_data.zip", "input/ref")):
        zipfile.ZipFile(folder / "bundle" / name).extractall(app_folder / place)
    return app_folder


def lay(laid_out, tmp_path, fill):
    """The folder that serves as `/app`, with the submission in it."""
    place = tmp_path / "app"
    (place / "input").mkdir(parents=True)
    for name in ("program", "input/ref"):
        (place / name).symlink_to(laid_out / name)
    (place / "input/res").mkdir()
    (place / "output").mkdir()
    fill(place / "input/res")
    return place


@needs_rouge
def test_the_program_scores_as_the_board_does(laid_out, tmp_path):
    text = dump_predictions(predictions("near-copy"))
    place = lay(laid_out, tmp_path, lambda res: (res / "sandbox.json").write_text(text))
    command = yaml.safe_load((laid_out / "program/metadata.yaml").read_text())["command"]
    python, *words = command.replace("/app/", f"{place}/").split()
    assert python == "python3"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    call = {"capture_output": True, "text": True, "env": env, "cwd": place / "program"}
    process = subprocess.run([sys.executable, *words], check=False, **call)
    assert process.returncode == 0, process.stderr
    scores = json.loads((place / "output/scores.json").read_text())
    board = Board(get_dataset("sandbox"), "findings")
    references = load_references(board.dataset, None)
    pairs = board_pairs(board, references, predictions("near-copy"), "clean")
    own = score_board(board, pairs, ScoreSettings(metrics=LEXICAL, store=tmp_path / "store"))
    assert scores == {k: round(float(own.scores[k].values.mean()), 6) for k in LEXICAL}
    assert 0 < scores["bleu_2"] < 1


def linked(res):
    (res / "sandbox.json").symlink_to("/etc/passwd")


def partial(res):
    reports = predictions("near-copy")
    del reports[min(reports)]
    (res / "sandbox.json").write_text(dump_predictions(reports))


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (lambda res: None, "contains nothing; wanted sandbox.json"),
        (lambda res: (res / "preds.json").write_text("{}"), "contains preds.json; wanted sandbox.json"),
        (lambda res: (res / "sandbox.json").write_text("[1"), "RX201"),
        (lambda res: (res / "sandbox.json").write_text('{"x": {"findings": "y"}}'), "RX303"),
        (linked, "RX104"),
        (partial, "RX302"),
    ],
)
def test_what_breaks_a_rule_has_no_scores(laid_out, tmp_path, capsys, fill, words):
    place = lay(laid_out, tmp_path, fill)
    assert main(place / "program", place / "input", place / "output") == 1
    assert not list((place / "output").iterdir())
    out, err = capsys.readouterr()
    assert words in err
    assert "root:" not in out + err


def test_another_evaluator_in_the_image_is_refused(laid_out, tmp_path, capsys):
    other = Path(shutil.copytree(laid_out, tmp_path / "other"))
    path = other / "program/settings.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "evaluator_version": "0.0.1"}))
    place = lay(other, tmp_path, lambda res: None)
    assert main(place / "program", place / "input", place / "output") == 1
    assert "export the bundle again" in capsys.readouterr().err


def test_a_metric_that_the_image_lacks_is_no_missing_column(laid_out, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("REXRANK_MODELS", str(tmp_path / "none"))
    other = Path(shutil.copytree(laid_out, tmp_path / "other"))
    path = other / "program/settings.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "metrics": ["bleu_2", "bertscore"]}))
    text = dump_predictions(predictions("near-copy"))
    place = lay(other, tmp_path, lambda res: (res / "sandbox.json").write_text(text))
    assert main(place / "program", place / "input", place / "output") == 1
    assert "cannot compute every metric of the board (bertscore: " in capsys.readouterr().err
