"""What the reports of a submission look like beside the references, and what its integrity checks say.

The checks themselves are in `evaluator/scoring/integrity/`; here they meet the
board. They speak in counts, and in study ids only where ids may be shown; they never quote a text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from evaluator.core.types import FloatArray, Pair
from evaluator.datasets.references import References
from evaluator.datasets.report import StudyReport
from evaluator.metrics.registry import PRIMARY, get_metric
from evaluator.models.runtime import Run
from evaluator.scoring.earlier import COMPARED_SCORES, Earlier
from evaluator.scoring.integrity import copying, duplicates, plausibility
from evaluator.scoring.integrity import flags as integrity
from evaluator.scoring.integrity.flags import Flag, Outcome, Texts
from evaluator.scoring.integrity.limits import limits
from evaluator.scoring.integrity.signal import image_signal
from evaluator.scoring.record import Diagnostics, Integrity, IntegrityFlag, OutlierCounts, Record
from evaluator.scoring.records import Board
from evaluator.statistics.judge_outliers import judge_outliers
from evaluator.submissions.rules.limits import text_limits

if TYPE_CHECKING:
    from evaluator.scoring.engine import Scored


def diagnose(
    board: Board,
    references: References,
    scored: Scored,
    pairs: Sequence[Pair],
    reports: Mapping[str, StudyReport],
    run: Run,
    *,
    name: str = "",
    earlier: Earlier | None = None,
    strata: Sequence[str] = (),
) -> tuple[Diagnostics, Integrity]:
    """Diagnostics of the predictions, and outcome and badges of the integrity checks.

    Diagnostics: those of `describe`, `signal` (C14), and `judge_outliers` (C23): per judged metric the
    studies far `above` and `below` what RadGraph-F1 and RaTEScore lead to expect, `None` where that cannot
    be told. Integrity: `outcome` (pass, badge, quarantine or reject), `badges` (code, outcome, text, ids;
    no ids unless the set is public), `thresholds` (version of the limits). `pairs`: the texts as they were
    scored, of `reports`; `run`: how the board was scored; `name`: `team/model`; `earlier`: what was
    there before it, for C18 and C19; `strata`: a label a study within which references change places.
    """
    texts = copying.board_texts(references, pairs)
    copies = copying.find_copies(texts)
    signal = image_signal(texts, scored, run, strata or [""] * texts.n)
    outliers = _judge_outliers(scored)
    flags = [
        *integrity.check_reports(texts),
        *plausibility.check_failures(scored.scores),
        *copying.check_copying(texts, copies),
        *plausibility.check_too_good(board, scored),
        *_identity(scored),
        *plausibility.check_signal(signal),
        *plausibility.check_judges(outliers, texts.n),
        *_planted(references, texts, scored),
        *_compare_earlier(board, texts.ids, reports, scored, earlier or Earlier(), name),
    ]
    shares = copying.describe_copying(texts, copies)._asdict()
    numbers = integrity.describe(texts).model_copy(
        update={**shares, "signal": signal, "judge_outliers": outliers}
    )
    return numbers, Integrity(
        outcome=integrity.worst(flags).value,
        badges=tuple(_public(f, board) for f in flags),
        thresholds=limits().version,
    )


def describe(references: References, pairs: Sequence[Pair]) -> Diagnostics:
    """Diagnostics alone, as a null row has them: a baseline that copies on purpose is not accused of it."""
    texts = copying.board_texts(references, pairs)
    shares = copying.describe_copying(texts)._asdict()
    return integrity.describe(texts).model_copy(update={**shares, "signal": None})


EVIDENCE: Final = ("radgraph_f1", "ratescore")
"""Metrics that a text cannot talk to, and that judge scores are held against."""
WITHHELD_WORDS: Final = {
    "C2": "reports are empty",
    "C11": "reports are close to their own reference, of those that no other study has",
    "C12": "reports are close to their own reference, short and shared ones included",
    "C13": "reports point at their own reference among those of all studies",
    "C19": "few reports changed since an earlier run of the team",
    "C24": "one letter is answered far more often than the others",
}
"""What is said in place of a count that would tell of single references."""
PRIVATE_WORDS: Final = {
    "C14": "no image signal: reports fit another patient's reference as well as their own",
    "C15": "a mean is better than is plausible",
    "C16": "radcliq_v1 is not what its parts give",
    "C17": "scores are not what this record claimed before",
    "C23": "judge scores that RadGraph-F1 and RaTEScore do not lead to expect",
    "C25": "wrong answers are those of another model",
    "C26": "accuracy depends on which letter is right",
}
"""What is said in place of a score's digits unless the set is public."""


def _public(flag: Flag, board: Board) -> IntegrityFlag:
    """The flag as it may be shown."""
    exposure = board.dataset.exposure
    if exposure.studies:
        return flag.entry
    words = PRIVATE_WORDS | ({} if exposure.membership_counts else WITHHELD_WORDS)
    return replace(flag, text=words.get(flag.code, flag.text), ids=()).entry


def _judge_outliers(scored: Scored) -> dict[str, OutlierCounts] | None:
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
            counts[key] = OutlierCounts(above=int(far[0].sum()), below=int(far[1].sum()))
    return counts or None


