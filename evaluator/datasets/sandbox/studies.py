"""The sandbox's studies from one seed: facts drawn at random, and reports that state them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any, Final

from evaluator.datasets.report import StudyReport
from evaluator.datasets.sandbox.grammar import (
    FINDINGS,
    NORMAL,
    Fact,
    changes_of,
    no_disease,
    normal_sentence,
    say,
)

SEED: Final = 20241122
N_STUDIES: Final = 60
N_PATIENTS: Final = 42
ABSENT_POOL: Final = ("effusion", "pneumothorax", "consolidation", "edema", "fracture")
_INDICATIONS: Final = (
    "Chest pain.",
    "Shortness of breath.",
    "Cough and fever.",
    "Follow-up.",
    "Preoperative evaluation.",
)


@dataclass(frozen=True, slots=True)
class Study:
    """A study as facts: what is present, what is negated, which normal topics are mentioned."""

    id: str
    patient: str
    sex: str
    age: int
    views: tuple[str, ...]
    prior: bool
    present: tuple[Fact, ...]
    absent: tuple[Fact, ...]
    normal: tuple[str, ...]


def studies(seed: int = SEED) -> list[Study]:
    """The studies of the dataset, in the order of their ids."""
    rng = random.Random(seed)  # noqa: S311 - a dataset, not a secret
    patients = [(f"p{i + 1:03d}", rng.choice("FM"), rng.randrange(19, 92)) for i in range(N_PATIENTS)]
    owners = patients + [rng.choice(patients[:12]) for _ in range(N_STUDIES - N_PATIENTS)]
    return [_study(f"sandbox-{i + 1:04d}", owner, rng) for i, owner in enumerate(owners)]


def _study(study: str, owner: tuple[str, str, int], rng: random.Random) -> Study:
    prior = rng.random() < 0.4
    n_present = rng.choice((0, 0, 0, 1, 1, 2, 2, 3))
    pool = [k for k, f in FINDINGS.items() for _ in range(f.weight)]
    keys: list[str] = []
    while len(keys) < n_present:
        key = rng.choice(pool)
        if key not in keys:
            keys.append(key)
    present = tuple(draw_fact(key, rng, prior=prior) for key in keys)
    absent = tuple(Fact(k, "absent") for k in ABSENT_POOL if k not in keys and rng.random() < 0.6)
    blocked = {
        "lungs": {"consolidation", "edema", "atelectasis", "opacity", "nodule"},
        "heart": {"cardiomegaly"},
        "bones": {"fracture"},
    }
    normal = tuple(t for t, _ in NORMAL if not blocked.get(t, set()) & set(keys) and rng.random() < 0.75)
    views = rng.choice((("Frontal", "Lateral"), ("Frontal",)))
    return Study(study, *owner, views, prior, present, absent, normal or ("mediastinum",))


def draw_fact(key: str, rng: random.Random, *, prior: bool) -> Fact:
    """A random fact of a finding: certain or not, with a location and severity, and with a `prior` perhaps a change."""
    finding = FINDINGS[key]
    place = rng.choice(finding.places) if finding.places else ""
    if rng.random() < 0.2 and key != "tube":
        return Fact(key, "uncertain", place)
    severity = rng.choice(finding.severities) if finding.severities else ""
    change = rng.choice(changes_of(key)) if prior and rng.random() < 0.7 else ""
    return Fact(key, "present", place, severity, change)


def write_report(study: Study, rng: random.Random) -> StudyReport:
    """The study's facts in words: abnormal first, then denials, then what is normal."""
    sentences = [say(f, rng.randrange(3)).text for f in (*study.present, *study.absent)]
    sentences += [normal_sentence(t, rng.randrange(3)).text for t in study.normal]
    if study.present:
        impression = " ".join(say(replace(f, change=""), rng.randrange(3)).text for f in study.present)
    else:
        impression = no_disease(rng.randrange(3)).text
    return StudyReport(" ".join(sentences), impression)


def references(seed: int = SEED) -> dict[str, dict[str, Any]]:
    """The dataset in ReXrank's public data format."""
    rng = random.Random(seed + 1)  # noqa: S311
    out = {}
    for study in studies(seed):
        report = write_report(study, rng)
        images = [f"{study.id}/{view.lower()}.png" for view in study.views]
        comparison = "Prior study." if study.prior else "None."
        out[study.id] = {
            "key_image_path": images[0],
            "image_path": images,
            "frontal_lateral": list(study.views),
            "section_findings": report.findings,
            "section_impression": report.impression,
            "report": f"Findings: {report.findings} Impression: {report.impression}",
            "context": f"Age:{study.age}.Gender:{study.sex}.Indication: {rng.choice(_INDICATIONS)}Comparison: {comparison}",
            "subject_id": study.patient,
            "split": "synthetic",
        }
    return out
