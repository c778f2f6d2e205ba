"""`rexrank agreement`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evaluator.cli.output import result
from evaluator.cli.progress import progress
from evaluator.cli.score import known_keys
from evaluator.core.counts import count_text
from evaluator.core.problems import ExitCode
from evaluator.core.workspace import store_directory
from evaluator.scoring.records import collect

if TYPE_CHECKING:
    from evaluator.models.runtime import Run
    from evaluator.scoring.agreement.measure import AgreementResult
    from evaluator.scoring.agreement.ratings import RadJudge, RadPref
    from evaluator.scoring.agreement.results import Estimate


def run_agreement(
    folder: Path,
    keys: Sequence[str],
    run: Run,
    leaderboard: Path,
    store: Path | None,
    *,
    named: bool,
) -> int:
    """0 after writing `leaderboard/agreement/`, 2 if no metric could run, 3 if one requested by name could not.

    Raises `RexrankError`, with nothing written, for files that are not as published.
    """
    from evaluator.scoring.agreement.measure import measure
    from evaluator.scoring.agreement.results import (
        read_radjudge_agreement,
        read_radpref_agreement,
        write_agreement,
    )
    from evaluator.scoring.score_store import ScoreStore

    known_keys(keys)
    pref, judge = _read(folder)
    earlier = read_radpref_agreement(leaderboard), read_radjudge_agreement(leaderboard)
    with progress() as show:
        scores = ScoreStore(store_directory(store))
        measurement = measure(pref, judge, keys, replace(run, progress=show), scores, earlier)
    for key, reason in measurement.unavailable.items():
        print(f"{key}: not measured: {reason}", file=sys.stderr)
    if set(measurement.unavailable) >= set(keys):
        return ExitCode.FAILURE
    paths = write_agreement(leaderboard, measurement.pref, measurement.judge)
    print(render(measurement))
    result([str(path) for path in paths])
    for path in paths:
        print(path)
    return ExitCode.PARTIAL if named and measurement.unavailable else ExitCode.DONE


def _read(folder: Path) -> tuple[RadPref, RadJudge]:
    """Both sets of ratings; the problems of both are reported together."""
    from evaluator.scoring.agreement.ratings import read_radjudge, read_radpref

    prefs: list[RadPref] = []
    judges: list[RadJudge] = []
    collect([lambda: prefs.append(read_radpref(folder)), lambda: judges.append(read_radjudge(folder))])
    return prefs[0], judges[0]


def render(found: AgreementResult) -> str:
    """The measurements as lines of text: radiologists first, then every metric."""
    pref, judge = found.pref, found.judge
    lines = [
        (
            f"RadPref: {count_text(pref.pairs, 'pair')}, {count_text(pref.radiologists, 'radiologist')}; Kendall's tau-b and preference accuracy "
            f"with 95 % intervals, pairs resampled. RadJudge: {count_text(len(judge.cases), 'case')}."
        )
    ]
    for human in pref.humans:
        accuracy = human.preference.accuracy
        lines.append(f"  {f'radiologist {human.rater}':<16} {_span(human.tau)}   {_span(accuracy)}")
    for key, entry in pref.metrics.items():
        within = "; ".join(f"{name} {_span(tau)}" for name, tau in entry.within.items())
        n_passed = judge.metrics[key].n_passed if key in judge.metrics else None
        cases = "" if n_passed is None else f"   {n_passed}/{len(judge.cases)} cases"
        lines += [
            f"  {key:<16} {_span(entry.tau)}   {_span(entry.preference.accuracy)}{cases}",
            f"    within a source: {within}",
            f"    {entry.signature}",
        ]
    return "\n".join(lines)


def _span(found: Estimate) -> str:
    if found.value is None:
        return "no value"
    if found.low is None or found.high is None:
        return f"{found.value:.3f}"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
