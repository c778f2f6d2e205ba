"""Baselines and sanity bands of reports: what a board shows of systems that see no images.

A board on which a constant sentence or another patient's report does well shows it. The baselines are
predictions like any other and go through the same pipeline; the bands are a metric's expected values for a
reference against itself, for an empty report and for another study's reference.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from evaluator.core.problems import InputError
from evaluator.datasets.protocol import clean_section
from evaluator.datasets.report import StudyReport
from evaluator.datasets.report_references import Reference
from evaluator.metrics.bleu import bleu_2
from evaluator.statistics.ties import by_cost

NULLS_VERSION: Final = "1"
NORMAL_FINDINGS: Final = (
    "The heart size and mediastinal contours are normal. The lungs are clear. "
    "There is no pleural effusion or pneumothorax. There is no acute bony abnormality."
)
NORMAL_IMPRESSION: Final = "No acute cardiopulmonary abnormality."
CANDIDATES: Final = 200
"""How many of the most common training reports are tried as the constant."""
SAMPLE: Final = 300
"""Number of training reports that each candidate is compared with."""


def null_reports(
    references: Mapping[str, Reference], training: Sequence[StudyReport] = (), *, seed: str
) -> dict[str, dict[str, StudyReport]]:
    """Per baseline (a key of the task's `baselines`), a report for every study; two of them need training reports.

    `seed` names the dataset and its version; the same seed gives the same rows on any machine.
    """
    ids = sorted(references)
    reports = {
        "normal-template": dict.fromkeys(ids, StudyReport(NORMAL_FINDINGS, NORMAL_IMPRESSION)),
        "shuffled-references": shuffled_references(references, seed),
    }
    if training:
        constant = best_constant(training, seed)
        rng = _rng(seed, "random-training-report")
        indices = rng.integers(0, len(training), len(ids))
        reports["best-constant"] = dict.fromkeys(ids, constant)
        reports["random-training-report"] = {i: _both(training[j]) for i, j in zip(ids, indices, strict=True)}
    return reports


def _rng(seed: str, what: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}|{what}|{NULLS_VERSION}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _both(report: StudyReport) -> StudyReport:
    return StudyReport(report.findings, report.impression or "")


def best_constant(training: Sequence[StudyReport], seed: str) -> StudyReport:
    """The training report with the highest mean BLEU-2 against a sample of training reports.

    Chosen on training reports only: a constant picked with the test references would flatter the baseline.
    Findings and impression are chosen separately. Ties go to the first in alphabetical order.
    """
    return StudyReport(
        _best_text([clean_section(r.findings) for r in training], seed),
        _best_text([clean_section(r.impression) for r in training], seed),
    )


def _best_text(texts: Sequence[str], seed: str) -> str:
    reports = sorted(t for t in texts if t)
    if not reports:
        return ""
    # tie: first in the alphabet
    common = sorted(Counter(reports).items(), key=lambda item: (-item[1], item[0]))[:CANDIDATES]
    rng = _rng(seed, "best-constant")
    sample = [reports[i] for i in rng.choice(len(reports), min(SAMPLE, len(reports)), replace=False)]
    texts = sorted(text for text, _ in common)
    return by_cost(texts, [-sum(bleu_2(reference, text) for reference in sample) for text in texts])[0]


def shuffled_references(
    references: Mapping[str, Reference], seed: str, strata: Mapping[str, str] | None = None
) -> dict[str, StudyReport]:
    """Every study with the reference of another patient, within its stratum if `strata` are given.

    Missing sections are only exchanged among themselves, so that no study gets an empty report because
    another one lacks a section. Studies in a stratum with a single patient draw from all studies instead.
    """
    ids = sorted(references)
    groups: dict[tuple[str, bool, bool], list[str]] = {}
    for i in ids:
        r = references[i]
        key = ((strata or {}).get(i, ""), r.findings is not None, r.impression is not None)
        groups.setdefault(key, []).append(i)
    rng = _rng(seed, "shuffled-references")
    partner: dict[str, str] = {}
    for _, members in sorted(groups.items()):
        partner |= _derangement(members, references, ids, rng)
    return {
        i: StudyReport(references[partner[i]].findings or "", references[partner[i]].impression or "")
        for i in ids
    }


def _derangement(
    members: Sequence[str],
    references: Mapping[str, Reference],
    everyone: Sequence[str],
    rng: np.random.Generator,
) -> dict[str, str]:
    """A partner of another patient for every member: a rotation by the largest patient's studies.

    Members sorted by patient and rotated by the largest patient's number of studies never meet a study of
    their own patient, if no patient has more than half of them; otherwise partners are drawn from `everyone`.
    """
    patients = sorted({references[i].patient for i in members})
    order = dict(zip(patients, rng.permutation(len(patients)), strict=True))
    row = sorted(members, key=lambda i: (order[references[i].patient], i))  # tie: none, ids differ
    largest = max(Counter(references[i].patient for i in members).values())
    if 2 * largest <= len(row):
        return {i: row[(k + largest) % len(row)] for k, i in enumerate(row)}
    partners = {}
    for i in row:
        others = [j for j in everyone if references[j].patient != references[i].patient]
        if not others:
            raise InputError("references of a single patient cannot be shuffled among patients.")
        partners[i] = others[int(rng.integers(len(others)))]
    return partners


def probe_reports(references: Mapping[str, Reference], seed: str) -> dict[str, dict[str, StudyReport]]:
    """The three probes of the sanity bands: `itself`, `empty` and `shuffled`, a report per study."""
    return {
        "itself": {i: StudyReport(r.findings or "", r.impression or "") for i, r in references.items()},
        "empty": dict.fromkeys(references, StudyReport("", "")),
        "shuffled": shuffled_references(references, seed),
    }
