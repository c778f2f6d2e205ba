"""What the reports of a submission look like beside the references, and what its integrity checks say.

The checks themselves are in `evaluator/scoring/integrity/`; here they meet the
board. They speak in counts, and in study ids only where ids may be shown; they never quote a text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evaluator.core.types import FloatArray
from evaluator.datasets.protocol import ProtocolName, make_pairs
from evaluator.datasets.references import References
from evaluator.datasets.report import StudyReport
from evaluator.metrics.bleu import bleu_2
from evaluator.metrics.registry import PRIMARY, get_metric
from evaluator.scoring.integrity import copying, plausibility
from evaluator.scoring.integrity import flags as integrity
from evaluator.scoring.integrity.flags import Flag, Outcome, Texts
from evaluator.scoring.null_reports import shuffled_references
from evaluator.scoring.records import Board
from evaluator.statistics.bootstrap import MIN_CLUSTERS, Clusters, clusters_of
from evaluator.statistics.judge_outliers import judge_outliers

if TYPE_CHECKING:
    from evaluator.scoring.engine import Scored

Z: Final = 1.959963984540054
"""Normal quantile of a 95 % interval."""


def diagnose(
    board: Board,
    references: References,
    scored: Scored,
    reports: Mapping[str, StudyReport],
    protocol: ProtocolName,
    earlier: Mapping[str, Mapping[str, StudyReport]] | None = None,
    *,
    name: str = "",
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Diagnostics of the predictions, and outcome and badges of the integrity checks.

    Diagnostics: those of `describe` and `describe_copying`, `signal` (C14), and `judge_outliers` (C23):
    per judged metric the studies far `above` and `below` what RadGraph-F1 and RaTEScore lead to expect,
    `None` where that cannot be told. Integrity: `outcome`
    (pass, badge, quarantine or reject), `badges` (code, outcome, text, ids; no ids unless the set
    is public), `thresholds` (version of the limits). `earlier`: other submissions' reports by
    `team/model`, for C18 and C19; `name` is this one's.
    """
    texts = board_texts(board, references, reports, protocol)
    signal = image_signal(board, references, reports, protocol)
    means = {key: float(scores.values.mean()) for key, scores in scored.scores.items()}
    outliers = _judge_outliers(scored)
    flags = [
        *integrity.check_reports(texts),
        *plausibility.check_failures(scored.scores),
        *copying.check_copying(texts),
        *_too_good(board, means),
        *_identity(scored, means),
        *(plausibility.check_signal(signal["low"], signal["high"]) if signal else []),
        *plausibility.check_judges(outliers, texts.n),
        *_planted(references, texts, scored),
        *_compare_earlier(board, references, reports, protocol, earlier or {}, name),
    ]
    numbers = {
        **integrity.describe(texts),
        **copying.describe_copying(texts),
        "signal": signal,
        "judge_outliers": outliers,
    }
    return numbers, {
        "outcome": str(integrity.worst(flags)),
        "badges": [_public(f, board) for f in flags],
        "thresholds": integrity.limits()["version"],
    }


def describe(
    board: Board, references: References, reports: Mapping[str, StudyReport], protocol: ProtocolName
) -> dict[str, Any]:
    """Diagnostics alone, as a null row has them: a baseline that copies on purpose is not accused of it."""
    texts = board_texts(board, references, reports, protocol)
    return {**integrity.describe(texts), **copying.describe_copying(texts), "signal": None}


def board_texts(
    board: Board, references: References, reports: Mapping[str, StudyReport], protocol: ProtocolName
) -> Texts:
    """The board's texts in the order of the ids, as the metrics see them."""
    rows = make_pairs(references.studies, reports, board.track, protocol)
    return Texts(
        dataset=board.dataset.id,
        ids=[i for i, _, _ in rows],
        patients=[references.studies[i].patient for i, _, _ in rows],
        references=[r for _, r, _ in rows],
        predictions=[p for _, _, p in rows],
        private=not board.dataset.exposure.membership_counts,
    )


