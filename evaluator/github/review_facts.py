"""What a maintainer checks before releasing a commit: counts of a prediction file, and which models it resembles.

Everything is computed from the submission and from what is public on main; no reference is needed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from evaluator.core.counts import count_text
from evaluator.core.problems import visible
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.tasks.task import Prediction, Task, get_task
from evaluator.scoring.integrity.flags import norm, text_flags
from evaluator.scoring.integrity.limits import limits
from evaluator.scoring.integrity.similarity import WordTexts, pairwise, sorted_words
from evaluator.submissions.reading import Items
from evaluator.submissions.submission import Predictions
from evaluator.submissions.task_predictions import predictions_of

COMPARED: Final = 500
"""How many items, chosen by hash, are compared with other submissions, so that thousands stay cheap."""
NEAREST: Final = 3
COMMONEST: Final = 6
"""How many different answers are listed with counts."""


def chosen(predictions: Predictions, n: int) -> list[str]:
    """`n` item ids by the hash of the file's digest and the id, so that nobody can predict them."""

    def place(study: str) -> bytes:
        return hashlib.sha256(f"{predictions.sha256}{study}".encode()).digest()

    return sorted(predictions.items, key=place)[:n]


def file_facts(predictions: Predictions) -> list[str]:
    """Lines on lengths, repetition, characters and flagged reports, or on how answers spread; numbers and codes only."""
    task = task_of(predictions)
    texts = [text_of(p) for p in predictions.items.values()]
    if not texts:
        return [f"no {task.prediction}"]
    if not predictions_of(task).free_text:
        return _spread(texts, task)
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
        f"{count_text(odd, 'report contains', 'reports contain')} non-ASCII characters, {count_text(predictions.n_empty, 'is', 'are')} empty",
        "flags on single reports: "
        + (", ".join(f"{k} in {n:,}" for k, n in sorted(flags.items())) or "none"),
    ]


def _spread(texts: Sequence[str], task: Task) -> list[str]:
    """How often each of the commonest answers was given."""
    counts = Counter(texts)
    top = ", ".join(f"{visible(text, 40) or 'none'} {n:,}" for text, n in counts.most_common(COMMONEST))
    more = len(counts) - COMMONEST
    others = f", and {more:,} others" if more > 0 else ""
    return [f"{len(texts):,} {task.predictions}: {top}{others}"]


def nearest(predictions: Predictions, others: Mapping[str, Items]) -> list[tuple[str, float]]:
    """The other submissions (`team/model`) with most predictions close to these, and their share in (0, 1], largest first.

    Reports are close in the sense of integrity check C18, answers if they are equal. Up to `COMPARED` items
    with a prediction are compared.
    """
    items = [i for i in chosen(predictions, COMPARED) if norm(text_of(predictions.items[i]))]
    own = [text_of(predictions.items[i]) for i in items]
    close = _close if predictions_of(task_of(predictions)).free_text else _same
    shares = []
    for name in sorted(others):
        theirs = others[name]
        n = close(own, [text_of(theirs[i]) if i in theirs else "" for i in items])
        if n:
            shares.append((name, n / len(items)))
    return sorted(shares, key=lambda pair: (-pair[1], pair[0]))[:NEAREST]


def _same(own: Sequence[str], theirs: Sequence[str]) -> int:
    return sum(a == b for a, b in zip(own, theirs, strict=True))


def _close(own: Sequence[str], theirs: Sequence[str]) -> int:
    """How many reports of two models are close."""
    rules, words = limits().duplicate, WordTexts()
    a, b = words(own), words(theirs)
    in_order, any_order = pairwise(a, b), pairwise(sorted_words(a), sorted_words(b))
    return int(((in_order >= rules.in_order) | (any_order >= rules.any_order)).sum())


def task_of(predictions: Predictions) -> Task:
    """The task of the predictions."""
    return get_task(get_dataset(predictions.dataset).task)


def text_of(prediction: Prediction) -> str:
    """The whole text of a prediction."""
    return " ".join(prediction.fields.values()).strip()


def _quantile(values: Sequence[int], share: float) -> int:
    return values[min(len(values) - 1, int(share * len(values)))]
