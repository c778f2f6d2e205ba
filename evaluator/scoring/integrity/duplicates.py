"""Whether a team's reports are another model's (C18), or a probe: its own previous ones with a few changes (C19).

Reports are compared as they were written; references are not involved.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from evaluator.core.types import FloatArray
from evaluator.scoring.integrity.flags import Flag, Outcome, norm, share_flag
from evaluator.scoring.integrity.limits import limits
from evaluator.scoring.integrity.similarity import FloatMatrix, WordTexts, matrix, sorted_words
from evaluator.statistics.ties import TIE

Reports = Sequence[str]
"""A model's reports in the order of a track's studies."""


def comparable(mine: Reports, theirs: Reports) -> list[int]:
    """Positions where both reports have some length and occur in no other study of their model."""
    least = limits().duplicate.min_words
    counts = Counter(mine), Counter(theirs)
    return [
        i
        for i, (a, b) in enumerate(zip(mine, theirs, strict=True))
        if counts[0][a] == 1 == counts[1][b] and min(len(a.split()), len(b.split())) >= least
    ]


def resembling(mine: Reports, theirs: Reports, positions: Sequence[int]) -> tuple[list[int], list[int]]:
    """(matches, sample): the positions drawn by hash, and those of them where my report follows theirs.

    That is: it is like theirs for the study and like none of theirs for other studies, or more like the
    former by a wide margin. Two models that fill the same template are as alike across studies as within.
    """
    rules = limits().duplicate
    # tie: none, hashes differ
    sample = sorted(sorted(positions, key=lambda i: _place(mine[i], i))[: rules.drawn])
    # tie: none, hashes differ
    others = sorted(sorted(range(len(theirs)), key=lambda i: _place(theirs[i], i))[: rules.others])
    column = {j: c for c, j in enumerate(sorted({*sample, *others}))}
    words = WordTexts()
    a, b = words([mine[i] for i in sample]), words([theirs[j] for j in column])
    matches: set[int] = set()
    for x, y, limit in ((a, b, rules.in_order), (sorted_words(a), sorted_words(b), rules.any_order)):
        likeness = matrix(x, y)
        rows, own = np.arange(len(sample)), [column[i] for i in sample]
        same = likeness[rows, own].copy()
        likeness[rows, own] = 0
        best = likeness.max(axis=1, initial=0)
        close = (same >= limit) & (best < limit)
        follows = close | ((same >= rules.least) & (same - best >= rules.margin))
        matches |= {i for i, yes in zip(sample, follows.tolist(), strict=True) if yes}
    return sorted(matches), sample


def _place(text: str, i: int) -> bytes:
    return hashlib.sha256(f"{i}\n{text}".encode(errors="replace")).digest()


def check_duplicate(
    mine: Reports,
    theirs: Reports,
    scores: tuple[FloatArray, FloatArray] | None,
    *,
    name: str,
    same_team: bool,
    own: Sequence[Reports] = (),
) -> list[Flag]:
    """C18, at most one flag: `mine` are the reports of the earlier model `name`.

    `scores`: per-study scores of both in the same metric, or `None`. `same_team`: a variant of the team's own
    model, which gets a badge. `own`: the team's reports from before `name` existed; a report that follows
    those is not held against it.
    """
    rules = limits().duplicate
    positions = comparable(mine, theirs)
    outcome = Outcome.BADGE if same_team else Outcome.QUARANTINE
    if len(positions) < rules.studies:
        return _same_templates(mine, theirs, name=name, same_team=same_team)
    matches, sample = resembling(mine, theirs, positions)
    for before in own:
        mine_before, _ = resembling(mine, before, sample)
        matches = [i for i in matches if i not in set(mine_before)]
    share = len(matches) / len(sample)
    r = None if scores is None or own else _correlation(scores[0][positions], scores[1][positions])
    alike = r is not None and r >= rules.correlation
    if share < rules.share and not alike:
        return []
    if share >= rules.reject_share and not same_team:
        outcome = Outcome.REJECT
    text = f"{share:.0%} of {len(sample)} distinct reports follow those of {name}"
    return [
        Flag(
            "C18", outcome, text + (f"; their scores correlate at {r:.3f}" if r is not None and alike else "")
        )
    ]


def _same_templates(mine: Reports, theirs: Reports, *, name: str, same_team: bool) -> list[Flag]:
    """C18 with too few distinct reports to judge by: the same text for the same studies.

    Each of my reports is assigned to the most similar of their texts, or the one it contains; Cohen's kappa
    says how often that is their text for the study, beyond chance. A constant says nothing, and two models
    that use similar templates for different studies have a kappa near 0. With few different texts the flag is
    only shown: two models may agree on normal and abnormal.
    """
    rules = limits().duplicate
    # tie: none, hashes differ
    sample = sorted(range(len(mine)), key=lambda i: _place(mine[i], i))[: rules.drawn]
    own = [norm(theirs[i]) for i in sample]
    kinds = sorted(set(own))
    number = {text: k for k, text in enumerate(kinds)}
    words = WordTexts()
    a, b = words([mine[i] for i in sample]), words(kinds)
    alike = matrix(a, b)
    kind_of = np.array([number[t] for t in own], dtype=np.intp)
    chances = np.bincount(kind_of, minlength=len(kinds)) / max(1, len(own))
    agreed, kappa = 0.0, 0.0
    for likeness in (alike, _contained(alike, a, b)):
        if not likeness.size:
            continue
        best = likeness.max(axis=1)
        nearest = (likeness >= best[:, None] - TIE).argmax(axis=1)  # tie: first index, within TIE
        close = best >= rules.in_order
        share, chance = float(((nearest == kind_of) & close).mean()), float(chances[nearest].mean())
        if chance < 1 and (share - chance) / (1 - chance) > kappa:
            agreed, kappa = share, (share - chance) / (1 - chance)
    if kappa < rules.kappa:
        return []
    is_grave = len(kinds) >= rules.kinds and not same_team
    text = f"{agreed:.0%} of the reports follow those of {name}, which has {len(kinds)} different ones there"
    return [Flag("C18", Outcome.QUARANTINE if is_grave else Outcome.BADGE, text)]


def _contained(alike: FloatMatrix, a: Sequence[str], b: Sequence[str]) -> FloatMatrix:
    """Share of b's words that a has in the same order; among texts contained whole, the longest is slightly ahead."""
    sizes = np.array([len(t) for t in a])[:, None], np.array([len(t) for t in b])[None, :]
    common = alike * (sizes[0] + sizes[1]) / 2
    return np.asarray(common / np.maximum(sizes[1], 1) + 1e-4 * sizes[1], dtype=np.float32)


def _correlation(a: FloatArray, b: FloatArray) -> float | None:
    if a.size < 3 or float(np.ptp(a)) == 0 or float(np.ptp(b)) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def check_probing(before: Mapping[str, str], after: Mapping[str, str]) -> list[Flag]:
    """C19: two runs of a team on a withheld dataset that differ in very few studies."""
    changes = sorted(i for i in before.keys() & after.keys() if norm(before[i]) != norm(after[i]))
    if not 0 < len(changes) < limits().probing.share * len(after):
        return []
    return [
        share_flag("C19", Outcome.QUARANTINE, changes, len(after), "changed since an earlier run of the team")
    ]
