"""Questions about the sandbox's studies, with four options each, and the answers of made-up models, from one seed.

The questions follow from the facts of a study and cover ReXVQA's five skills, some of them rarer than others.
The file has the form of ReXVQA's on the model hub, with all of its fields.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from evaluator.datasets.answer import LETTERS, Answer
from evaluator.datasets.sandbox.grammar import BASES, FINDINGS, LOBES, SIDES, Fact
from evaluator.datasets.sandbox.studies import SEED, Study, references, studies

DATASET: Final = "sandbox-vqa"
NOTHING: Final = "No acute abnormality"
_PLACES: Final = (*LOBES, *BASES, *SIDES)
_DEGREES: Final = ("trace", "extensive", "massive")
_DIAGNOSES: Final[Mapping[str, str]] = {
    "effusion": "Fluid in the pleural space",
    "pneumothorax": "Air in the pleural space after a leak",
    "consolidation": "Lobar pneumonia",
    "edema": "Congestive heart failure",
    "atelectasis": "Collapse of a lung segment after shallow breathing",
    "opacity": "Early infection or aspiration",
    "nodule": "Granuloma or a tumour of the lung",
    "cardiomegaly": "Dilated heart muscle disease",
    "fracture": "Blunt trauma of the chest wall",
    "tube": "Monitoring after surgery",
}


@dataclass(frozen=True, slots=True)
class GeneratedQuestion:
    """One generated question: the correct option and the wrong ones."""

    skill: str
    text: str
    right: str
    wrong: tuple[str, ...]
    category: str
    because: str


def _name(fact: Fact) -> str:
    term = FINDINGS[fact.finding].terms[0]
    words = " ".join(w for w in (fact.severity, fact.location if fact.location in SIDES else "", term) if w)
    return words[0].upper() + words[1:]


def _findings(skip: set[str], n: int, rng: random.Random) -> tuple[str, ...]:
    """Names of `n` findings that are not in `skip`."""
    keys = rng.sample([k for k in FINDINGS if k not in skip], n)
    return tuple(
        _name(Fact(k, "present", "", rng.choice(FINDINGS[k].severities) if FINDINGS[k].severities else ""))
        for k in keys
    )


def _asked(study: Study, rng: random.Random) -> Iterator[GeneratedQuestion]:
    """The questions about a study."""
    sure = [f for f in study.present if f.status == "present"]
    findings = {f.finding for f in study.present}
    yield _presence(sure, findings, rng)
    if study.absent:
        yield _negation(study, rng)
    for fact in study.present:
        if fact.location:
            yield _location(fact, rng)
    for fact in sure[:1]:
        yield _diagnosis(fact, findings, rng)
    for fact in sure:
        if fact.severity and rng.random() < 0.5:
            yield _degree(fact, rng)


def _presence(sure: list[Fact], findings: set[str], rng: random.Random) -> GeneratedQuestion:
    question = "Which of these findings does the study show?"
    if not sure:
        return GeneratedQuestion(
            "Presence Assessment",
            question,
            NOTHING,
            _findings(findings, 3, rng),
            "No finding",
            "Nothing abnormal is described.",
        )
    fact = rng.choice(sure)
    wrong = (NOTHING, *_findings(findings, 2, rng)) if rng.random() < 0.5 else _findings(findings, 3, rng)
    label = FINDINGS[fact.finding].label
    return GeneratedQuestion(
        "Presence Assessment", question, _name(fact), wrong, label, f"{_name(fact)} is described."
    )


def _negation(study: Study, rng: random.Random) -> GeneratedQuestion:
    fact = rng.choice(study.absent)
    name = _name(fact)
    others = [_name(f) for f in study.present][:3]
    skip = {f.finding for f in (*study.present, *study.absent)}
    wrong = (*others, *_findings(skip, 3 - len(others), rng))
    question = "Which of these findings does the report rule out?"
    return GeneratedQuestion(
        "Negation Assessment", question, name, wrong, FINDINGS[fact.finding].label, f"{name} is denied."
    )


def _location(fact: Fact, rng: random.Random) -> GeneratedQuestion:
    finding = FINDINGS[fact.finding]
    wrong = rng.sample([p for p in _PLACES if p != fact.location and p not in fact.location], 3)
    return GeneratedQuestion(
        "Location and Distribution Assessment", f"Where is the {finding.terms[0]}?",
        _capital(fact.location), tuple(map(_capital, wrong)), finding.label, f"It is described as {fact.location}.",
    )  # fmt: skip


def _diagnosis(fact: Fact, findings: set[str], rng: random.Random) -> GeneratedQuestion:
    right = _DIAGNOSES[fact.finding]
    wrong = rng.sample([d for k, d in _DIAGNOSES.items() if k not in findings], 3)
    question = f"What best explains the {FINDINGS[fact.finding].terms[0]}?"
    return GeneratedQuestion(
        "Differential Diagnosis",
        question,
        right,
        tuple(wrong),
        FINDINGS[fact.finding].label,
        f"{right} fits.",
    )


def _degree(fact: Fact, rng: random.Random) -> GeneratedQuestion:
    finding = FINDINGS[fact.finding]
    others = [s for s in (*finding.severities, *_DEGREES) if s != fact.severity][:4]
    wrong = rng.sample(others, 3)
    question = f"How large or how marked is the {finding.terms[0]}?"
    return GeneratedQuestion(
        "Geometric Information Assessment", question, _capital(fact.severity), tuple(map(_capital, wrong)),
        finding.label, f"It is described as {fact.severity}.",
    )  # fmt: skip


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


@cache
def questions(seed: int = SEED) -> Mapping[str, Mapping[str, Any]]:
    """The dataset by question id, in the hub's form."""
    reports = references(seed)
    rng = random.Random(seed + 2)  # noqa: S311 - a dataset, not a secret
    entries: dict[str, Mapping[str, Any]] = {}
    for study in studies(seed):
        for number, question in enumerate(_asked(study, rng), start=1):
            options = [question.right, *question.wrong]
            rng.shuffle(options)
            entries[f"{study.id}-q{number}"] = _entry(study, question, options, reports[study.id])
    return entries


