"""Training texts for the stand-ins: reports from other seeds than the dataset's, with their gold labels."""

from __future__ import annotations

import hashlib
import random
from typing import Final

from evaluator.datasets.sandbox.grammar import Sentence, sentence_table
from evaluator.datasets.sandbox.studies import SEED, studies, write_report
from tools.train_standins.labels import known_sentences

_FIRST_SEED: Final = 1_000
_STUDIES_A_SEED: Final = 60
HELD_OUT_OF: Final = 10
"""One in this many of the grammar's sentences is never trained on."""


def held_out(sentence: Sentence) -> bool:
    """Whether a sentence is kept for the test: some of those that combine a place with another attribute.

    Every word of them occurs in other sentences.
    """
    fact = sentence.facts[0]
    if not (fact.location and (fact.severity or fact.change)):
        return False
    return hashlib.sha256(sentence.text.encode()).digest()[0] % HELD_OUT_OF == 0


def held_out_sentences() -> list[str]:
    """The texts of all sentences that are never trained on, sorted."""
    return sorted({s.text for s in sentence_table().values() if held_out(s)})


def reports(count: int, *, test: bool = False) -> list[str]:
    """`count` texts: findings, impressions, both with their headers, and single sentences.

    Training texts contain no held-out sentence; test texts have their own seeds.
    """
    seed = _FIRST_SEED + (1_000_000 if test else 0)
    texts: list[str] = []
    while len(texts) < count:
        seed += 1
        assert seed != SEED
        rng = random.Random(f"stand-in {seed}")  # noqa: S311
        for study in studies(seed):
            report = write_report(study, rng)
            findings = _kept(report.findings or "", rng, test=test)
            impression = _kept(report.impression or "", rng, test=test)
            text = _shape(findings, impression, rng)
            if text:
                texts.append(text)
    return texts[:count]


def _kept(section: str, rng: random.Random, *, test: bool) -> list[str]:
    kept = [s.text for s in known_sentences(section) if test or not held_out(s)]
    if rng.random() < 0.5:
        table = list(sentence_table().values())
        extra = [s.text for s in (rng.choice(table) for _ in range(3)) if test or not held_out(s)]
        kept += extra
        rng.shuffle(kept)
    return kept


def _shape(findings: list[str], impression: list[str], rng: random.Random) -> str:
    shape = rng.randrange(4)
    if shape == 0 and impression:
        return f"Findings: {' '.join(findings)} Impression: {' '.join(impression)}"
    if shape == 1 and impression:
        return " ".join(impression)
    if shape == 2 and findings:
        return " ".join(findings[: 1 + rng.randrange(2)])
    return " ".join(findings)
