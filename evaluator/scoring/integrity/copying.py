"""Whether reports were copied: from the references, from another team, or out of a leaked manifest.

An exact match proves nothing where references are templates (two in five on IU X-ray share their
text), so what counts are references that no other study has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from evaluator.core.types import FloatArray
from evaluator.scoring.integrity.flags import Flag, Outcome, Texts, limits, norm, share_flag


def unique_references(texts: Texts, min_words: int) -> list[int]:
    """Positions of the references of at least `min_words` words that no other study and no training set has."""
    normal = [norm(r) for r in texts.references]
    counts = Counter(normal)
    seen = {norm(t) for t in texts.training}
    return [
        i for i, r in enumerate(normal) if counts[r] == 1 and r not in seen and len(r.split()) >= min_words
    ]


def check_copying(texts: Texts) -> list[Flag]:
    """C11, C12 and C13: reports that repeat their own reference."""
    return [*_unique_match(texts), *_exact_match(texts), *_copied_spans(texts)]


def describe_copying(texts: Texts) -> dict[str, Any]:
    """`copied_spans` and `unique_matches`: shares shown for every model."""
    long = unique_references(texts, limits()["unique_match"]["min_words"])
    return {
        "copied_spans": len(copied_spans(texts)) / texts.n,
        "unique_matches": len(_matches(texts, long)) / len(long) if long else None,
    }


def _matches(texts: Texts, positions: Iterable[int]) -> list[str]:
    return [
        texts.ids[i]
        for i in positions
        if (p := norm(texts.predictions[i])) and p == norm(texts.references[i])
    ]


def _unique_match(texts: Texts) -> list[Flag]:
    rules = limits()["unique_match"]
    long = unique_references(texts, rules["min_words"])
    ids = _matches(texts, long)
    if texts.dataset in rules["skip"] or not ids:
        return []
    least = rules["private_quarantine_studies" if texts.private else "quarantine_studies"]
    # Three at least, so that one match among few long references refuses nobody.
    if len(ids) >= max(rules["reject_share"] * len(long), rules["quarantine_studies"]):
        outcome = Outcome.REJECT
    elif len(ids) >= least or len(ids) >= rules["quarantine_share"] * len(long):
        outcome = Outcome.QUARANTINE
    else:
        return []
    what = f"equal a reference that no other study has ({len(long)} long ones)"
    return [share_flag("C11", outcome, ids, texts.n, what)]


def _exact_match(texts: Texts) -> list[Flag]:
    rules = limits()["exact_match"].get(texts.dataset)
    if rules is None:
        return []
    ids = _matches(texts, range(texts.n))
    share = len(ids) / texts.n
    if share > rules.get("reject", 1.0):
        outcome = Outcome.REJECT
    elif share > rules["quarantine"]:
        outcome = Outcome.QUARANTINE
    else:
        return []
    return [share_flag("C12", outcome, ids, texts.n, "equal their reference")]


def copied_spans(texts: Texts) -> list[str]:
    """Ids of reports that share 30 consecutive words with their own reference and with no other text.

    A span that another patient's reference or a training reference holds is common wording.
    """
    k = limits()["copied_span"]["words"]
    found = []
    others: list[tuple[str, str]] | None = None
    for i, study in enumerate(texts.ids):
        shared = _grams(texts.predictions[i], k) & _grams(texts.references[i], k)
        if not shared:
            continue
        if others is None:
            others = [(p, f" {norm(r)} ") for p, r in zip(texts.patients, texts.references, strict=True)]
            others += [("", f" {norm(t)} ") for t in texts.training]
        elsewhere = [text for patient, text in others if patient != texts.patients[i]]
        if any(not any(f" {span} " in text for text in elsewhere) for span in sorted(shared)):
            found.append(study)
    return found


def _grams(text: str, k: int) -> set[str]:
    words = norm(text).split()
    return {" ".join(words[j : j + k]) for j in range(len(words) - k + 1)}


def _copied_spans(texts: Texts) -> list[Flag]:
    rules = limits()["copied_span"]
    if texts.dataset in rules["skip"]:
        return []
    ids = copied_spans(texts)
    if len(ids) > rules["reject_share"] * texts.n:
        outcome = Outcome.REJECT
    elif len(ids) > rules["quarantine_share"] * texts.n:
        outcome = Outcome.QUARANTINE
    else:
        return []
    return [share_flag("C13", outcome, ids, texts.n, f"copy {rules['words']} words of their reference")]


def check_duplicate(
    texts: Texts,
    others: Sequence[str],
    scores: tuple[FloatArray, FloatArray] | None,
    *,
    name: str,
    declared: bool,
) -> list[Flag]:
    """C18: whether the reports are another model's (`others`, in the same order of studies).

    Only studies count whose reference is no template. `scores`: per-study primary scores of both,
    or `None`. `declared`: same team, or derived from it by the card's own word; then nothing is refused.
    """
    rules = limits()["duplicate"]
    positions = unique_references(texts, 1)
    same = [i for i in positions if norm(texts.predictions[i]) == norm(others[i])]
    share = len(same) / len(positions) if positions else 0.0
    r = _correlation(*scores) if scores is not None else None
    if share >= rules["reject_share"] and not declared:
        outcome = Outcome.REJECT
    elif share >= rules["quarantine_share"] or (r is not None and r >= rules["correlation"]):
        outcome = Outcome.BADGE if declared else Outcome.QUARANTINE
    else:
        return []
    text = f"{share:.0%} of the reports on {len(positions)} distinct references equal those of {name}"
    return [Flag("C18", outcome, text + (f"; correlation of scores {r:.3f}" if r is not None else ""))]


def _correlation(a: FloatArray, b: FloatArray) -> float | None:
    if a.size < 3 or float(np.ptp(a)) == 0 or float(np.ptp(b)) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def check_probing(before: Mapping[str, str], after: Mapping[str, str]) -> list[Flag]:
    """C19: two consecutive submissions of a team to a private set that differ in very few studies."""
    changed = sorted(i for i in before.keys() & after.keys() if norm(before[i]) != norm(after[i]))
    if not 0 < len(changed) < limits()["probing"]["share"] * len(after):
        return []
    return [share_flag("C19", Outcome.QUARANTINE, changed, len(after), "changed since the last submission")]


def check_canaries(texts: Texts, canaries: Iterable[str]) -> list[Flag]:
    """C20: whether a report holds a string that was planted in a released manifest, punctuation aside."""
    wanted = [w for c in canaries if (w := norm(c).replace(" ", ""))]
    ids = [
        i
        for i, p in zip(texts.ids, texts.predictions, strict=True)
        if any(w in norm(p).replace(" ", "") for w in wanted)
    ]
    return [share_flag("C20", Outcome.REJECT, ids, texts.n, "hold a planted string")] if ids else []


def check_swapped(scores: FloatArray, swapped: Sequence[int], *, higher_is_better: bool) -> list[Flag]:
    """C20: whether known-wrong references are matched as well as right ones (`swapped`: their positions)."""
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
