"""The limits of the checks that use only the reports, from `limits.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

from evaluator.core.host_files import read_host_file
from evaluator.core.typed import Lines, Typed


class EmptyLimits(Typed):
    """C2: above this share of empty reports a submission is held."""

    quarantine_share: float


class LengthLimits(Typed):
    """C5: median words over the references' (`low`, `high`), and the medians that are common for generators."""

    low: float
    high: float
    common_low: int
    common_high: int


class CharacterLimits(Typed):
    """C7: above this share of reports in another script a submission is held."""

    quarantine_share: float


class RepetitionLimits(Typed):
    """C9: repeated trigrams of a report of at least `min_words` words; datasets in `skip` are not checked."""

    min_words: int
    badge: float
    quarantine_mean: float
    skip: Lines


class CollapseLimits(Typed):
    """C10: few distinct reports, or one for many studies (`datasets`: the share where templates are common)."""

    distinct_share: float
    top_share: float
    null_like_share: float
    min_studies: int
    datasets: Mapping[str, float]


class TextLimits(Typed):
    """The limits of `limits.toml`, by check."""

    empty: EmptyLimits
    length_ratio: LengthLimits
    characters: CharacterLimits
    repetition: RepetitionLimits
    collapse: CollapseLimits


@cache
def text_limits() -> TextLimits:
    """The limits, read once."""
    return read_host_file(resources.files("evaluator.submissions.rules").joinpath("limits.toml"), TextLimits)
