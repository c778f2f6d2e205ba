"""Golden pairs and small checkpoints in the real file formats, from the official code's own runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.needs import reason
from support.radgraph_checkpoint import build

from evaluator.core.types import Pair
from evaluator.datasets.sandbox.shipped_weights import shipped_models
from evaluator.models.runtime import Run

PARITY = Path(__file__).parents[1] / "data" / "parity"


def golden(name: str) -> Any:
    return json.loads((PARITY / "core" / "golden" / name).read_text("utf-8"))


@pytest.fixture(scope="session")
def pairs() -> list[Pair]:
    lines = (PARITY / "core" / "pairs.jsonl").read_text("utf-8").splitlines()
    return [Pair(str(p["id"]), p["ref"], p["hyp"]) for p in map(json.loads, lines)]


@pytest.fixture(scope="session")
def official() -> dict[str, dict[str, float]]:
    return {**golden("official.json")["pairs"], **golden("official_edge.json")["pairs"]}


@pytest.fixture(scope="session")
def compat() -> Run:
    pytest.importorskip("torch", reason=reason("score"))
    return Run(protocol="compat", models=PARITY / "models", batch_size=1)


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models directory of the shipped stand-ins, plus a small RadGraph-XL."""
    pytest.importorskip("torch", reason=reason("score"))
    models = build("six-labels", tmp_path_factory.mktemp("models"))
    for folder in shipped_models().iterdir():
        (models / folder.name).symlink_to(folder)
    return models
