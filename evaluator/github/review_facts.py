"""What a maintainer looks at before releasing a commit: counts of a prediction file, and whom it resembles.

Everything is computed from the submission and from what is public on main; no reference is needed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from evaluator.datasets.report import StudyReport
from evaluator.scoring.integrity.flags import norm, text_flags
from evaluator.scoring.integrity.limits import limits
from evaluator.scoring.integrity.similarity import WordTexts, pairwise, sorted_words
from evaluator.submissions.submission import Predictions

COMPARED: Final = 500
"""Studies that are compared with other submissions, chosen by hash, so that thousands stay cheap."""
NEAREST: Final = 3


def chosen(predictions: Predictions, n: int) -> list[str]:
    """`n` study ids by the hash of the file's digest and the id: nobody can aim at them beforehand."""

    def place(study: str) -> bytes:
        return hashlib.sha256(f"{predictions.sha256}{study}".encode()).digest()

    return sorted(predictions.reports, key=place)[:n]


def file_facts(predictions: Predictions) -> list[str]:
    """Lines on lengths, repetition, characters and flagged reports; numbers and codes only."""
    texts = [_text(r) for r in predictions.reports.values()]
    if not texts:
        return ["no report"]
    words = sorted(len(t.split()) for t in texts)
    top, times = Counter(map(norm, texts)).most_common(1)[0]
    odd = sum(not t.isascii() for t in texts)
    flags = Counter(f"{f.code} ({f.outcome})" for t in texts for f in text_flags(t))
    return [
        (
            f"words: {_quantile(words, 0.05)} / {_quantile(words, 0.5)} / {_quantile(words, 0.95)} "
            f"(5th, 50th, 95th percentile), {words[-1]} at most"
        ),
        f"the most frequent report is {'empty' if not top else 'the same'} in {times:,} of {len(texts):,} studies",
        f"{odd:,} reports hold a character outside ASCII, {predictions.n_empty:,} are empty",
        "flags of single reports: "
        + (", ".join(f"{k} in {n:,}" for k, n in sorted(flags.items())) or "none"),
    ]


def nearest(
    predictions: Predictions, others: Mapping[str, Mapping[str, StudyReport]]
) -> list[tuple[str, float]]:
    """The other submissions (`team/model`) with most reports close to these, and their share in (0, 1], largest first.

    Close as integrity check C18 has it. Compared are up to `COMPARED` studies with a report.
    """
    rules = limits().duplicate
    studies = [s for s in chosen(predictions, COMPARED) if norm(_text(predictions.reports[s]))]
    shares = []
    for name in sorted(others):
        words, reports = WordTexts(), others[name]
        own = words([_text(predictions.reports[s]) for s in studies])
        theirs = words([_text(reports[s]) if s in reports else "" for s in studies])
        in_order, any_order = pairwise(own, theirs), pairwise(sorted_words(own), sorted_words(theirs))
        close = int(((in_order >= rules.in_order) | (any_order >= rules.any_order)).sum())
        if close:
            shares.append((name, close / len(studies)))
    return sorted(shares, key=lambda pair: (-pair[1], pair[0]))[:NEAREST]


def _text(report: StudyReport) -> str:
    return f"{report.findings} {report.impression or ''}".strip()


def _quantile(values: Sequence[int], share: float) -> int:
    return values[min(len(values) - 1, int(share * len(values)))]
