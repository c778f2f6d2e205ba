"""The synthetic datasets and their submissions, from one seed.

Run `python -m evaluator.datasets.sandbox.generate ROOT` to write `sandbox.json` and `sandbox-vqa.json` in
`evaluator/datasets/sandbox/` and `submissions/rexrank-sandbox/` below ROOT again; a test makes sure that the
bytes do not change.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from evaluator.core.files import write_text
from evaluator.datasets.report import StudyReport, dump_predictions
from evaluator.datasets.sandbox.grammar import FINDINGS, NORMAL, Fact, no_disease, normal_sentence, say
from evaluator.datasets.sandbox.questions import DATASET, READERS, answers_text, questions_text
from evaluator.datasets.sandbox.studies import (
    ABSENT_POOL,
    SEED,
    Study,
    draw_fact,
    references,
    studies,
    write_report,
)

TEAM: Final = "rexrank-sandbox"


def near_copy(study: Study, rng: random.Random) -> StudyReport:
    """The reference's facts in other words, sometimes with a negation left out or a severity misjudged."""
    absent = tuple(f for f in study.absent if rng.random() < 0.8)
    present = tuple(
        replace(f, severity=rng.choice(FINDINGS[f.finding].severities))
        if f.severity and rng.random() < 0.3
        else f
        for f in study.present
    )
    return write_report(replace(study, present=present, absent=absent), rng)


def paraphrase(study: Study, rng: random.Random) -> StudyReport:
    """Mostly correct: findings are sometimes lost, moved or made up."""
    present = []
    for fact in study.present:
        roll = rng.random()
        if roll < 0.25:
            continue
        finding = FINDINGS[fact.finding]
        if roll < 0.5 and fact.location:
            fact = replace(fact, location=rng.choice(finding.places))  # noqa: PLW2901
        present.append(replace(fact, change=""))
    if rng.random() < 0.25:
        made_up = rng.choice([k for k in FINDINGS if k not in {f.finding for f in present}])
        present.append(draw_fact(made_up, rng, prior=False))
    absent = tuple(
        f for f in study.absent if f.finding not in {p.finding for p in present} and rng.random() < 0.7
    )
    normal = tuple(t for t in study.normal if rng.random() < 0.8) or study.normal
    return write_report(replace(study, present=tuple(present), absent=absent, normal=normal), rng)


def template(study: Study, rng: random.Random) -> StudyReport:  # noqa: ARG001 - one report for all
    """The same normal report for every study: what most references negate or call normal."""
    denied = (say(Fact(key, "absent"), i) for i, key in enumerate(ABSENT_POOL[:4]))
    normal = (normal_sentence(topic) for topic, _ in NORMAL)
    return StudyReport(" ".join(s.text for s in (*denied, *normal)), no_disease().text)


Writer = Callable[[Study, random.Random], StudyReport]
_WRITERS: Final[dict[str, tuple[str, Writer | None]]] = {
    "near-copy": ("Near copy: the reference's facts in other words. Made to come first.", near_copy),
    "paraphrase": (
        "Paraphrase with errors: findings lost, moved or made up. Made to come second.",
        paraphrase,
    ),
    "template": ("Template: one normal report for every study. Made to come third.", template),
    "shuffled": ("Shuffled: another patient's report for every study. Made to come last.", None),
}
MODELS: Final = tuple(_WRITERS)
"""The four models that write reports, in their intended ranking order."""
_READER: Final = "Reader: answers to questions, right for most, and no reports. Made to come second."


def predictions(model: str, seed: int = SEED) -> dict[str, StudyReport]:
    """The reports of one of the four submissions."""
    rng = random.Random(f"{seed} {model}")  # noqa: S311
    writer = _WRITERS[model][1]
    every = studies(seed)
    if writer is not None:
        return {s.id: writer(s, rng) for s in every}
    reports = {}
    for study in every:
        others = [o for o in every if o.patient != study.patient]
        rng.shuffle(others)
        # The report that overlaps least, so that shuffling costs more than a template.
        stranger = min(others, key=lambda o: len(_said(o) & _said(study)) - len(_said(o) - _said(study)) / 10)
        reports[study.id] = write_report(stranger, rng)
    return reports


def _said(study: Study) -> set[tuple[str, str]]:
    return {(f.finding, f.status) for f in (*study.present, *study.absent)} | {
        (t, "normal") for t in study.normal
    }


def card(model: str) -> str:
    """The model card of one of the submissions."""
    about = _WRITERS[model][0] if model in _WRITERS else _READER
    return f"""\
name: Sandbox {model}
institution: Sandbox
contact: [rexrank-sandbox]
year: 2026
description: >-
  {about} Written by the sandbox's
  generator from the references; it looks at no image.
links: {{}}
license: CC0-1.0
parameters: null
inputs:
  views: none
  context: none
training_data: [synthetic]
uses_external_llm: false
deterministic: true
status: active
"""


def dataset_text(seed: int = SEED) -> str:
    """`sandbox.json`, byte for byte."""
    return json.dumps(references(seed), indent=1, ensure_ascii=False) + "\n"


def submission_files(seed: int = SEED) -> Mapping[str, str]:
    """Path below `submissions/` to text: four submissions with reports and answers, one with only answers."""
    files = {}
    for model in MODELS:
        files[f"{TEAM}/{model}/sandbox.json"] = dump_predictions(predictions(model, seed))
    for model in READERS:
        files[f"{TEAM}/{model}/model.yaml"] = card(model)
        files[f"{TEAM}/{model}/{DATASET}.json"] = answers_text(model, seed)
    return files


def main(root: Path) -> None:
    """Nothing; writes the datasets to the package and the submissions to the repository at `root`."""
    write_text(root / "evaluator/datasets/sandbox/sandbox.json", dataset_text())
    write_text(root / f"evaluator/datasets/sandbox/{DATASET}.json", questions_text())
    for path, text in submission_files().items():
        write_text(root / "submissions" / path, text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
