"""Whether reports were copied from the references or from a leaked manifest.

A report is like its reference when their similarity (`evaluator/scoring/integrity/similarity.py`) reaches the
limit, either in order or in any order. Where references are templates that proves nothing (two in five on IU
X-ray share their text), so the checks rely mostly on longer references that no other study has.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evaluator.core.types import FloatArray, Pair
from evaluator.datasets.protocol import ProtocolName
from evaluator.datasets.references import References
from evaluator.datasets.report import StudyReport
from evaluator.scoring.integrity.flags import Flag, Outcome, Texts, norm, share_flag, worst
from evaluator.scoring.integrity.limits import limits
from evaluator.scoring.integrity.similarity import FloatMatrix, WordTexts, matrix, pairwise, sorted_words
from evaluator.submissions.submission import tracks_of


@dataclass(frozen=True, slots=True)
class Copies:
    """Positions of studies, in the texts' order.

    `distinct`: longer references that no other study has; `similar`: reports like their reference;
    `examined`: the distinct ones whose report was compared with every reference, and `own` those of them that
    point at their own; `spans`: reports with a passage found only in their reference.
    """

    distinct: tuple[int, ...]
    similar: tuple[int, ...]
    examined: tuple[int, ...]
    own: tuple[int, ...]
    spans: tuple[int, ...]


class CopyShares(NamedTuple):
    """A record's diagnostics of copying; see `describe_copying`."""

    copied_spans: float
    unique_matches: float | None
    own_reference: float | None


def copy_findings(
    reports: Mapping[str, StudyReport], references: References, protocol: ProtocolName = "clean"
) -> list[Flag]:
    """C11, C12 and C13 of a prediction file in every track it enters; the most severe flag of each code.

    For a holder of the references to run before anything becomes public; empty if nothing is found.
    """
    gravest: dict[str, Flag] = {}
    for track in tracks_of(reports, references.dataset):
        texts = board_texts(references, references.pairs(reports, track, protocol))
        for flag in check_copying(texts) if texts.n else []:
            before = gravest.setdefault(flag.code, flag)
            gravest[flag.code] = before if worst([before]) is worst([before, flag]) else flag
    return [gravest[code] for code in sorted(gravest)]


def board_texts(references: References, pairs: Sequence[Pair]) -> Texts:
    """A track's texts in the order of its pairs, as the metrics see them."""
    return Texts(
        dataset=references.dataset.id,
        ids=[p.id for p in pairs],
        patients=[references.studies[p.id].patient for p in pairs],
        references=[p.reference for p in pairs],
        predictions=[p.prediction for p in pairs],
    )


def distinct_references(texts: Texts, min_words: int) -> list[int]:
    """Positions of the references with at least `min_words` words that occur in no other study and no training set."""
    normal = [norm(r) for r in texts.references]
    counts = Counter(normal)
    others = {norm(t) for t in texts.training}
    return [
        i for i, r in enumerate(normal) if counts[r] == 1 and r not in others and len(r.split()) >= min_words
    ]


def find_copies(texts: Texts) -> Copies:
    """Which reports look copied from their own reference, by position."""
    words = WordTexts()
    references, predictions = words(texts.references), words(texts.predictions)
    in_order = pairwise(predictions, references)
    any_order = pairwise(sorted_words(predictions), sorted_words(references))
    distinct = distinct_references(texts, limits().copies.min_words)
    examined = _drawn(texts, distinct)
    own = [i for i in examined if max(in_order[i], any_order[i]) >= limits().own_reference.least]
    pointing = _pointing(predictions, references, in_order, own)
    rest = [i for i in own if i not in pointing]
    pointing |= _pointing(sorted_words(predictions), sorted_words(references), any_order, rest)
    return Copies(
        distinct=tuple(distinct),
        similar=tuple(_similar(texts, predictions, references, in_order, any_order)),
        examined=tuple(examined),
        own=tuple(sorted(pointing)),
        spans=tuple(_copied_spans(texts)),
    )


def _similar(
    texts: Texts,
    predictions: Sequence[str],
    references: Sequence[str],
    in_order: FloatMatrix,
    any_order: FloatMatrix,
) -> list[int]:
    """Positions of reports like their reference, except those just as like another reference of the patient.

    A model that reads the prior report may repeat it, and follow-up reports repeat each other.
    """
    rules = limits().copies
    like = (in_order >= rules.in_order) | (any_order >= rules.any_order)
    studies: dict[str, list[int]] = {}
    for i, patient in enumerate(texts.patients):
        studies.setdefault(patient, []).append(i)
    positions = []
    for i in np.flatnonzero(like).tolist():
        others = [j for j in studies[texts.patients[i]] if j != i]
        prior = matrix([predictions[i]], [references[j] for j in others])
        if not others or float(prior.max()) < in_order[i]:
            positions.append(i)
    return positions


def _drawn(texts: Texts, positions: Sequence[int]) -> list[int]:
    """The `positions` to examine, chosen by the hash of id and report so that nobody can target them."""

    def place(i: int) -> bytes:
        return hashlib.sha256(f"{texts.ids[i]}\n{texts.predictions[i]}".encode(errors="replace")).digest()

    # tie: none, hashes differ
    return sorted(sorted(positions, key=place)[: limits().own_reference.examined])


