"""What a model's reports look like beside the references, in words."""

from __future__ import annotations

from evaluator.leaderboard.row import Row
from evaluator.metrics.registry import get_metric, metric_keys
from evaluator.site.views import Fact
from evaluator.site.words import number


def diagnostics(row: Row) -> tuple[Fact, ...]:
    """What is known of the reports as facts; nothing where no diagnostics may be shown."""
    d = row.diagnostics
    if d.distinct_fraction is None or d.top1_share is None:
        return ()
    told = {
        "Distinct reports": _share(d.distinct_fraction),
        "Most common report": f"in {_share(d.top1_share)} of the studies",
        "Length": "–" if d.length_ratio is None else f"{d.length_ratio:.2f} times the references'",
    }
    # Counts that tell of single references are not published of every set.
    if d.n_empty is not None and d.exact_match is not None and d.copied_spans is not None:
        told["Equal to the reference"] = f"in {_share(d.exact_match)} of the studies"
        told["Passages copied from the reference"] = f"in {_share(d.copied_spans)} of the studies"
        if d.unique_matches is not None:
            told["Close to a reference that no other study has"] = (
                f"{_share(d.unique_matches)} of these references"
            )
        told["Empty"] = f"{d.n_empty:,}"
    if d.signal:
        told["Gain from the right study"] = "; ".join(
            f"{number(test.gain)} in {_signal_title(key)} (p = {test.p:.3f})"
            for key, test in d.signal.items()
        )
    for key, far in sorted((d.judge_outliers or {}).items()):
        told[f"{metric_name(key)} against RadGraph-F1 and RaTEScore"] = (
            f"far above what they lead to expect in {far.above:,} studies, far below in {far.below:,}"
        )
    return tuple(Fact(name, value) for name, value in told.items())


def metric_name(key: str) -> str:
    """A metric's name; the key itself where this version knows none."""
    return get_metric(key).title if key in metric_keys() else key


def _signal_title(key: str) -> str:
    return "words in common" if key == "word_similarity" else metric_name(key)


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"
