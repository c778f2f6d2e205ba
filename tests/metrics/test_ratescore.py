"""RaTEScore against the official package's outputs on small checkpoints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.needs import reason

from evaluator.core.problems import MetricUnavailable
from evaluator.core.types import Pair
from evaluator.metrics.ratescore import (
    TIE,
    TYPES,
    WEIGHTINGS,
    RateScore,
    contradicts,
    directional,
    pair_score,
)
from evaluator.metrics.sentences import split_sentences
from evaluator.models.ratescore_ner import decode, entity_pieces, piece_embeddings
from evaluator.models.runtime import Run
from evaluator.models.text_cache import TextCache

DATA = Path(__file__).parents[1] / "data" / "parity"
JUDGES = DATA / "judges"
FIXTURES: list[dict[str, str]] = json.loads((JUDGES / "fixtures" / "rate_pairs.json").read_text("utf-8"))
GOLDEN: dict[str, Any] = json.loads((JUDGES / "golden" / "rate_golden_t4.json").read_text("utf-8"))
GOLDEN_050: dict[str, Any] = json.loads((JUDGES / "golden" / "rate_golden_v050.json").read_text("utf-8"))
TIES: dict[str, dict[str, dict[str, float]]] = json.loads(
    (JUDGES / "golden" / "rate_ties.json").read_text("utf-8")
)["pairs"]
"""By variant, for the random checkpoint: pairs in which an entity's nearest one has two types.

The official code lets rounding choose between them. `official` is its choice on the machine that made the
golden files, `first` the rule's choice on any machine.
"""
PAIRS = [Pair(p["id"], p["reference"], p["candidate"]) for p in FIXTURES]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch = pytest.importorskip("torch", reason=reason("score"))
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


def wanted_values(official: dict[str, float], checkpoint: str, variant: str) -> list[float]:
    """The official values, or the rule's where rounding decides the official one."""
    ties = TIES[variant] if checkpoint == "rate_ner_rand" else {}
    assert {i: t["official"] for i, t in ties.items()} == {i: official[i] for i in ties}
    return [ties[p.id]["first"] if p.id in ties else official[p.id] for p in PAIRS]


@pytest.mark.parametrize("checkpoint", ["rate_ner_tiny", "rate_ner_rand"])
@pytest.mark.parametrize(("variant", "matrix"), [("0.6.0", "long"), ("0.6.0-short", "short")])
def test_equals_release_060(models: dict[str, Path], checkpoint: str, variant: str, matrix: str) -> None:
    scores = RateScore().score(PAIRS, run_of(models[checkpoint], variant, details=True))
    golden = GOLDEN["runs"][f"{checkpoint}/{matrix}"]["pairs"]
    official = {g["id"]: g["score"] for g in golden}
    assert scores.values.tolist() == pytest.approx(wanted_values(official, checkpoint, variant), abs=1e-6)
    assert not scores.failed.any()
    assert scores.details is not None
    for detail, wanted in zip(scores.details, golden, strict=True):
        for side, name in (("reference", "reference"), ("prediction", "candidate")):
            if f"{name}_entities" in wanted:
                assert detail[side]["entities"] == wanted[f"{name}_entities"], wanted["id"]
                assert detail[side]["sentences"] == wanted[f"{name}_sentences"], wanted["id"]


@pytest.mark.parametrize("checkpoint", ["rate_ner_tiny", "rate_ner_rand"])
def test_equals_release_050(models: dict[str, Path], checkpoint: str) -> None:
    scores = RateScore().score(PAIRS, run_of(models[checkpoint], "0.5.0"))
    golden = GOLDEN_050["runs"][checkpoint]["scores"]
    assert scores.values.tolist() == pytest.approx(wanted_values(golden, checkpoint, "0.5.0"), abs=1e-6)


def official_directional(
    types: list[str], vectors: Any, other_types: list[str], other_vectors: Any, variant: str
) -> float:
    """The official selection: float32, one product and one `topk` per row."""
    import torch

    matrix, negation = WEIGHTINGS[variant]
    ours, theirs = (
        torch.nn.functional.normalize(torch.from_numpy(v), p=2, dim=1) for v in (vectors, other_vectors)
    )
    total = weight_sum = 0.0
    for kind, vector in zip(types, ours, strict=True):
        similarity, index = torch.topk(vector @ theirs.T, k=1)
        match = other_types[int(index)]
        weight = matrix[TYPES.index(kind)][TYPES.index(match)]
        total += float(similarity) * weight * (negation if contradicts(kind, match) else 1.0)
        weight_sum += weight
    return total / weight_sum


def official_pair_score(sides: Any, vectors: Any, variant: str) -> float:
    (ours, theirs), (left, right) = ([[kind for _, kind in side] for side in sides]), vectors
    forward = official_directional(ours, left, theirs, right, variant)
    backward = official_directional(theirs, right, ours, left, variant)
    return 2 * forward * backward / (forward + backward)


