"""A small good submission, and how to spoil it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from evaluator.checks.validation import Report, validate
from evaluator.sandbox.generate import card, predictions
from evaluator.tree import read_directory

GOOD_CARD = card("near-copy")


def good_studies() -> dict[str, dict[str, object]]:
    return {
        s: {"findings": r.findings, "impression": r.impression} for s, r in predictions("near-copy").items()
    }


def dump(studies: object) -> str:
    if not isinstance(studies, dict):
        return json.dumps(studies)
    lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in studies.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def check(folder: Path, ids: Collection[str] | None = None) -> Report:
    """The report on `folder`, as `submissions/<team>/<model>`, with the sandbox's ids."""
    shown = f"submissions/{folder.parent.name}/{folder.name}"
    wanted = set(good_studies()) if ids is None else ids
    return validate(read_directory(folder, shown), [shown], lambda _: wanted)


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    folder = tmp_path / "acme" / "m1"
    folder.mkdir(parents=True)
    (folder / "model.yaml").write_text(GOOD_CARD)
    (folder / "sandbox.json").write_text(dump(good_studies()))
    return folder


@pytest.fixture
def spoil(submission: Path) -> Callable[..., Path]:
    """Apply a function to the studies and write them back."""

    def apply(change: Callable[[dict[str, dict[str, object]]], object]) -> Path:
        studies = good_studies()
        result = change(studies)
        (submission / "sandbox.json").write_text(dump(studies if result is None else result))
        return submission

    return apply
