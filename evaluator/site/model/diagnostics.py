"""Diagnostics of a model's predictions, in words."""

from __future__ import annotations

from evaluator.datasets.tasks.task import Task
from evaluator.leaderboard.row import Row
from evaluator.metrics.registry import get_metric, metric_keys
from evaluator.site.views import Fact
from evaluator.site.words import number
from evaluator.submissions.task_predictions import predictions_of


def diagnostics(row: Row, task: Task) -> tuple[Fact, ...]:
    """The diagnostics as facts; empty if none may be shown."""
    return _of_reports(row) if predictions_of(task).free_text else _of_answers(row, task)


def _of_answers(row: Row, task: Task) -> tuple[Fact, ...]:
    d = row.diagnostics
    facts = {} if d.n_empty is None else {f"{task.items.capitalize()} unanswered": f"{d.n_empty:,}"}
    for name, shares in (
        ("Answer letter distribution", d.letter_shares),
        ("Accuracy by correct letter", d.position_accuracy),
    ):
        if shares:
            facts[name] = ", ".join(f"{x} {_share(s)}" for x, s in sorted(shares.items()) if s is not None)
    if d.shared_wrong is not None:
        facts["Wrong answers shared with another model"] = f"kappa at most {number(d.shared_wrong, 2)}"
    return tuple(Fact(name, value) for name, value in facts.items())


def _of_reports(row: Row) -> tuple[Fact, ...]:
    d = row.diagnostics
    if d.distinct_fraction is None or d.top1_share is None:
        return ()
    facts = {
        "Distinct reports": _share(d.distinct_fraction),
        "Most common report": f"in {_share(d.top1_share)} of the studies",
        "Length": "–"
        if d.length_ratio is None
        else f"{d.length_ratio:.2f} times the length of the references",
    }
    # Counts that reveal something about single references are not published for every dataset.
    if d.n_empty is not None and d.exact_match is not None and d.copied_spans is not None:
        facts["Identical to the reference"] = f"in {_share(d.exact_match)} of the studies"
        facts["Passages copied from the reference"] = f"in {_share(d.copied_spans)} of the studies"
        if d.unique_matches is not None:
            facts["Close match to a unique reference"] = f"{_share(d.unique_matches)} of these references"
        facts["Empty"] = f"{d.n_empty:,}"
    if d.signal:
        facts["Gain over a shuffled study"] = "; ".join(
            f"{number(test.gain)} in {_signal_title(key)} (p = {test.p:.3f})"
            for key, test in d.signal.items()
        )
    for key, far in sorted((d.judge_outliers or {}).items()):
        facts[f"{metric_name(key)} against RadGraph-F1 and RaTEScore"] = (
            f"far above expectation in {far.above:,} studies, far below in {far.below:,}"
        )
    return tuple(Fact(name, value) for name, value in facts.items())


def metric_name(key: str) -> str:
    """A metric's name; the key itself if this version does not know it."""
    return get_metric(key).title if key in metric_keys() else key


def _signal_title(key: str) -> str:
    return "words in common" if key == "word_similarity" else metric_name(key)


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"
