"""Whether a team's reports are another model's (C18), or a probe: its own last ones but for a few (C19).

Reports are compared as they were written; references play no part in it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from evaluator.core.types import FloatArray
from evaluator.scoring.integrity.flags import Flag, Outcome, limits, norm, share_flag
from evaluator.scoring.integrity.similarity import WordTexts, matrix, sorted_words

Reports = Sequence[str]
"""A model's reports in the order of a track's studies."""


def comparable(mine: Reports, theirs: Reports) -> list[int]:
    """Positions where both reports are of some length and no other study of their model has them."""
    least = limits()["duplicate"]["min_words"]
    counts = Counter(mine), Counter(theirs)
    return [
        i
        for i, (a, b) in enumerate(zip(mine, theirs, strict=True))
        if counts[0][a] == 1 == counts[1][b] and min(len(a.split()), len(b.split())) >= least
    ]


def resembling(mine: Reports, theirs: Reports, positions: Sequence[int]) -> tuple[list[int], list[int]]:
    """(found, drawn): of the positions drawn by hash, those where my report follows theirs.

    That is: it is like theirs of the study and like none of theirs on other studies, or it is liker to
    the former by a wide margin. Two models that fill one template are as like across studies as within.
    """
    rules = limits()["duplicate"]
    drawn = sorted(sorted(positions, key=lambda i: _place(mine[i], i))[: rules["drawn"]])
    others = sorted(sorted(range(len(theirs)), key=lambda i: _place(theirs[i], i))[: rules["others"]])
    column = {j: c for c, j in enumerate(sorted({*drawn, *others}))}
    words = WordTexts()
    a, b = words([mine[i] for i in drawn]), words([theirs[j] for j in column])
    found: set[int] = set()
    for x, y, limit in ((a, b, rules["in_order"]), (sorted_words(a), sorted_words(b), rules["any_order"])):
        likeness = matrix(x, y)
        rows, own = np.arange(len(drawn)), [column[i] for i in drawn]
        same = likeness[rows, own].copy()
        likeness[rows, own] = 0
        best = likeness.max(axis=1, initial=0)
        close = (same >= limit) & (best < limit)
        follows = close | ((same >= rules["least"]) & (same - best >= rules["margin"]))
        found |= {i for i, yes in zip(drawn, follows.tolist(), strict=True) if yes}
    return sorted(found), drawn


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
    """C18: whether `mine` are the reports of the model `name`, which was there before.

    `scores`: per-study scores of both in the same metric, or `None`. `same_team`: a variant of the
    team's own, which gets a badge. `own`: what the team had itself before `name` came; a report that
    follows that is not held against it.
    """
    rules = limits()["duplicate"]
    positions = comparable(mine, theirs)
    outcome = Outcome.BADGE if same_team else Outcome.QUARANTINE
    if len(positions) < rules["studies"]:
        return _same_templates(mine, theirs, name)
    found, drawn = resembling(mine, theirs, positions)
    for before in own:
        mine_before, _ = resembling(mine, before, drawn)
        found = [i for i in found if i not in set(mine_before)]
    share = len(found) / len(drawn)
    r = None if scores is None or own else _correlation(scores[0][positions], scores[1][positions])
    alike = r is not None and r >= rules["correlation"]
    if share < rules["share"] and not alike:
        return []
    if share >= rules["reject_share"] and not same_team:
        outcome = Outcome.REJECT
    text = f"{share:.0%} of {len(drawn)} distinct reports follow those of {name}"
    return [
        Flag(
            "C18", outcome, text + (f"; their scores correlate at {r:.3f}" if r is not None and alike else "")
        )
    ]


def _same_templates(mine: Reports, theirs: Reports, name: str) -> list[Flag]:
    """A badge where too few distinct reports are there to judge by, but both give the same text to the same studies.

    Agreement beyond chance, as Cohen's kappa: a constant says nothing, and two models that draw on like
    templates for other studies have none. It is shown and holds nobody.
    """
    rules = limits()["duplicate"]
    drawn = sorted(range(len(mine)), key=lambda i: _place(mine[i], i))[: rules["drawn"]]
    own = [norm(theirs[i]) for i in drawn]
    kinds = sorted(set(own))
    words = WordTexts()
    likeness = matrix(sorted_words(words([mine[i] for i in drawn])), sorted_words(words(kinds)))
    nearest = [kinds[k] for k in likeness.argmax(axis=1).tolist()] if kinds else []
    close = likeness.max(axis=1, initial=0) >= rules["in_order"]
    counts = Counter(own)
    share = sum(a == b and c for a, b, c in zip(nearest, own, close.tolist(), strict=True)) / max(1, len(own))
    chance = sum(counts[t] for t in nearest) / max(1, len(own)) ** 2
    if chance >= 1 or (share - chance) / (1 - chance) < rules["kappa"]:
        return []
    text = f"{share:.0%} of the reports follow those of {name}, with too few distinct ones to judge by"
    return [Flag("C18", Outcome.BADGE, text)]


def _correlation(a: FloatArray, b: FloatArray) -> float | None:
    if a.size < 3 or float(np.ptp(a)) == 0 or float(np.ptp(b)) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def check_probing(before: Mapping[str, str], after: Mapping[str, str]) -> list[Flag]:
    """C19: two runs of a team on a withheld set that differ in very few studies."""
    changed = sorted(i for i in before.keys() & after.keys() if norm(before[i]) != norm(after[i]))
    if not 0 < len(changed) < limits()["probing"]["share"] * len(after):
        return []
    return [
        share_flag("C19", Outcome.QUARANTINE, changed, len(after), "changed since an earlier run of the team")
    ]