def _identity(scored: Scored) -> list[Flag]:
    """C16, where nothing failed: the worst values of RadCliQ and of its parts do not obey the formula."""
    if any(s.failed.any() for s in scored.scores.values()):
        return []
    return plausibility.check_identity(plausibility.means(scored), rounded=False)


def _planted(references: References, texts: Texts, scored: Scored) -> list[Flag]:
    """C20: planted strings that came back, and known-wrong references matched as well as right ones."""
    flags = copying.check_canaries(texts, references.planted.strings)
    key = next((k for k in (PRIMARY, "bleu_2") if k in scored.scores), None)
    swapped = [i for i, study in enumerate(scored.ids) if study in references.planted.swapped]
    if key is None or not swapped:
        return flags
    better = get_metric(key).higher_is_better
    return flags + copying.check_swapped(scored.scores[key].values, swapped, higher_is_better=better)


def recheck(record: Record, before: Record | None, board: Board) -> Record:
    """The record, with C17 where the same bytes scored otherwise `before` under the same signatures.

    What an earlier record claims is held against what is computed now, so that a record that was
    edited by hand, or a metric that does not repeat itself, is seen.
    """
    if before is None or before.provenance.inputs != record.provenance.inputs:
        return record
    if before.provenance.shown_predictions_sha256 is not None:
        return record
    claims = {
        key: entry.mean
        for key, entry in before.metrics.items()
        if key in record.metrics and entry.signature == record.metrics[key].signature
    }
    flags = plausibility.check_claims(claims, {k: entry.mean for k, entry in record.metrics.items()})
    if not flags:
        return record
    now = record.integrity
    # tie: none, equal outcomes are one
    outcome = max(Outcome(now.outcome), integrity.worst(flags), key=list(Outcome).index)
    badges = (*now.badges, *(_public(f, board) for f in flags))
    grave = now.model_copy(update={"outcome": outcome.value, "badges": badges})
    return record.model_copy(update={"integrity": grave})


def _compare_earlier(
    board: Board,
    ids: Sequence[str],
    reports: Mapping[str, StudyReport],
    scored: Scored,
    earlier: Earlier,
    name: str,
) -> list[Flag]:
    """C18 against every other model, and on a withheld set C19 against every file of the same team."""
    mine, team = _written(ids, reports, board), name.partition("/")[0]
    now = dict(zip(ids, mine, strict=True))
    withheld = not board.dataset.exposure.membership_counts
    flags: list[Flag] = []
    for other in sorted(earlier.others):
        theirs = _written(ids, earlier.others[other], board)
        same_team = other.partition("/")[0] == team
        since = earlier.submitted(other)
        before = [f for f in earlier.own if not same_team and since is not None and f.submitted < since]
        flags += duplicates.check_duplicate(
            mine,
            theirs,
            _comparable_scores(scored, earlier, other),
            name=other,
            same_team=same_team,
            own=[_written(ids, f.reports, board) for f in before],
        )
        if same_team and withheld:
            flags += duplicates.check_probing(dict(zip(ids, theirs, strict=True)), now)
    if withheld:
        for file in earlier.own:
            before_now = dict(zip(ids, _written(ids, file.reports, board), strict=True))
            flags += duplicates.check_probing(before_now, now)
    return _one_probing(flags)


def _one_probing(flags: Sequence[Flag]) -> list[Flag]:
    """The flags with C19 once: the main branch and the store may hold the same earlier file."""
    probing = [f for f in flags if f.code == "C19"]
    return [f for f in flags if f.code != "C19"] + probing[:1]


def _written(ids: Sequence[str], reports: Mapping[str, StudyReport], board: Board) -> list[str]:
    """A model's reports as it wrote them, in the order of `ids`, an empty text where it has none."""
    whole = board.track == "report"
    texts = [reports.get(i) for i in ids]
    return [
        "" if r is None else f"{r.findings} {r.impression or ''}".strip() if whole else r.findings
        for r in texts
    ]


def _comparable_scores(scored: Scored, earlier: Earlier, other: str) -> tuple[FloatArray, FloatArray] | None:
    """Per-study scores of both models in the first metric that both have with one signature."""
    theirs = earlier.scores(other)
    if theirs is None:
        return None
    values, signatures = theirs
    for key in COMPARED_SCORES:
        mine = scored.scores.get(key)
        same = key in values and signatures.get(key) == str(scored.signatures.get(key))
        if mine is not None and same and values[key].shape == mine.values.shape:
            return mine.values, values[key]
    return None


def null_like(diagnostics: Diagnostics) -> bool:
    """Whether one report serves nine studies in ten: a constant, which may stand as a baseline only."""
    share = diagnostics.top1_share
    return share is not None and share >= text_limits().collapse.null_like_share


def hold_reason(result: Integrity) -> str | None:
    """Why a record may not be ranked before a maintainer releases it; `None` when it may."""
    grave = {Outcome.QUARANTINE.value, Outcome.REJECT.value}
    if result.outcome not in grave:
        return None
    codes = dict.fromkeys(b.code for b in result.badges if b.outcome in grave)
    return f"held by integrity check {', '.join(codes) or '?'} until a maintainer releases it"
