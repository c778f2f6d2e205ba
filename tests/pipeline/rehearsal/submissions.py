"""Submissions of strangers: good ones made by the sandbox's writers, and changes to them."""

from __future__ import annotations

import random
from collections.abc import Mapping

from evaluator.datasets.answer import LETTERS
from evaluator.datasets.report import StudyReport, dump_predictions
from evaluator.datasets.sandbox.generate import predictions
from evaluator.datasets.sandbox.questions import DATASET as QUESTIONS
from evaluator.datasets.sandbox.questions import questions
from rehearsal.git import Change
from rehearsal.seed import N_PRIVATE, PRIVATE

CARD = """\
name: {name}
institution: {institution}
contact: [{contact}]
year: 2026
description: {description}
links: {{}}
license: MIT
parameters: 7M
inputs:
  views: frontal
  context: none
training_data: [synthetic]
uses_external_llm: false
deterministic: true
status: {status}
"""


def card(
    *,
    name: str = "Careful model",
    institution: str = "A university",
    contact: str = "stranger",
    description: str = "A model that looks at frontal views and says what it sees.",
    status: str = "active",
) -> bytes:
    """A model card."""
    return CARD.format(
        name=name, institution=institution, contact=contact, description=description, status=status
    ).encode()


def reports(writer: str = "paraphrase", seed: int = 7, *, private: bool = False) -> Mapping[str, StudyReport]:
    """Reports of one of the sandbox's writers for the sandbox or, under its ids, for the private dataset."""
    texts = predictions(writer, seed)
    if not private:
        return texts
    return {f"prv{n:04d}": r for n, r in enumerate(list(texts.values())[:N_PRIVATE])}


def answers_of_a_stranger(seed: int) -> bytes:
    """Answers to the sandbox's questions, correct for three in four and wrong in their own way."""
    rng = random.Random(f"stranger {seed}")
    letters = {
        i: e["correct_answer"] if rng.random() < 0.75 else rng.choice(LETTERS) for i, e in questions().items()
    }
    lines = [f'"{i}": "{letter}"' for i, letter in sorted(letters.items())]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def submission(
    team: str = "strangers",
    model: str = "careful",
    *,
    writer: str = "paraphrase",
    seed: int = 7,
    private: bool = False,
    answers: bool = False,
    card_text: bytes | None = None,
) -> dict[str, Change]:
    """The files of a good submission to the sandbox, and to the private dataset and the sandbox's questions where asked for."""
    folder = f"submissions/{team}/{model}"
    files: dict[str, Change] = {
        f"{folder}/model.yaml": card_text if card_text is not None else card(),
        f"{folder}/sandbox.json": dump_predictions(reports(writer, seed)).encode(),
    }
    if answers:
        files[f"{folder}/{QUESTIONS}.json"] = answers_of_a_stranger(seed)
    if private:
        files[f"{folder}/{PRIVATE}.json"] = dump_predictions(reports(writer, seed, private=True)).encode()
    return files


def changed(files: Mapping[str, Change], suffix: str, old: str, new: str) -> dict[str, Change]:
    """The files with one text replaced once in the file whose path ends so."""
    copies = dict(files)
    (path,) = [p for p in files if p.endswith(suffix)]
    data = copies[path]
    assert isinstance(data, bytes)
    assert old.encode() in data
    copies[path] = data.replace(old.encode(), new.encode(), 1)
    return copies


def noise(n_bytes: int) -> bytes:
    """Bytes that do not compress."""
    return random.Random(n_bytes).randbytes(n_bytes)
