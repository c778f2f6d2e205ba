"""Agreement with radiologists as measured here (`leaderboard/agreement/`), as HTML tables."""

from __future__ import annotations

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
from evaluator.site.html import facts, html_table, number, text

Measured = tuple[RadPrefAgreement | None, RadJudgeAgreement | None]


def measured(leaderboard: Path) -> Measured:
    """What was measured on RadPref and RadJudge; raises `RexrankError` that names every damaged file."""
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
    """One metric's own measurement below the published figures; says so where there is none yet."""
    entry = pref.metrics.get(key) if pref else None
    if pref is None or entry is None:
        return '<p class="rx-legend">Not measured on RadPref here yet.</p>'
    cases = judge.metrics.get(key) if judge else None
    told = {
        "Measured here on RadPref": f"{pref.pairs} pairs of reports rated by {pref.radiologists} radiologists",
        "Kendall's τ with the mean rating": f"{_span(entry.tau)}; radiologists reach {_ceiling(pref)}",
        "Within reports of one source": "; ".join(
            f"{text(name)} {_span(found)}" for name, found in entry.within.items()
        ),
        "Prefers what they prefer": _share(entry.preference),
        "RadJudge": f"{cases.n_passed} of {len(cases.passed)} cases ordered as expected" if cases else "",
        "Signature": f"<code>{text(entry.signature)}</code>",
    }
    return facts(told)


def measured_tables(pref: RadPrefAgreement | None, judge: RadJudgeAgreement | None) -> str:
    """Radiologists and every measured metric on RadPref, then RadJudge case by case."""
    shown = _radpref(pref) if pref else "RadPref was not measured here yet."
    return shown + "\n\n" + (_radjudge(judge) if judge else "RadJudge was not measured here yet.")


def _radpref(pref: RadPrefAgreement) -> str:
    names = sorted({name for entry in pref.metrics.values() for name in entry.within})
    heads = (
        "Kendall's τ",
        *(f"τ within {text(n)}" for n in names),
        "Preference accuracy",
    )
    empty = "<td>–</td>" * len(names)
    rows = [
        f'<tr><th scope="row">Radiologist {text(h.rater)}<small>against the others</small></th>'
        f"<td>{_span(h.tau)}</td>{empty}<td>{_share(h.preference)}</td></tr>"
        for h in pref.humans
    ]
    for key in (k for k in metric_keys() if k in pref.metrics):
        entry = pref.metrics[key]
        inside = "".join(f"<td>{_span(entry.within[n]) if n in entry.within else '–'}</td>" for n in names)
        rows.append(
            f'<tr><th scope="row">{text(get_metric(key).title)}</th><td>{_span(entry.tau)}</td>'
            f"{inside}<td>{_share(entry.preference)}</td></tr>"
        )
    alone = pref.source_alone
    rows.append(
        f'<tr><th scope="row">Always {text(alone.source)}<small>reads nothing</small></th><td>–</td>'
        f"{empty}<td>{_share(alone.preference)}</td></tr>"
    )
    return html_table("RadPref", heads, rows, "Agreement measured on RadPref")


def _radjudge(judge: RadJudgeAgreement) -> str:
    keys = [k for k in metric_keys() if k in judge.metrics]
    rows = [
        f'<tr><th scope="row">{text(case)}<small>{text(category)}</small></th>'
        + "".join(f"<td>{'pass' if judge.metrics[k].passed.get(case) else 'fail'}</td>" for k in keys)
        + "</tr>"
        for case, category in judge.cases.items()
    ]
    total = "".join(f"<td>{judge.metrics[k].n_passed} of {len(judge.cases)}</td>" for k in keys)
    rows.append(f'<tr><th scope="row">Passed</th>{total}</tr>')
    heads = [text(get_metric(k).title) for k in keys]
    table = html_table("Case", heads, rows, "RadJudge, case by case")
    return f'<details class="rx-fold"><summary>RadJudge, case by case</summary>{table}</details>'


def _ceiling(pref: RadPrefAgreement) -> str:
    """The range of the radiologists' own agreement."""
    found = [h.tau.value for h in pref.humans if h.tau.value is not None]
    return f"{number(min(found))} to {number(max(found))}" if found else "no value"


def _share(found: Preference) -> str:
    half = f" and ties in {found.tied}" if found.tied else ""
    return f"{_span(found.accuracy)}<small>right in {found.right} of {found.n}{half}</small>"


def _span(found: Estimate) -> str:
    if found.value is None:
        return "–"
    if found.low is None or found.high is None:
        return number(found.value)
    return f"{number(found.value)}<small>{number(found.low)} to {number(found.high)}</small>"
