"""Metrics for research: any pairs of texts, without a submission, and the statistics of their scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluator.core.problems import MetricUnavailable
from evaluator.core.types import Pair, ProgressCallback
from evaluator.datasets.protocol import ProtocolName
from evaluator.metrics.registry import get_metric
from evaluator.models.runtime import BATCH_SIZE, Run, check_device
from evaluator.scoring.engine import as_pairs, score
from evaluator.scoring.pair_rows import Rows, rows_of
from evaluator.scoring.result import Result, by_patient

if TYPE_CHECKING:
    from evaluator.models.judges.settings import JudgeSettings
    from evaluator.models.text_cache import TextCache


class Scorer:
    """Metrics with their settings; weights are loaded once and stay loaded between calls.

    Example:
        >>> scorer = Scorer(["bleu_2", "rouge_l"])
        >>> result = scorer.score(references=["no effusion"], predictions=["no effusion"])
        >>> result.mean()
        {'bleu_2': 1.0, 'rouge_l': 1.0}
    """

    def __init__(
        self,
        metrics: str | Iterable[str],
        *,
        models: Path | str | None = None,
        device: str = "cpu",
        cache: TextCache | Path | str | None = None,
        protocol: ProtocolName = "clean",
        batch_size: int | None = None,
        details: bool = False,
        variants: Mapping[str, str] | None = None,
        judge: JudgeSettings | Mapping[str, JudgeSettings] | None = None,
        progress: ProgressCallback | None = None,
        partial: bool = False,
    ) -> None:
        """Settings of every call.

        Args:
            metrics: a metric key or several (`rexrank metrics` lists them).
            models: directory of weights, as `rexrank models fetch` fills it (default: REXRANK_MODELS).
            device: Torch device name.
            cache: folder of encoder results by text, so that a text is encoded only once across calls.
            protocol: `clean` normalises both sides first; `compat` takes the strings unchanged, as the
                official code does.
            batch_size: texts given to an encoder at a time. On a CPU, scores do not depend on it, nor on what
                else is scored, to the last bit; elsewhere it is the size of a forward pass.
            details: keep what each metric saw in each pair.
            variants: named variant per metric key, for metrics that have variants.
            judge: which LLM judge answers, one for all judged metrics or one by metric key.
            progress: called as (what, done, total).
            partial: leave out a metric that cannot run, with the reason in `unavailable`, instead of raising.

        Raises:
            KeyError: an unknown metric. ValueError: an unknown variant. InputError: a device that this
                machine does not have.
        """
        from evaluator.metrics.judges import by_metric
        from evaluator.models.text_cache import TextCache

        self.metrics = (metrics,) if isinstance(metrics, str) else tuple(dict.fromkeys(metrics))
        self.partial = partial
        self._run = Run(
            protocol=protocol,
            models=Path(models) if models is not None else None,
            device=device,
            batch_size=batch_size or BATCH_SIZE,
            details=details,
            variants=dict(variants or {}),
            cache=TextCache(Path(cache)) if isinstance(cache, str | Path) else cache,
            judges=by_metric(judge),
            progress=progress,
        )
        for key in (*self.metrics, *self._run.variants):
            get_metric(key).variant(self._run)
        if any(get_metric(key).weights for key in self.metrics):
            check_device(device)

    def score(
        self,
        rows: Rows | None = None,
        *,
        references: Sequence[str] | None = None,
        predictions: Sequence[str] | None = None,
        ids: Sequence[Any] | None = None,
        patients: Sequence[Any] | None = None,
    ) -> Result:
        """The scores of pairs and their statistics.

        Args:
            rows: a pandas or `datasets` table with the columns `reference`, `prediction`, and `id` and
                `patient` if it has them; or pairs, mappings or sequences of id, reference, prediction.
            references: instead of `rows`, the texts of one side.
            predictions: the texts of the other, in the same order.
            ids: their ids (default: 0, 1, …).
            patients: the patient of each pair, for intervals and tests (default: each pair a separate patient).

        Raises:
            ValueError: a bad row, named. MetricUnavailable: metrics cannot run here; each is listed with what
                to do, unless `partial`.
        """
        values, owners = rows_of(rows, references, predictions, ids, patients)
        pairs = as_pairs(values, self._run.protocol)
        scored = score(pairs, self.metrics, self._run)
        if scored.unavailable and not self.partial:
            raise MetricUnavailable("\n".join(f"{key}: {why}" for key, why in scored.unavailable.items()))
        return Result(
            scored.ids,
            scored.scores,
            scored.signatures,
            scored.unavailable,
            by_patient(owners, scored.ids),
        )


def score_pairs(
    rows: Iterable[Pair | Mapping[str, Any] | Sequence[str]],
    metrics: str | Iterable[str],
    **settings: Any,
) -> Result:
    """The scores of any pairs of texts in one call; `settings` are those of `Scorer`.

    Example:
        >>> score_pairs([("1", "no effusion", "no effusion")], "bleu_2").to_dict()["scores"]
        {'bleu_2': {'1': 1.0}}
    """
    return Scorer(metrics, **settings).score(rows)
