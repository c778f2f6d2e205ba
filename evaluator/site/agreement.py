"""Agreement with radiologists as measured here (`leaderboard/agreement/`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evaluator.metrics.registry import get_metric, metric_keys
from evaluator.scoring.agreement.results import (
    Estimate,
    Preference,
    RadJudgeAgreement,
    RadPrefAgreement,
    read_radjudge_agreement,
    read_radpref_agreement,
)
from evaluator.scoring.records import collect
from evaluator.site.template import render
from evaluator.site.words import number

Measured = tuple[RadPrefAgreement | None, RadJudgeAgreement | None]


@dataclass(frozen=True, slots=True)
class Shown:
    """An estimate as shown: value, interval and the counts behind it."""

    value: str
    span: str = ""
    counts: str = ""


@dataclass(frozen=True, slots=True)
class Within:
    """Agreement among reports of one source."""

    source: str
    tau: Shown


@dataclass(frozen=True, slots=True)
class OwnMeasurement:
    """One metric's own measurement."""

    pairs: str
    tau: Shown
    ceiling: str
    within: tuple[Within, ...]
    preference: Shown
    cases: str
    signature: str


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table of estimates."""

    name: str
    remark: str
    cells: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Estimates:
    """A table of estimates."""

    heads: tuple[str, ...]
    rows: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """Every measured metric on RadPref, then on RadJudge case by case."""

    radpref: Estimates | None
    radjudge: Estimates | None


def measured(leaderboard: Path) -> Measured:
    """The measurements on RadPref and RadJudge; raises `RexrankError` that names every damaged file."""
    prefs: list[RadPrefAgreement | None] = []
    judges: list[RadJudgeAgreement | None] = []
    collect(
        [
            lambda: prefs.append(read_radpref_agreement(leaderboard)),
            lambda: judges.append(read_radjudge_agreement(leaderboard)),
        ]
    )
    return prefs[0], judges[0]


def metric_measured(key: str, pref: RadPrefAgreement | None, judge: RadJudgeAgreement | None) -> str:
    """One metric's own measurement below the published figures, as HTML; says so if there is none yet."""
    entry = pref.metrics.get(key) if pref else None
    if pref is None or entry is None:
        return render("metric/measured.html", view=None)
    cases = judge.metrics.get(key) if judge else None
    view = OwnMeasurement(
        pairs=f"{pref.pairs:,} pairs of reports rated by {pref.radiologists} radiologists",
        tau=_shown(entry.tau),
        ceiling=_ceiling(pref),
        within=tuple(Within(name, _shown(estimate)) for name, estimate in entry.within.items()),
        preference=_share(entry.preference),
        cases=f"{cases.n_passed} of {len(cases.passed)} cases ordered as expected" if cases else "",
        signature=entry.signature,
    )
    return render("metric/measured.html", view=view)


def measured_tables(pref: RadPrefAgreement | None, judge: RadJudgeAgreement | None) -> str:
    """Radiologists and every measured metric on RadPref, then RadJudge case by case, as Markdown."""
    view = Tables(_radpref(pref) if pref else None, _radjudge(judge) if judge else None)
    return render("metric/measured_tables.md", view=view)


def _radpref(pref: RadPrefAgreement) -> Estimates:
    names = sorted({name for entry in pref.metrics.values() for name in entry.within})
    unknown = Shown("–")
    empty = (unknown,) * len(names)
    rows = [
        Line(
            f"Radiologist {h.rater}",
            "against the others",
            (_shown(h.tau), *empty, _share(h.preference)),
        )
        for h in pref.humans
    ]
    for key in (k for k in metric_keys() if k in pref.metrics):
        entry = pref.metrics[key]
        inside = (_shown(entry.within[n]) if n in entry.within else unknown for n in names)
        rows.append(Line(get_metric(key).title, "", (_shown(entry.tau), *inside, _share(entry.preference))))
    alone = pref.source_alone
    rows.append(
        Line(f"Always {alone.source}", "ignores the text", (unknown, *empty, _share(alone.preference)))
    )
    heads = ("RadPref", "Kendall's τ", *(f"τ within {n}" for n in names), "Preference accuracy")
    return Estimates(heads, tuple(rows))


def _radjudge(judge: RadJudgeAgreement) -> Estimates:
    keys = [k for k in metric_keys() if k in judge.metrics]
    rows = [
        Line(
            case,
            category,
            tuple(Shown("pass" if judge.metrics[k].passed.get(case) else "fail") for k in keys),
        )
        for case, category in judge.cases.items()
    ]
    n = len(judge.cases)
    rows.append(Line("Passed", "", tuple(Shown(f"{judge.metrics[k].n_passed} of {n}") for k in keys)))
    return Estimates(("Case", *(get_metric(k).title for k in keys)), tuple(rows))


def _ceiling(pref: RadPrefAgreement) -> str:
    """The range of the radiologists' own agreement."""
    values = [h.tau.value for h in pref.humans if h.tau.value is not None]
    return f"{number(min(values))} to {number(max(values))}" if values else "no value"


def _share(estimate: Preference) -> Shown:
    half = f" with {estimate.tied} ties" if estimate.tied else ""
    accuracy = _shown(estimate.accuracy)
    return Shown(accuracy.value, accuracy.span, f"correct in {estimate.right} of {estimate.n}{half}")


def _shown(estimate: Estimate) -> Shown:
    if estimate.value is None:
        return Shown("–")
    if estimate.low is None or estimate.high is None:
        return Shown(number(estimate.value))
    return Shown(number(estimate.value), f"{number(estimate.low)} to {number(estimate.high)}")
