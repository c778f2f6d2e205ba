"""A small good submission, how it is checked, and how to spoil it."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cache
from pathlib import Path

import yaml

from evaluator.datasets.sandbox.generate import card as sandbox_card
from evaluator.datasets.sandbox.generate import predictions
from evaluator.submissions.model_card import ModelCard
from evaluator.submissions.tree import read_directory
from evaluator.submissions.validate import Report, validate

FIRST = "sandbox-0001"
GOOD_CARD = sandbox_card("near-copy")


def model_card(**fields: object) -> ModelCard:
    """A card; `fields` as the file has them take the place of its own."""
    return ModelCard.model_validate({**yaml.safe_load(GOOD_CARD), **fields})


_reports = cache(predictions)


def good_studies() -> dict[str, dict[str, object]]:
    return {s: {"findings": r.findings, "impression": r.impression} for s, r in _reports("near-copy").items()}


def dump(studies: object) -> str:
    if not isinstance(studies, dict):
        return json.dumps(studies)
    lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in studies.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def check(folder: Path, ids: Collection[str] | None = None) -> Report:
    """The report on `folder`, as `submissions/<team>/<model>`, with the sandbox's ids."""
    place = f"submissions/{folder.parent.name}/{folder.name}"
    wanted = set(good_studies()) if ids is None else ids
    return validate(read_directory(folder, place), [place], lambda _: wanted)


def studies(change):
    """A spoiler of the prediction file: `change` edits the studies in place or returns others."""

    def apply(folder: Path) -> None:
        value = good_studies()
        result = change(value)
        (folder / "sandbox.json").write_text(dump(value if result is None else result))

    return apply


def text(make):
    """A spoiler of the prediction file's bytes."""

    def apply(folder: Path) -> None:
        path = folder / "sandbox.json"
        path.write_bytes(make(path.read_bytes()))

    return apply


def card(old: str, new: str):
    def apply(folder: Path) -> None:
        assert old in GOOD_CARD
        (folder / "model.yaml").write_text(GOOD_CARD.replace(old, new))

    return apply


def add(name: str, content: bytes = b"x"):
    def apply(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return apply


def put(study: str, **fields):
    return studies(lambda s: s[study].update(fields) or None)


def rename(old: str, new: str):
    def change(s):
        s[new] = s.pop(old)

    return studies(change)


def link(folder: Path) -> None:
    (folder / "sandbox.json").unlink()
    (folder / "sandbox.json").symlink_to("/etc/hostname")


def remove(name):
    return lambda folder: (folder / name).unlink()
