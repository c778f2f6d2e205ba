"""The engine: which metrics, in which order, on which pairs; a killed run loses nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from typing import Any, Final

import numpy as np

from evaluator.core.installation import install_hint
from evaluator.core.problems import InputError, MetricUnavailable, RexrankError, first_line, visible
from evaluator.core.types import IntArray, Pair, Scores
from evaluator.datasets.protocol import ProtocolName, clean_report
from evaluator.metrics.base import Metric
from evaluator.metrics.registry import get_metric, in_dependency_order
from evaluator.metrics.signature import Signature
from evaluator.models.loading import is_panic
from evaluator.models.runtime import Run, check_device
from evaluator.scoring.corpus import weighted
from evaluator.scoring.score_store import ScoreStore


@dataclass(frozen=True, slots=True)
class Scored:
    """The engine's results for a list of pairs.

    `scores` and `signatures` by metric key, in the order the metrics were asked for; `unavailable` says for
    every metric that could not run why, and what to do.
    """

    ids: tuple[str, ...]
    scores: Mapping[str, Scores]
    signatures: Mapping[str, Signature]
    unavailable: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """`{"signatures": {key: …}, "scores": {key: {id: value}}, "failed": {key: [id, …]}}`.

        Full precision; no value is ever null. `details` and `corpus` (`{key: {name: value}}`) are added
        when the metrics gave any.
        """
        result: dict[str, Any] = {
            "signatures": {k: str(s) for k, s in self.signatures.items()},
            "scores": {
                k: dict(zip(self.ids, s.values.tolist(), strict=True)) for k, s in self.scores.items()
            },
            "failed": {
                k: [i for i, bad in zip(self.ids, s.failed.tolist(), strict=True) if bad]
                for k, s in self.scores.items()
            },
        }
        details = {
            k: dict(zip(self.ids, s.details, strict=True))
            for k, s in self.scores.items()
            if s.details is not None
        }
        corpus = {k: dict(s.corpus) for k, s in self.scores.items() if s.corpus is not None}
        return result | ({"corpus": corpus} if corpus else {}) | ({"details": details} if details else {})


def score(pairs: Sequence[Pair], keys: Iterable[str], run: Run, store: ScoreStore | None = None) -> Scored:
    """The scores of `keys` (computed after the metrics they combine) on `pairs`, one per pair, in their order.

    A metric that cannot run is listed in `unavailable`, as is everything that combines it; the others are
    still scored. With a `store`, finished metrics are read from it and written to it. Raises `KeyError` for
    an unknown metric, `ValueError` for an unknown variant and `InputError` for a device that this machine
    does not have.
    """
    wanted = list(dict.fromkeys(keys))
    if any(get_metric(k).weights for k in in_dependency_order(wanted)):
        check_device(run.device)
    results: dict[str, Scores] = {}
    signatures: dict[str, Signature] = {}
    unavailable: dict[str, str] = {}
    for key in in_dependency_order(wanted):
        metric = get_metric(key)
        lacking = [k for k in metric.composes if k in unavailable]
        if lacking:
            unavailable[key] = f"it combines {', '.join(lacking)}, which could not be computed."
            continue
        try:
            signatures[key] = metric.signature(run)
            result = _score_one(metric, pairs, replace(run, scores=results), signatures[key], store)
            results[key] = weighted(key, result)
        except MetricUnavailable as reason:
            unavailable[key] = str(reason)
            signatures.pop(key, None)
        except ModuleNotFoundError as error:
            unavailable[key] = f"the package {error.name} is not installed. Install: {install_hint('score')}"
            signatures.pop(key, None)
        except BaseException as error:
            # Damage that loading cannot detect shows when the model runs: only this metric is lost.
            known = isinstance(error, Exception) or is_panic(error)
            if not known or not metric.weights or os.environ.get("REXRANK_DEBUG"):
                raise
            unavailable[key] = _broken(metric, error, run)
            signatures.pop(key, None)
    return Scored(
        ids=tuple(p.id for p in pairs),
        scores={k: results[k] for k in wanted if k in results},
        signatures={k: signatures[k] for k in wanted if k in results},
        unavailable={k: unavailable[k] for k in wanted if k in unavailable},
    )


def _broken(metric: Metric, error: BaseException, run: Run) -> str:
    """The message for a metric whose model failed while running."""
    from evaluator.models.weights import models_directory

    folders = ", ".join(str(models_directory(run.models) / key) for key in metric.needs(run))
    return (
        f"its model fails ({type(error).__name__}: {first_line(error)}). Check the weights in {folders} with: "
        "rexrank models verify. If they are sound, run again with REXRANK_DEBUG=1 and report the traceback."
    )


def _score_one(
    metric: Metric, pairs: Sequence[Pair], run: Run, signature: Signature, store: ScoreStore | None
) -> Scores:
    key = ScoreStore.key(signature, pairs)
    # Details are not stored: a caller who wants them has to recompute the scores.
    if store is not None and not run.details and (entry := store.get(key, len(pairs))) is not None:
        return entry
    if run.progress:
        run.progress(metric.key, 0, len(pairs))
    scores = metric.score(pairs, run)
    _check(metric, scores, len(pairs))
    if store is not None:
        store.put(key, scores)
    if run.progress:
        run.progress(metric.key, len(pairs), len(pairs))
    return scores


def _check(metric: Metric, scores: Scores, n: int) -> None:
    """Raises for a metric that returns the wrong number of values or NaN: our bug, not the submitter's mistake."""
    rule = metric.corpus
    if rule and (
        scores.counts is None or scores.counts.shape != (n, len(rule.counts)) or (scores.counts < 0).any()
    ):
        raise RexrankError(f"{metric.key} did not return {len(rule.counts)} counts for each of {n} pairs.")
    if scores.values.shape != (n,) or scores.failed.shape != (n,) or not np.isfinite(scores.values).all():
        raise RexrankError(
            f"{metric.key} returned {scores.values.shape} values for {n} pairs or one that is not a number."
        )


