"""What loading says about unusable weights; every kind of damage is in `tests/fuzz/test_weights.py`."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest
from support.fuzz import command
from support.needs import reason

from evaluator.datasets.registry import get_dataset

pytest.importorskip("torch", reason=reason("score"))

MODELS = Path(__file__).parents[2] / "evaluator/datasets/sandbox/models"
METRICS = ("bleu_2", "bertscore", "semb_score", "ratescore", "radgraph_f1", "radcliq_v1")


@pytest.fixture
def models(tmp_path):
    shutil.copytree(MODELS, tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps({"id": "1", "reference": "A small effusion.", "prediction": "No effusion."}))
    return path


def truncate(path):
    path.write_bytes(path.read_bytes()[:1000])


def empty(path):
    path.write_bytes(b"")


def folder(path):
    path.unlink()
    path.mkdir()


def pipe(path):
    path.unlink()
    os.mkfifo(path)


def config(**changes):
    def apply(path):
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return apply


def bomb(path):
    """A small archive that unpacks to more bytes than the machine has memory."""
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("weights.th")
        info.size = 1 << 40
        archive.fileobj.write(info.tobuf())


DAMAGE = [
    ("distilroberta-base", "model.safetensors", truncate, "bertscore", "SafetensorError"),
    ("distilroberta-base", "vocab.json", empty, "bertscore", "JSONDecodeError"),
    ("distilroberta-base", "config.json", folder, "bertscore", "it is not a file"),
    (
        "distilroberta-base",
        "config.json",
        config(vocab_size=10**12),
        "bertscore",
        "a number above 1,000,000",
    ),
    ("distilroberta-base", "config.json", config(num_labels=10**9), "bertscore", "a number above 1,000,000"),
    ("distilroberta-base", "config.json", config(num_hidden_layers=10**5), "bertscore", "layers"),
    (
        "distilroberta-base",
        "config.json",
        config(vocab_size=900_000, hidden_size=900_000),
        "bertscore",
        "fit",
    ),
    ("chexbert", "chexbert.pth", truncate, "semb_score", "cannot be used"),
    ("chexbert", "chexbert.pth", empty, "semb_score", "EOFError"),
    ("chexbert", "vocab.txt", pipe, "semb_score", "it is not a file"),
    ("radgraph", "model.tar.gz", truncate, "radgraph_f1", "cannot be used"),
    ("radgraph", "model.tar.gz", bomb, "radgraph_f1", "bytes"),
    ("radgraph", "encoder/config.json", empty, "radgraph_f1", "JSONDecodeError"),
    ("ratescore-ner", "tokenizer.json", truncate, "ratescore", "cannot be used"),
    ("ratescore-ner", "config.json", config(id2label={}), "ratescore", "its labels are not"),
    ("biolord", "model.safetensors", folder, "ratescore", "neither"),
]


@pytest.mark.parametrize(("key", "name", "spoil", "metric", "reason"), DAMAGE)
def test_damage_loses_one_metric_and_gives_a_sentence(models, pairs, key, name, spoil, metric, reason):
    spoil(models / key / name)
    result = command("metric", *METRICS, "--pairs", pairs, "--models", models)
    lost = {metric} | ({"radcliq_v1"} if metric in {"bertscore", "semb_score", "radgraph_f1"} else set())
    assert set(json.loads(result.out)["scores"]) == set(METRICS) - lost
    assert result.code == 3
    lines = [line for line in result.err.splitlines() if line.startswith("rexrank: ")]
    assert len(lines) == len(lost)
    (line,) = (s for s in lines if f"{metric} was not computed" in s)
    where = models / key if reason == "neither" else models / key / name
    assert (str(where) in line) or reason == "fit"
    assert reason in line
    assert f"rexrank models fetch {key}" in line


def test_score_keeps_the_other_metrics(models, tmp_path):
    truncate(models / "chexbert/chexbert.pth")
    root = Path(__file__).parents[2] / "submissions/rexrank-sandbox/template"
    source = tmp_path / "submissions/a/b"
    shutil.copytree(root, source)
    board = tmp_path / "leaderboard"
    result = command(
        "score", source, "--dataset", "sandbox", "--metrics", "bleu_2,semb_score,bertscore",
        "--models", models, "--leaderboard", board, "--store", tmp_path / "store",
    )  # fmt: skip
    assert result.code == 3, result.err
    for track in get_dataset("sandbox").tracks:
        record = json.loads((board / f"records/sandbox/{track}/a__b.json").read_text())
        assert set(record["metrics"]) == {"bleu_2", "bertscore"}
        assert "chexbert.pth cannot be used" in record["missing"]["semb_score"]


def test_a_model_that_fails_while_running_only_loses_its_metric(models, pairs):
    import torch

    path = models / "chexbert/chexbert.pth"
    saved = torch.load(path, weights_only=True)
    for tensor in saved["model_state_dict"].values():
        if tensor.is_floating_point():
            tensor.fill_(3e38)
    torch.save(saved, path)
    result = command("metric", "bleu_2", "semb_score", "--pairs", pairs, "--models", models)
    assert set(json.loads(result.out)["scores"]) == {"bleu_2"}
    assert "not finite" in result.err
    assert str(models / "chexbert") in result.err


def test_verify_fails_without_any_weights(tmp_path):
    result = command("models", "verify", "--models", tmp_path / "nowhere")
    assert result.code == 2
    assert (
        f"there are no weights in {tmp_path / 'nowhere'}. Fetch them with: rexrank models fetch" in result.out
    )
    assert command("models", "verify", "--models", MODELS).code == 0


def test_verify_names_what_cannot_be_read(models, monkeypatch):
    (models / "chexbert/STAND-IN").unlink()
    monkeypatch.setattr(
        "evaluator.models.weights.sha256_file", lambda _: (_ for _ in ()).throw(PermissionError(13, "x"))
    )
    result = command("models", "verify", "--models", models)
    assert result.code == 2
    assert "chexbert: unreadable" in result.out
