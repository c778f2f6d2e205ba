"""What the texts of a submission look like beside the references, and the badges that follow from it.

Checks C2, C3, C5 and C10: they need texts and scores only, speak in counts, and never quote a text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from evaluator.datasets.references import References
from evaluator.protocol import ProtocolName, make_pairs
from evaluator.records import Board

if TYPE_CHECKING:
    from evaluator.scoring import Scored
    from evaluator.submission import StudyReport

THRESHOLDS_VERSION: Final = "1"
EMPTY_SHARE: Final = 0.01
FAILED_SHARE: Final = 0.01
LENGTH_RATIO: Final = (0.33, 3.0)
DISTINCT_SHARE: Final = 0.10
TOP_SHARE: Final = {"iu-xray": 0.25}
TOP_SHARE_ELSEWHERE: Final = 0.05
NULL_LIKE_SHARE: Final = 0.90
MIN_STUDIES_FOR_TOP_SHARE: Final = 100
"""On a smaller set a handful of normal studies may honestly share a report."""


def diagnose(
    board: Board,
    references: References,
    scored: Scored,
    reports: Mapping[str, StudyReport],
    protocol: ProtocolName,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Diagnostics of the predictions and the outcome of the integrity checks.

    Diagnostics: `n_empty`; `distinct_fraction` of reports; `top1_share` of the most common one;
    `length_ratio` of median words, prediction to reference; `exact_match` share. Integrity:
    `outcome` (pass, badge or quarantine), and `badges` with code and text.
    """
    pairs = make_pairs(references.studies, reports, board.track, protocol)
    numbers = describe_pairs([(r, p) for _, r, p in pairs])
    badges, quarantine = _badges(board, numbers, scored)
    outcome = "quarantine" if quarantine else "badge" if badges else "pass"
    return numbers, {"outcome": outcome, "badges": badges, "thresholds": THRESHOLDS_VERSION}


def describe_pairs(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """The diagnostics of (reference, prediction) texts; shares in [0, 1]."""
    n = len(pairs)
    predictions = [" ".join(p.lower().split()) for _, p in pairs]
    counts = Counter(predictions)
    words = median(len(r.split()) for r, _ in pairs)
    return {
        "n_empty": sum(not p for p in predictions),
        "distinct_fraction": len(counts) / n,
        "top1_share": counts.most_common(1)[0][1] / n,
        "length_ratio": median(len(p.split()) for p in predictions) / words if words else None,
        "exact_match": sum(
            " ".join(r.lower().split()) == p for (r, _), p in zip(pairs, predictions, strict=True)
        )
        / n,
    }


def _badges(board: Board, numbers: Mapping[str, Any], scored: Scored) -> tuple[list[dict[str, str]], bool]:
    n = len(scored.ids)
    badges: list[dict[str, str]] = []
    quarantine = False
    if numbers["n_empty"] > EMPTY_SHARE * n:
        quarantine = True
        badges.append({"code": "C2", "text": f"{numbers['n_empty']} of {n} reports are empty"})
    for key, scores in scored.scores.items():
        if (failed := int(scores.failed.sum())) > FAILED_SHARE * n:
            quarantine = True
            badges.append({"code": "C3", "text": f"{key}: {failed} of {n} studies could not be scored"})
    ratio = numbers["length_ratio"]
    if ratio is not None and not LENGTH_RATIO[0] <= ratio <= LENGTH_RATIO[1]:
        quarantine = True
        badges.append({"code": "C5", "text": f"reports are {ratio:.2f} times as long as the references"})
    limit = TOP_SHARE.get(board.dataset.id, TOP_SHARE_ELSEWHERE)
    common = n >= MIN_STUDIES_FOR_TOP_SHARE and numbers["top1_share"] > limit
    if numbers["top1_share"] >= NULL_LIKE_SHARE:
        badges.append(
            {"code": "C10", "text": f"one report for {numbers['top1_share']:.0%} of the studies: a constant"}
        )
    elif common or numbers["distinct_fraction"] < DISTINCT_SHARE:
        share, distinct = numbers["top1_share"], numbers["distinct_fraction"]
        badges.append(
            {
                "code": "C10",
                "text": f"template collapse: {distinct:.1%} distinct reports, one of them for {share:.0%}",
            }
        )
    return badges, quarantine
