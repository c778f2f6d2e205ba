"""The contents of `leaderboard/agreement/`: numbers and signatures, no report text."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from evaluator.core.files import dump_json, write_text
from evaluator.core.host_files import read_host_file
from evaluator.core.typed import Sha256, Typed, form

FOLDER: Final = "agreement"
RADPREF: Final = "radpref.json"
RADJUDGE: Final = "radjudge.json"
Key = Annotated[str, form("[a-z0-9_]{1,40}", "the key of a metric")]
Name = Annotated[str, Field(max_length=200)]
Unit = Annotated[float, Field(ge=-1, le=1)]


class Estimate(Typed):
    """A statistic and its 95 % interval; null where it has none."""

    value: Unit | None
    low: Unit | None
    high: Unit | None


class Preference(Typed):
    """In how many of the pairs with a preference among radiologists the same side is preferred; a tie counts half."""

    n: int = Field(ge=0)
    right: int = Field(ge=0)
    tied: int = Field(ge=0)
    accuracy: Estimate


class MetricAgreement(Typed):
    """One metric against the mean rating of all radiologists.

    Positive means agreement, whichever direction is better.
    """

    signature: Name
    n_failed: int = Field(
        ge=0, description="Candidates that could not be scored and count as the worst value."
    )
    tau: Estimate = Field(description="Kendall's tau-b over all candidates, pairs clustered.")
    within: Mapping[Name, Estimate] = Field(description="The same over the candidates of one source.")
    preference: Preference


class RaterAgreement(Typed):
    """One radiologist against the mean rating of the others: the level a metric could reach."""

    rater: Name
    tau: Estimate
    preference: Preference


class SourceAlone(Typed):
    """Always preferring one source, without reading anything."""

    source: Name
    preference: Preference


class RadPrefAgreement(Typed):
    """`radpref.json`."""

    schema_: Literal["rexrank/agreement-radpref/v1"] = Field(alias="schema")
    data_sha256: Sha256
    pairs: int = Field(ge=1)
    radiologists: int = Field(ge=1)
    humans: Annotated[tuple[RaterAgreement, ...], Field(strict=False)]
    source_alone: SourceAlone
    metrics: Mapping[Key, MetricAgreement]


class JudgedCases(Typed):
    """Which cases a metric orders as expected."""

    signature: Name
    n_passed: int = Field(ge=0)
    passed: Mapping[Name, bool]


class RadJudgeAgreement(Typed):
    """`radjudge.json`. `cases`: the category of each case, in the order of the file."""

    schema_: Literal["rexrank/agreement-radjudge/v1"] = Field(alias="schema")
    data_sha256: Sha256
    cases: Mapping[Name, Name]
    metrics: Mapping[Key, JudgedCases]


def read_radpref_agreement(leaderboard: Path) -> RadPrefAgreement | None:
    """The agreement on RadPref, `None` without a file; raises `InvalidFile` for a damaged one."""
    path = leaderboard / FOLDER / RADPREF
    return read_host_file(path, RadPrefAgreement, limit=1_000_000) if os.path.lexists(path) else None


def read_radjudge_agreement(leaderboard: Path) -> RadJudgeAgreement | None:
    """The agreement on RadJudge, `None` without a file; raises `InvalidFile` for a damaged one."""
    path = leaderboard / FOLDER / RADJUDGE
    return read_host_file(path, RadJudgeAgreement, limit=1_000_000) if os.path.lexists(path) else None


def write_agreement(leaderboard: Path, pref: RadPrefAgreement, judge: RadJudgeAgreement) -> tuple[Path, Path]:
    """The two files written; the same bytes for the same numbers."""
    paths = leaderboard / FOLDER / RADPREF, leaderboard / FOLDER / RADJUDGE
    for path, value in zip(paths, (pref, judge), strict=True):
        write_text(path, dump_json(value.model_dump(mode="json", by_alias=True)))
    return paths