def _pointing(
    predictions: Sequence[str], references: Sequence[str], own: FloatMatrix, positions: Sequence[int]
) -> set[int]:
    """The positions whose report is more like its own reference than any other, by the margin."""
    rules = limits().own_reference
    similarity = matrix([predictions[i] for i in positions], references)
    similarity[np.arange(len(positions)), list(positions)] = -1
    best = similarity.max(axis=1, initial=-1)
    return {
        i
        for i, other in zip(positions, best.tolist(), strict=True)
        if own[i] >= rules.least and own[i] - max(other, 0.0) >= rules.margin
    }


def _copied_spans(texts: Texts) -> list[int]:
    """Positions of reports that share a long run of words with their own reference and with no other text.

    A run that also occurs in another patient's reference or a training reference is common wording.
    """
    k = limits().own_reference.span_words
    owners: dict[int, str | None] = {}
    for patient, reference in zip(texts.patients, texts.references, strict=True):
        for gram in _grams(reference, k):
            owners[gram] = patient if owners.get(gram, patient) == patient else None
    owners |= dict.fromkeys((g for t in texts.training for g in _grams(t, k)), None)
    return [
        i
        for i in range(texts.n)
        if any(
            owners[gram] is not None
            for gram in _grams(texts.predictions[i], k) & _grams(texts.references[i], k)
        )
    ]


def _grams(text: str, k: int) -> set[int]:
    """Every run of `k` words as a hash, so that those of a whole dataset fit into memory."""
    words = norm(text).split()
    return {hash(tuple(words[j : j + k])) for j in range(len(words) - k + 1)}


def check_copying(texts: Texts, copies: Copies | None = None) -> list[Flag]:
    """C11, C12 and C13: reports that repeat their own reference; `copies` if already known."""
    rules = limits().copies
    if texts.dataset in rules.skip:
        return []
    copies = copies or find_copies(texts)
    distinct, examined, similar = set(copies.distinct), set(copies.examined), set(copies.similar)
    own = set(copies.own) | (set(copies.spans) & examined)
    least, all_share = rules.min_words, rules.all_share
    return [
        *_copy_flag("C11", texts, similar & distinct, distinct, rules.share,
                    f"of at least {least} words that no other study has"),
        *_copy_flag("C12", texts, similar, range(texts.n), all_share.get(texts.dataset, rules.share),
                    "short and shared ones included"),
        *_copy_flag("C13", texts, own, examined, rules.share,
                    "and to no other: each was compared with the references of all studies"),
    ]  # fmt: skip


def _copy_flag(
    code: str, texts: Texts, matches: Iterable[int], among: Iterable[int], share: float, what: str
) -> list[Flag]:
    rules = limits().copies
    positions, n = sorted(matches), len(list(among))
    # At least a few, so that one match among few long references does not hold anyone.
    if len(positions) < rules.studies or len(positions) <= share * n:
        return []
    outcome = Outcome.REJECT if len(positions) > rules.reject_share * n else Outcome.QUARANTINE
    ids = [texts.ids[i] for i in positions]
    return [share_flag(code, outcome, ids, n, f"are close to their own reference, {what}")]


def describe_copying(texts: Texts, copies: Copies | None = None) -> CopyShares:
    """Shares shown for every model, `None` where nothing can be said.

    `copied_spans`: reports with a passage found only in their reference; `unique_matches`: reports like their
    reference, among distinct references; `own_reference`: reports that point at their own reference among
    all, of those examined.
    """
    copies = copies or find_copies(texts)
    n, examined = len(copies.distinct), len(copies.examined)
    return CopyShares(
        copied_spans=len(copies.spans) / texts.n,
        unique_matches=len(set(copies.similar) & set(copies.distinct)) / n if n else None,
        own_reference=len(copies.own) / examined if examined else None,
    )


def check_canaries(texts: Texts, canaries: Iterable[str]) -> list[Flag]:
    """C20, at most one flag: a report contains a string planted in a released manifest, ignoring punctuation."""
    wanted = [w for c in canaries if (w := norm(c).replace(" ", ""))]
    ids = [
        i
        for i, p in zip(texts.ids, texts.predictions, strict=True)
        if any(w in norm(p).replace(" ", "") for w in wanted)
    ]
    return [share_flag("C20", Outcome.REJECT, ids, texts.n, "contain a planted string")] if ids else []


def check_swapped(scores: FloatArray, swapped: Sequence[int], *, higher_is_better: bool) -> list[Flag]:
    """C20, at most one flag: known-wrong references are matched as well as correct ones.

    `scores`: per study, shape (n,); `swapped`: the positions of the wrong ones.
    """
    mask = np.zeros(scores.size, dtype=bool)
    mask[list(swapped)] = True
    if not mask.any() or mask.all():
        return []
    sign = 1 if higher_is_better else -1
    wrong, right = float((sign * scores[mask]).mean()), float((sign * scores[~mask]).mean())
    if wrong < right:
        return []
    text = f"{mask.sum()} studies with swapped references score no worse than the {(~mask).sum()} others"
    return [Flag("C20", Outcome.QUARANTINE, text)]