@pytest.mark.parametrize("variant", list(WEIGHTINGS))
def test_the_listed_pairs_are_those_that_rounding_decides(models: dict[str, Path], variant: str) -> None:
    """Noise in the last bits moves the official value of the listed pairs and no other, and ours nowhere."""
    run = run_of(models["rate_ner_rand"], variant, details=True)
    details = RateScore().score(PAIRS, run).details
    assert details is not None
    entities = [
        [[(text, kind) for text, kind in d[side]["entities"]] for side in ("reference", "prediction")]
        for d in details
    ]
    pieces = entity_pieces([text for sides in entities for side in sides for text, _ in side], run)
    vectors = piece_embeddings(sorted(set(pieces.values())), run)
    ids = set()
    for pair, sides in zip(PAIRS, entities, strict=True):
        if not all(sides):
            continue
        rng = np.random.default_rng(0)
        exact = [np.stack([vectors[pieces[text]] for text, _ in side]) for side in sides]
        first = pair_score(*sides, (exact[0], exact[1]), variant)
        official = []
        for _ in range(12):
            # Four units in the last place of a float32: the effect of another order of summation.
            noisy = [(v * (1 + 2.0**-22 * rng.uniform(-1, 1, v.shape))).astype(np.float32) for v in exact]
            assert pair_score(*sides, (noisy[0], noisy[1]), variant) == pytest.approx(first, abs=1e-6)
            official.append(official_pair_score(sides, noisy, variant))
        if np.ptp(official) > 1e-6:
            ids.add(pair.id)
    assert ids == set(TIES[variant])


KINDS = ["ANATOMY", "DISEASE", "ABNORMALITY", "NON-DISEASE"]


@pytest.mark.parametrize("seed", range(20))
def test_equally_near_entities_are_matched_by_the_order_of_the_report(seed: int) -> None:
    """The other report has one entity under two types, among others that are further away."""
    rng = np.random.default_rng(seed)
    twin, *others = np.linalg.qr(rng.normal(size=(16, 16)))[0][:5].astype(np.float32)
    ours = (twin + 0.3 * others[0])[None, :]

    def value(rows: list[tuple[str, Any]]) -> float:
        noisy = np.stack([v * (1 + 2.0**-23 * rng.integers(-1, 2, v.shape)) for _, v in rows])
        return directional(["DISEASE"], ours, [kind for kind, _ in rows], noisy.astype(np.float32), "0.6.0")

    one, two = ("ANATOMY", twin), ("ABNORMALITY", twin)
    alone = {kind: value([(kind, twin)]) for kind, _ in (one, two)}
    for first, second in ((one, two), (two, one)):
        rows = [first, second, *zip(KINDS, others, strict=True)]
        for _ in range(10):
            order = rng.permutation(len(rows)).tolist()
            at = sorted(i for i, row in enumerate(order) if row < 2)
            mixed = [rows[i] for i in order]
            for i, row in zip(at, (first, second), strict=True):
                mixed[i] = row
            assert value(mixed) == pytest.approx(alone[first[0]], abs=1e-6)


@pytest.mark.parametrize(("gap", "match"), [(TIE / 4, "ANATOMY"), (4 * TIE, "DISEASE")])
def test_a_difference_beyond_the_tolerance_is_not_a_tie(gap: float, match: str) -> None:
    """The second entity is nearer by `gap`; an added row of zeros shows which weight counted."""
    theirs = np.array([[0.6, 0.8, 0], [0.6 + gap, 0, np.sqrt(1 - (0.6 + gap) ** 2)]])
    mine = np.array([[1.0, 0, 0], [0, 0, 0]])
    value = directional(["DISEASE", "DISEASE"], mine, ["ANATOMY", "DISEASE"], theirs, "0.6.0")
    matrix, _ = WEIGHTINGS["0.6.0"]
    row = matrix[TYPES.index("DISEASE")]
    weights = [row[TYPES.index(match)], row[TYPES.index("ANATOMY")]]
    assert value == pytest.approx(0.6 * weights[0] / sum(weights), abs=1e-5)


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
    with pytest.raises(MetricUnavailable, match="its labels are not"):
        RateScore().score(EMPTY, run_of(tmp_path))


def test_signature_names_variant_and_weights(models: dict[str, Path]) -> None:
    signature = str(RateScore().signature(run_of(models["rate_ner_tiny"], "0.5.0")))
    assert signature.startswith("ratescore|v2|0.5.0|ratescore-ner@")
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
    entities = decode(["[CLS]", *"abc", "[SEP]"], marks)
    assert entities == spans


def test_contradiction_is_symmetric_and_spares_anatomy() -> None:
    assert contradicts("DISEASE", "NON-ABNORMALITY")
    assert contradicts("NON-DISEASE", "ABNORMALITY")
    assert not contradicts("ANATOMY", "NON-DISEASE")
    assert not contradicts("DISEASE", "ABNORMALITY")


@pytest.mark.parametrize("side", ["reference", "candidate"])
def test_sentences_equal_the_official_pipeline(side: str) -> None:
    golden = {g["id"]: g[f"{side}_sentences"] for g in GOLDEN["runs"]["rate_ner_tiny/long"]["pairs"]}
    assert {p["id"]: split_sentences(p[side]) for p in FIXTURES} == golden
