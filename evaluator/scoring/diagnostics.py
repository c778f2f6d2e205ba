"""Statistics of a submission's predictions relative to the references, and the results of its integrity checks.

The checks themselves are in `evaluator/scoring/integrity/`; this module applies them to a board. They report
counts, and study ids only where ids may be shown; they never quote a text.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from evaluator.scoring.integrity import flags as integrity
from evaluator.scoring.integrity import plausibility
from evaluator.scoring.integrity.flags import Flag, Outcome
from evaluator.scoring.integrity.limits import limits
from evaluator.scoring.record import Diagnostics, Integrity, IntegrityFlag, Record
from evaluator.scoring.records import Board
from evaluator.scoring.task_scoring import Entry, scoring_of
from evaluator.submissions.rules.limits import text_limits


def diagnose(entry: Entry[Any]) -> tuple[Diagnostics, Integrity]:
    """Diagnostics of the predictions, and the outcome and badges of the task's integrity checks.

    Integrity: `outcome` (pass, badge, quarantine or reject), `badges` (code, outcome, text, ids; no ids
    unless the dataset is public), `thresholds` (version of the limits).
    """
    diagnostics, flags = scoring_of(entry.board.task).diagnose(entry)
    return diagnostics, Integrity(
        outcome=integrity.worst(flags).value,
        badges=tuple(_public(f, entry.board) for f in flags),
        thresholds=limits().version,
    )


WITHHELD_WORDS: Final = {
    "C2": "reports are empty",
    "C11": "reports are close to their own, unique reference",
    "C12": "reports are close to their own reference, including short and shared ones",
    "C13": "reports identify their own reference among those of all studies",
    "C19": "few reports changed since an earlier run of the team",
    "C24": "one answer letter is used far more often than the others",
}
"""Wording that replaces a count which would reveal something about single references."""
PRIVATE_WORDS: Final = {
    "C14": "no image signal: reports fit another patient's reference as well as their own",
    "C15": "a mean is implausibly good",
    "C16": "radcliq_v1 does not match its components",
    "C17": "scores differ from those this record claimed before",
    "C23": "judge scores out of line with RadGraph-F1 and RaTEScore",
    "C25": "wrong answers match another model's",
    "C26": "accuracy depends on which letter is correct",
}
"""Wording that replaces a score's digits unless the dataset is public."""


def _public(flag: Flag, board: Board) -> IntegrityFlag:
    """The flag as it may be published."""
    exposure = board.dataset.exposure
    if exposure.studies:
        return flag.entry
    words = PRIVATE_WORDS | ({} if exposure.membership_counts else WITHHELD_WORDS)
    return replace(flag, text=words.get(flag.code, flag.text), ids=()).entry


def recheck(record: Record, before: Record | None, board: Board) -> Record:
    """The record, with C17 if the same bytes got other scores `before` under the same signatures.

    The scores of an earlier record are compared with the new ones, which reveals a record edited by hand or a
    metric that is not reproducible.
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


def null_like(diagnostics: Diagnostics) -> bool:
    """Whether one report is used for nine studies in ten: a constant, which is allowed only as a baseline."""
    share = diagnostics.top1_share
    return share is not None and share >= text_limits().collapse.null_like_share


def hold_reason(result: Integrity) -> str | None:
    """Why a record may not be ranked before a maintainer releases it; `None` if it may."""
    grave = {Outcome.QUARANTINE.value, Outcome.REJECT.value}
    if result.outcome not in grave:
        return None
    codes = dict.fromkeys(b.code for b in result.badges if b.outcome in grave)
    return f"held by integrity check {', '.join(codes) or '?'} until a maintainer releases it"