EVIDENCE: Final = ("radgraph_f1", "ratescore")
"""Metrics that a text cannot talk to, and that judge scores are held against."""
PRIVATE_WORDS: Final = {
    "C14": "no image signal: reports fit another patient's reference as well as their own",
    "C15": "a mean is better than is plausible",
    "C16": "radcliq_v1 is not what its parts give",
    "C17": "scores are not what this record claimed before",
    "C23": "judge scores that RadGraph-F1 and RaTEScore do not lead to expect",
}
"""What is said in place of a score's digits unless the set is public."""


def _public(flag: Flag, board: Board) -> dict[str, Any]:
    shown = flag.to_dict()
    if board.dataset.exposure.studies:
        return shown
    return {**shown, "text": PRIVATE_WORDS.get(flag.code, flag.text), "ids": []}


def _judge_outliers(scored: Scored) -> dict[str, dict[str, int]] | None:
    """Per judged metric the counts of studies far above and below what the evidence leads to expect."""
    evidence = [scored.scores[k] for k in EVIDENCE if k in scored.scores]
    if len(evidence) < len(EVIDENCE):
        return None
    counts = {}
    for key, scores in scored.scores.items():
        metric = get_metric(key)
        if metric.family != "judge":
            continue
        usable = ~np.any([scores.failed, *(e.failed for e in evidence)], axis=0)
        best = metric.upper_bound if metric.higher_is_better else metric.lower_bound
        goodness = (scores.values - metric.worst) / ((best or 0.0) - metric.worst)
        far = judge_outliers(goodness[usable], np.stack([e.values for e in evidence], axis=1)[usable])
        if far is not None:
            counts[key] = {"above": int(far[0].sum()), "below": int(far[1].sum())}
    return counts or None


def _too_good(board: Board, means: Mapping[str, float]) -> list[Flag]:
    skip = integrity.limits()["too_good"]["skip"]
    return [] if board.dataset.id in skip else plausibility.check_too_good(means, {})


def _identity(scored: Scored, means: Mapping[str, float]) -> list[Flag]:
    """C16, where nothing failed: the worst values of RadCliQ and of its parts do not obey the formula."""
    if any(s.failed.any() for s in scored.scores.values()):
        return []
    return plausibility.check_identity(means, rounded=False)


def image_signal(
    board: Board, references: References, reports: Mapping[str, StudyReport], protocol: ProtocolName
) -> dict[str, Any] | None:
    """BLEU-2 of each report with its own reference minus that with another patient's (C14).

    Mean over studies and its 95 % interval (normal, clustered by patient); references change places
    within normal and abnormal where that is known. `None` with fewer than 30 patients.
    """
    own = make_pairs(references.studies, reports, board.track, protocol)
    clusters = clusters_of([references.studies[i].patient for i, _, _ in own])
    if clusters.n < MIN_CLUSTERS:
        return None
    normal = {i: r.subgroups.get("normal", "") for i, r in references.studies.items()}
    seed = f"{board.dataset.id}|{board.track}|signal"
    partner = shuffled_references(references.studies, seed, normal)
    other = {i: r for i, r, _ in make_pairs(references.studies, partner, board.track, protocol)}
    swapped = {i: p for i, _, p in make_pairs(references.studies, partner, board.track, protocol)}
    values = np.array(
        [bleu_2(r, p) - bleu_2(swapped[i], p) if i in other else 0.0 for i, r, p in own], dtype=np.float64
    )
    mean, error = clustered_mean(values, clusters)
    return {"metric": "bleu_2", "value": mean, "low": mean - Z * error, "high": mean + Z * error}