def as_pairs(rows: Iterable[Pair | Mapping[str, Any] | Sequence[str]], protocol: ProtocolName) -> list[Pair]:
    """Pairs of (id, reference, prediction) rows, with the protocol applied.

    A row is a `Pair`, a mapping with those three keys, or a sequence of three. A mapping may contain what is
    known about the patient, as `context` or under `age` and `indication`. Raises `ValueError` that names the
    row for a missing key, a text that is not a string or a repeated id.
    """
    pairs: list[Pair] = []
    ids: set[str] = set()
    for number, row in enumerate(rows, start=1):
        pair = _as_pair(row, number)
        if pair.id in ids:
            raise ValueError(f"row {number}: the id {pair.id!r} appeared before; ids must be unique.")
        ids.add(pair.id)
        if protocol == "clean":
            texts = clean_report(pair.reference), clean_report(pair.prediction)
            pair = Pair(pair.id, *texts, tuple((k, clean_report(v)) for k, v in pair.context))
        pairs.append(pair)
    return pairs


def _as_pair(row: Pair | Mapping[str, Any] | Sequence[str], number: int) -> Pair:
    if isinstance(row, Pair):
        return row
    if isinstance(row, Mapping):
        missing = [k for k in ("id", "reference", "prediction") if k not in row]
        if missing:
            raise ValueError(
                f"row {number}: no {', '.join(missing)}; every row needs id, reference, prediction."
            )
        values: list[Any] = [row["id"], row["reference"], row["prediction"]]
        context = _context(row, number)
    else:
        values, context = list(row), ()
    if len(values) != 3:
        raise ValueError(f"row {number}: {len(values)} values; wanted id, reference, prediction.")
    if isinstance(values[0], bool) or not isinstance(values[0], str | Integral):
        raise ValueError(f"row {number}: the id must be a string or an integer; found {_shown(values[0])}.")
    for name, value in zip(("reference", "prediction"), values[1:], strict=True):
        if not isinstance(value, str):
            raise ValueError(
                f"row {number} (id {visible(values[0])}): the {name} must be a string (empty for none); found {_shown(value)}."
            )
    return Pair(str(values[0]), values[1], values[2], context)


