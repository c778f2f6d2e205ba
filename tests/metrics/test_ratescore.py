"""RaTEScore against the official package's outputs on small checkpoints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from evaluator.core.problems import MetricUnavailable
from evaluator.core.types import Pair
from evaluator.metrics.ratescore import RateScore, contradicts
from evaluator.metrics.sentences import split_sentences
from evaluator.models.ratescore_ner import decode
from evaluator.models.runtime import Run
from evaluator.models.text_cache import TextCache

DATA = Path(__file__).parents[1] / "data" / "parity"
JUDGES = DATA / "judges"
FIXTURES: list[dict[str, str]] = json.loads((JUDGES / "fixtures" / "rate_pairs.json").read_text("utf-8"))
GOLDEN: dict[str, Any] = json.loads((JUDGES / "golden" / "rate_golden_t4.json").read_text("utf-8"))
GOLDEN_050: dict[str, Any] = json.loads((JUDGES / "golden" / "rate_golden_v050.json").read_text("utf-8"))
PAIRS = [Pair(p["id"], p["reference"], p["candidate"]) for p in FIXTURES]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Model directories by checkpoint: the trained small one and the random one."""
    random = tmp_path_factory.mktemp("random")
    # Another network behind the same tokenizer: only what differs is stored twice.
    shutil.copytree(DATA / "models" / "ratescore-ner", random / "ratescore-ner")
    shutil.copytree(JUDGES / "ckpt" / "rate_ner_rand", random / "ratescore-ner", dirs_exist_ok=True)
    shutil.copytree(DATA / "models" / "biolord", random / "biolord")
    return {"rate_ner_tiny": DATA / "models", "rate_ner_rand": random}


def run_of(models: Path, variant: str = "0.6.0", **more: Any) -> Run:
    defaults: dict[str, Any] = {"protocol": "compat", "models": models, "variants": {"ratescore": variant}}
    return Run(**(defaults | more))


@pytest.mark.parametrize("checkpoint", ["rate_ner_tiny", "rate_ner_rand"])
@pytest.mark.parametrize(("variant", "matrix"), [("0.6.0", "long"), ("0.6.0-short", "short")])
def test_equals_release_060(models: dict[str, Path], checkpoint: str, variant: str, matrix: str) -> None:
    scores = RateScore().score(PAIRS, run_of(models[checkpoint], variant, details=True))
    golden = GOLDEN["runs"][f"{checkpoint}/{matrix}"]["pairs"]
    assert scores.values.tolist() == pytest.approx([g["score"] for g in golden], abs=1e-6)
    assert not scores.failed.any()
    assert scores.details is not None
    for seen, wanted in zip(scores.details, golden, strict=True):
        for side, name in (("reference", "reference"), ("prediction", "candidate")):
            if f"{name}_entities" in wanted:
                assert seen[side]["entities"] == wanted[f"{name}_entities"], wanted["id"]
                assert seen[side]["sentences"] == wanted[f"{name}_sentences"], wanted["id"]


@pytest.mark.parametrize("checkpoint", ["rate_ner_tiny", "rate_ner_rand"])
def test_equals_release_050(models: dict[str, Path], checkpoint: str) -> None:
    scores = RateScore().score(PAIRS, run_of(models[checkpoint], "0.5.0"))
    golden = GOLDEN_050["runs"][checkpoint]["scores"]
    assert scores.values.tolist() == pytest.approx([golden[p.id] for p in PAIRS], abs=1e-6)


def test_batch_size_order_and_cache_do_not_matter(models: dict[str, Path], tmp_path: Path) -> None:
    metric, cache = RateScore(), TextCache(tmp_path)
    run = run_of(models["rate_ner_tiny"], cache=cache)
    first = metric.score(PAIRS, run).values
    assert metric.score(PAIRS, run).values.tolist() == first.tolist()
    assert cache.info()["entries"] > 0
    backwards = metric.score(PAIRS[::-1], run_of(models["rate_ner_tiny"], batch_size=1)).values[::-1]
    assert backwards.tolist() == pytest.approx(first.tolist(), abs=1e-5)


EMPTY = [Pair("a", "The heart is normal.", ""), Pair("b", "No effusion.", "No effusion."), Pair("c", "", "")]


def test_an_empty_report_neither_shifts_pairs_nor_pays(models: dict[str, Path]) -> None:
    compat = RateScore().score(EMPTY, run_of(models["rate_ner_tiny"], details=True))
    clean = RateScore().score(EMPTY, run_of(models["rate_ner_tiny"], protocol="clean"))
    alone = RateScore().score(EMPTY[1:2], run_of(models["rate_ner_tiny"])).values[0]
    assert compat.values.tolist() == [0.5, alone, 0.5]
    assert compat.details is not None
    assert [d["without_entities"] for d in compat.details] == [True, False, True]
    assert clean.values[[0, 2]].tolist() == [0.0, 0.0]
    assert clean.failed.tolist() == [True, False, True]
    assert clean.values[1] == pytest.approx(1.0, abs=1e-6)


def test_a_revision_with_numbered_labels_is_refused(models: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(models["rate_ner_tiny"] / "ratescore-ner", tmp_path / "ratescore-ner")
    config = json.loads((tmp_path / "ratescore-ner" / "config.json").read_text())
    config["id2label"] = {str(i): f"LABEL_{i}" for i in range(11)}
    (tmp_path / "ratescore-ner" / "config.json").write_text(json.dumps(config))
    with pytest.raises(MetricUnavailable, match="other labels"):
        RateScore().score(EMPTY, run_of(tmp_path))


def test_signature_names_variant_and_weights(models: dict[str, Path]) -> None:
    signature = str(RateScore().signature(run_of(models["rate_ner_tiny"], "0.5.0")))
    assert signature.startswith("ratescore|v1|0.5.0|ratescore-ner@")
    with pytest.raises(ValueError, match="no variant"):
        RateScore().signature(run_of(models["rate_ner_tiny"], "1.0"))


@pytest.mark.parametrize(
    ("labels", "spans"),
    [
        ("O B-X I-X O O", [(1, 2, "X")]),
        ("O B-X B-Y O O", [(1, 1, "X"), (2, 2, "Y")]),
        ("O B-X I-Y B-Z O", [(1, 2, "X"), (3, 3, "Z")]),
        ("O I-X O B-X O", [(3, 3, "X")]),
        ("O B-X I-X I-X I-X", [(1, 3, "X")]),
        ("O O O O O", []),
    ],
)
def test_decoder(labels: str, spans: list[tuple[int, int, str]]) -> None:
    marks = labels.split()
    got = decode(["[CLS]", *"abc", "[SEP]"], marks)
    assert got == spans


def test_contradiction_is_symmetric_and_spares_anatomy() -> None:
    assert contradicts("DISEASE", "NON-ABNORMALITY")
    assert contradicts("NON-DISEASE", "ABNORMALITY")
    assert not contradicts("ANATOMY", "NON-DISEASE")
    assert not contradicts("DISEASE", "ABNORMALITY")


@pytest.mark.parametrize("side", ["reference", "candidate"])
def test_sentences_equal_the_official_pipeline(side: str) -> None:
    golden = {g["id"]: g[f"{side}_sentences"] for g in GOLDEN["runs"]["rate_ner_tiny/long"]["pairs"]}
    assert {p["id"]: split_sentences(p[side]) for p in FIXTURES} == golden