def clustered_mean(values: FloatArray, clusters: Clusters) -> tuple[float, float]:
    """Mean of per-study values and its standard error with patients as the unit."""
    mean = math.fsum(values) / clusters.n_studies
    deviations = clusters.sums((values - mean)[:, None])[:, 0]
    return mean, math.sqrt(math.fsum(deviations**2)) / clusters.n_studies


def _planted(references: References, texts: Texts, scored: Scored) -> list[Flag]:
    """C20: planted strings that came back, and known-wrong references matched as well as right ones."""
    flags = copying.check_canaries(texts, references.planted.strings)
    key = next((k for k in (PRIMARY, "bleu_2") if k in scored.scores), None)
    swapped = [i for i, study in enumerate(scored.ids) if study in references.planted.swapped]
    if key is None or not swapped:
        return flags
    better = get_metric(key).higher_is_better
    return flags + copying.check_swapped(scored.scores[key].values, swapped, higher_is_better=better)


def recheck(record: Mapping[str, Any], before: Mapping[str, Any] | None, board: Board) -> dict[str, Any]:
    """The record, with C17 where the same bytes scored otherwise `before` under the same signatures.

    What an earlier record claims is held against what is computed now, so that a record that was
    edited by hand, or a metric that does not repeat itself, is seen.
    """
    same = ("predictions_sha256", "references_sha256")
    origin = before["provenance"] if before else {}
    if (
        before is None
        or "shown_predictions_sha256" in origin
        or any(origin.get(k) != record["provenance"].get(k) for k in same)
    ):
        return dict(record)
    claimed = {
        k: entry["mean"]
        for k, entry in before["metrics"].items()
        if entry["signature"] == record["metrics"].get(k, {}).get("signature")
    }
    means = {k: entry["mean"] for k, entry in record["metrics"].items()}
    flags = plausibility.check_claims(claimed, means)
    if not flags:
        return dict(record)
    integrity_now = record["integrity"]
    # tie: none, equal outcomes are one
    outcome = max(Outcome(integrity_now["outcome"]), integrity.worst(flags), key=list(Outcome).index)
    badges = [*integrity_now["badges"], *(_public(f, board) for f in flags)]
    return {**record, "integrity": {**integrity_now, "outcome": str(outcome), "badges": badges}}


def _compare_earlier(
    board: Board,
    references: References,
    reports: Mapping[str, StudyReport],
    protocol: ProtocolName,
    earlier: Mapping[str, Mapping[str, StudyReport]],
    name: str,
) -> list[Flag]:
    """C18 against every other model, and C19 against the same team's on a withheld set."""
    texts = board_texts(board, references, reports, protocol)
    now = dict(zip(texts.ids, texts.predictions, strict=True))
    team = name.partition("/")[0]
    flags: list[Flag] = []
    for other in sorted(earlier.keys() - {name}):
        theirs = board_texts(board, references, earlier[other], protocol).predictions
        same_team = other.partition("/")[0] == team
        flags += copying.check_duplicate(texts, theirs, None, name=other, declared=same_team)
        if texts.private and same_team:
            flags += copying.check_probing(dict(zip(texts.ids, theirs, strict=True)), now)
    return flags


def null_like(diagnostics: Mapping[str, Any]) -> bool:
    """Whether one report serves nine studies in ten: a constant, which may stand as a baseline only."""
    share = diagnostics.get("top1_share")
    return share is not None and share >= integrity.limits()["collapse"]["null_like_share"]


def held(integrity_result: Mapping[str, Any]) -> str | None:
    """Why a record may not be ranked before a maintainer releases it; `None` when it may."""
    if integrity_result.get("outcome") not in {str(Outcome.QUARANTINE), str(Outcome.REJECT)}:
        return None
    codes = [
        b["code"]
        for b in integrity_result.get("badges", [])
        if b.get("outcome") in {str(Outcome.QUARANTINE), str(Outcome.REJECT)}
    ]
    return f"held by integrity check {', '.join(dict.fromkeys(codes)) or '?'} until a maintainer releases it"