CONTEXT: Final = {"age": "Age", "indication": "Indication"}
"""What a row may say about the patient, and the name it has in prompts."""


def _context(row: Mapping[str, Any], number: int) -> tuple[tuple[str, str], ...]:
    """What a row says about the patient, in `context` or in separate columns.

    Raises `ValueError` that names the row.
    """
    content = row.get("context")
    if content is None:
        content = {k: row[k] for k in CONTEXT if k in row}
    if not isinstance(content, Mapping) or not all(str(k).lower() in CONTEXT for k in content):
        raise ValueError(
            f"row {number}: the context may contain age and indication; found {_shown(content)}."
        )
    words = {}
    for key, value in content.items():
        if is_missing(value):
            continue
        if isinstance(value, bool) or not isinstance(value, str | Real):
            raise ValueError(f"row {number}: the {key} must be text or a number; found {_shown(value)}.")
        words[str(key).lower()] = value if isinstance(value, str) else f"{float(value):g}"
    return context_of(words.get("age", ""), words.get("indication", ""))


def context_of(age: str, indication: str) -> tuple[tuple[str, str], ...]:
    """A pair's context in the order and under the names of prompts, without blank entries."""
    return tuple(
        (name, value)
        for name, value in zip(CONTEXT.values(), (age, indication), strict=True)
        if value.strip()
    )


def _shown(value: object) -> str:
    """A value as shown in a message; pandas' and NumPy's missing values as NaN."""
    return "NaN, a missing value" if is_missing(value) else f"{visible(value, 40)} ({type(value).__name__})"


def is_missing(value: object) -> bool:
    """Whether a value is `None`, NaN or one of pandas' missing values."""
    return bool(value is None or type(value).__name__ in {"NAType", "NaTType"} or value != value)  # noqa: PLR0124


def _joined(parts: Sequence[IntArray | None]) -> IntArray | None:
    """The counts of all shards stacked; `None` if there are none."""
    known = [p for p in parts if p is not None]
    return np.concatenate(known) if known and len(known) == len(parts) else None


def shard(pairs: Sequence[Pair], index: int, count: int) -> list[Pair]:
    """The `index`-th (from 1) of `count` contiguous parts of `pairs`, in order, none empty if possible.

    Raises `ValueError` unless 1 ≤ index ≤ count.
    """
    if not 1 <= index <= count:
        raise ValueError(f"shard {index}/{count}: the number before the slash must be between 1 and {count}.")
    bounds = [round(len(pairs) * k / count) for k in range(count + 1)]
    return list(pairs[bounds[index - 1] : bounds[index]])


def merge(parts: Sequence[Scored]) -> Scored:
    """The scores of the shards combined, in the order given.

    Raises `InputError` if the parts overlap or were not scored with the same signatures.
    """
    first = parts[0]
    ids = tuple(i for part in parts for i in part.ids)
    if any(dict(p.signatures) != dict(first.signatures) or set(p.scores) != set(first.scores) for p in parts):
        raise InputError(
            "the shards were scored with different metrics or signatures. Score all of them with the same version."
        )
    if len(set(ids)) != len(ids):
        raise InputError("the shards overlap: a study is in two of them. Name each shard once.")
    scores = {
        key: weighted(
            key,
            Scores(
                np.concatenate([p.scores[key].values for p in parts]),
                np.concatenate([p.scores[key].failed for p in parts]),
                counts=_joined([p.scores[key].counts for p in parts]),
            ),
        )
        for key in first.scores
    }
    unavailable = {k: v for p in parts for k, v in p.unavailable.items()}
    return Scored(ids, scores, dict(first.signatures), unavailable)
