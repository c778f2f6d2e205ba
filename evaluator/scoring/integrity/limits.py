"""The limits of the integrity checks at scoring, from `integrity.toml`; that file says what each is for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

from evaluator.core.host_files import read_host_file
from evaluator.core.typed import Line, Lines, Typed


class FailedLimits(Typed):
    """C3: above this share of studies that could not be scored a submission is held."""

    quarantine_share: float


class CopyLimits(Typed):
    """C11 to C13: similarity to the report's own reference, and how many such reports are too many."""

    min_words: int
    in_order: float
    any_order: float
    share: float
    reject_share: float
    studies: int
    skip: Lines
    all_share: Mapping[str, float]


class OwnReferenceLimits(Typed):
    """C13: a report that points at its own reference among those of all studies."""

    margin: float
    least: float
    examined: int
    span_words: int


class SignalLimits(Typed):
    """C14: the permutation test of own references."""

    permutations: int
    studies: int
    p: float


class TooGoodLimits(Typed):
    """C15: how far beyond the best reported mean is too far."""

    radcliq_mean: float
    headroom: float
    errors: float
    skip: Lines


class IdentityLimits(Typed):
    """C16: RadCliQ-v1 against its own formula, of rounded and of exact means."""

    rounded: float
    exact: float


class ClaimLimits(Typed):
    """C17: claimed means against computed ones."""

    deterministic: float
    judged: float


class DuplicateLimits(Typed):
    """C18: reports that follow another model's of the same study."""

    min_words: int
    in_order: float
    any_order: float
    least: float
    margin: float
    drawn: int
    others: int
    studies: int
    share: float
    reject_share: float
    correlation: float
    kappa: float
    kinds: int


class ProbingLimits(Typed):
    """C19: the share of studies changed between two runs below which they are probing."""

    share: float


class ContaminationLimits(Typed):
    """C22: robust standard deviations above the cohort's drop, in a cohort of at least `min_models`."""

    deviations: float
    min_models: int


class JudgeOutlierLimits(Typed):
    """C23: the share of studies far above the expectation."""

    badge_share: float


class LetterLimits(Typed):
    """C24: how far a letter's share of the answers may exceed its share of the correct ones."""

    excess: float


class SharedWrongLimits(Typed):
    """C25: agreement beyond chance in what another model answered wrongly."""

    wrong: int
    kappa: float
    reject_kappa: float


class PositionLimits(Typed):
    """C26: the difference in accuracy between the best and the worst correct letter, and its standard errors."""

    least: int
    gap: float
    errors: float


class AnswerLimits(Typed):
    """C2 and C24 to C26: answers to multiple-choice questions. `unanswered`: the share from which it is shown."""

    unanswered: float
    letters: LetterLimits
    shared_wrong: SharedWrongLimits
    positions: PositionLimits


class IntegrityLimits(Typed):
    """The limits of `integrity.toml`, by check, and their version, which every record names."""

    version: Line
    failed: FailedLimits
    copies: CopyLimits
    own_reference: OwnReferenceLimits
    signal: SignalLimits
    too_good: TooGoodLimits
    identity: IdentityLimits
    self_reported: ClaimLimits
    duplicate: DuplicateLimits
    probing: ProbingLimits
    contamination: ContaminationLimits
    judge_outliers: JudgeOutlierLimits
    answers: AnswerLimits


@cache
def limits() -> IntegrityLimits:
    """The limits, read once."""
    return read_host_file(
        resources.files("evaluator.scoring.integrity").joinpath("integrity.toml"), IntegrityLimits
    )