def _entry(
    study: Study, question: GeneratedQuestion, options: list[str], report: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "question": question.text,
        "options": [f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=True)],
        "correct_answer": LETTERS[options.index(question.right)],
        "correct_answer_explanation": question.because,
        "task_name": question.skill,
        "category": question.category,
        "subcategory": question.category,
        "study_id": study.id,
        "PatientID": study.patient,
        "PatientAge": f"{study.age:03}Y",
        "PatientSex": study.sex,
        "Findings": report["section_findings"],
        "Impression": report["section_impression"],
        "ImagePath": report["image_path"],
        "ImageViewPosition": list(study.views),
    }


def questions_text(seed: int = SEED) -> str:
    """`sandbox-vqa.json`, byte for byte: one question per line."""
    lines = [f"{json.dumps(i)}: {json.dumps(entry)}" for i, entry in questions(seed).items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


Reader = Callable[[Mapping[str, Any], random.Random], str]


def _hit(share: float, unanswered: float = 0.0) -> Reader:
    """A reader that answers one share of the questions correctly and leaves another unanswered."""

    def read(entry: Mapping[str, Any], rng: random.Random) -> str:
        if rng.random() < unanswered:
            return ""
        right = str(entry["correct_answer"])
        return right if rng.random() < share else rng.choice([x for x in LETTERS if x != right])

    return read


def _normal(entry: Mapping[str, Any], rng: random.Random) -> str:
    """The option without abnormality if there is one, else a poor guess: the answer of a normal template."""
    offered = [option[0] for option in entry["options"] if NOTHING in option]
    return offered[0] if offered else _hit(0.4)(entry, rng)


READERS: Final[Mapping[str, Reader]] = {
    "near-copy": _hit(0.94),
    "reader": _hit(0.85, unanswered=0.04),
    "paraphrase": _hit(0.66),
    "template": _normal,
    "shuffled": _hit(0.25),
}
"""Models that answer the questions, in their intended ranking order; `reader` writes no reports."""


def answers(model: str, seed: int = SEED) -> dict[str, Answer]:
    """The answers of one of the models."""
    rng = random.Random(f"{seed} {model} answers")  # noqa: S311
    return {i: Answer(READERS[model](entry, rng)) for i, entry in questions(seed).items()}


def answers_text(model: str, seed: int = SEED) -> str:
    """A model's `sandbox-vqa.json`: sorted, one question per line."""
    lines = [f'"{i}": "{answer.value}"' for i, answer in sorted(answers(model, seed).items())]
    return "{\n" + ",\n".join(lines) + "\n}\n"
