"""Report generation's part of scoring: baselines, probes, diagnostics and integrity checks of texts.

The checks themselves are in `evaluator/scoring/integrity/`. They report counts, and study ids only where ids
may be shown; they never quote a text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

import numpy as np

from evaluator.core.types import FloatArray, Pair
from evaluator.datasets.references import References
from evaluator.datasets.report import StudyReport
from evaluator.datasets.report_references import parse_reports, reports_of
from evaluator.datasets.tasks.report_generation import TASK
from evaluator.datasets.tasks.task import Prediction
from evaluator.metrics.registry import get_metric
from evaluator.models.runtime import Run
from evaluator.scoring.earlier import Earlier
from evaluator.scoring.engine import Scored
from evaluator.scoring.integrity import copying, duplicates, plausibility
from evaluator.scoring.integrity import flags as integrity
from evaluator.scoring.integrity.flags import Flag, Texts
from evaluator.scoring.integrity.signal import image_signal
from evaluator.scoring.null_reports import null_reports, probe_reports
from evaluator.scoring.record import Diagnostics, OutlierCounts
from evaluator.scoring.records import Board
from evaluator.scoring.task_scoring import Entry, TaskScoring
from evaluator.statistics.case_mix import case_mix, length_terciles
from evaluator.statistics.judge_outliers import judge_outliers

EVIDENCE: Final = ("radgraph_f1", "ratescore")
"""Metrics that a text cannot manipulate by prompting, against which judge scores are compared."""


class ReportScoring(TaskScoring[StudyReport]):
    """Reports are compared as texts: with each other, with the references, and with earlier submissions."""

    def nulls(
        self, references: References, training: Sequence[StudyReport], seed: str
    ) -> Mapping[str, Mapping[str, StudyReport]]:
        """A normal template, other patients' references, and baselines from training reports."""
        return null_reports(reports_of(references), training, seed=seed)

    def probes(self, references: References, seed: str) -> Mapping[str, Mapping[str, StudyReport]]:
        """Every reference itself, nothing, and another patient's reference."""
        return probe_reports(reports_of(references), seed)

    def training(self, path: Path) -> Sequence[StudyReport]:
        """Training reports in ReXrank's format."""
        return parse_reports(path)

    def axes(self, board: Board, pairs: Sequence[Pair], scored: Scored, run: Run) -> dict[str, list[str]]:  # noqa: ARG002
        """`length`: terciles of words. `normal`, `findings`: from the CheXbert labels that SembScore used.

        The latter two are left out if it did not run.
        """
        axes = {"length": length_terciles([len(p.reference.split()) for p in pairs])}
        if "semb_score" in scored.scores:
            from evaluator.models.chexbert import LABELS, read_texts

            readings = read_texts([p.reference for p in pairs], run)
            labels = np.array([readings[p.reference].labels for p in pairs])
            axes["normal"], axes["findings"] = case_mix(labels, LABELS.index("No Finding"))
        return axes

    def copies(self, predictions: Mapping[str, StudyReport], references: References) -> list[Flag]:
        """C11 to C13 in every track that the predictions enter."""
        return copying.copy_findings(predictions, references)

    def describe(self, references: References, pairs: Sequence[Pair]) -> Diagnostics:
        """Diagnostics alone."""
        texts = copying.board_texts(references, pairs)
        shares = copying.describe_copying(texts)._asdict()
        return integrity.describe(texts).model_copy(update={**shares, "signal": None})

    def diagnose(self, entry: Entry[StudyReport]) -> tuple[Diagnostics, list[Flag]]:
        """Diagnostics of the reports, and the flags of C2 to C23.

        Diagnostics: those of `describe`, `signal` (C14), and `judge_outliers` (C23): per judged metric the
        studies far `above` and `below` the expectation from RadGraph-F1 and RaTEScore, `None` if there is
        none.
        """
        scored, references = entry.scored, entry.references
        texts = copying.board_texts(references, entry.pairs)
        copies = copying.find_copies(texts)
        signal = image_signal(texts, scored, entry.run, entry.strata or [""] * texts.n)
        outliers = _judge_outliers(scored)
        flags = [
            *integrity.check_reports(texts),
            *plausibility.check_failures(scored.scores),
            *copying.check_copying(texts, copies),
            *plausibility.check_too_good(entry.board, scored),
            *_identity(scored),
            *plausibility.check_signal(signal),
            *plausibility.check_judges(outliers, texts.n),
            *_planted(references, texts, scored),
            *_compare_earlier(entry.board, texts.ids, entry.predictions, scored, entry.earlier, entry.name),
        ]
        shares = copying.describe_copying(texts, copies)._asdict()
        numbers = integrity.describe(texts).model_copy(
            update={**shares, "signal": signal, "judge_outliers": outliers}
        )
        return numbers, flags


def _judge_outliers(scored: Scored) -> dict[str, OutlierCounts] | None:
    """Per judged metric, the counts of studies far above and below the expectation."""
    evidence = [scored.scores[k] for k in EVIDENCE if k in scored.scores]
    if len(evidence) < len(EVIDENCE):
        return None
    counts = {}
    for key, scores in scored.scores.items():
        metric = get_metric(key)
        if metric.family != "judge":
            continue
        usable = ~np.any([scores.failed, *(e.failed for e in evidence)], axis=0)
        best = metric.upper_bound if metric.higher_is_better else metric.lower_bound
        goodness = (scores.values - metric.worst) / ((best or 0.0) - metric.worst)
        far = judge_outliers(goodness[usable], np.stack([e.values for e in evidence], axis=1)[usable])
        if far is not None:
            counts[key] = OutlierCounts(above=int(far[0].sum()), below=int(far[1].sum()))
    return counts or None


def _identity(scored: Scored) -> list[Flag]:
    """C16, if nothing failed: the worst values of RadCliQ and of its parts do not follow the formula."""
    if any(s.failed.any() for s in scored.scores.values()):
        return []
    return plausibility.check_identity(plausibility.means(scored), rounded=False)


def _planted(references: References, texts: Texts, scored: Scored) -> list[Flag]:
    """C20: planted strings that reappear, and known-wrong references matched as well as correct ones."""
    flags = copying.check_canaries(texts, references.planted.strings)
    key = next((k for k in (TASK.primary, TASK.recomputed) if k in scored.scores), None)
    swapped = [i for i, study in enumerate(scored.ids) if study in references.planted.swapped]
    if key is None or not swapped:
        return flags
    better = get_metric(key).higher_is_better
    return flags + copying.check_swapped(scored.scores[key].values, swapped, higher_is_better=better)


def _compare_earlier(
    board: Board,
    ids: Sequence[str],
    reports: Mapping[str, StudyReport],
    scored: Scored,
    earlier: Earlier,
    name: str,
) -> list[Flag]:
    """C18 against every other model, and on a withheld dataset C19 against every file of the same team."""
    mine, team = _written(ids, reports, board), name.partition("/")[0]
    now = dict(zip(ids, mine, strict=True))
    withheld = not board.dataset.exposure.membership_counts
    flags: list[Flag] = []
    for other in sorted(earlier.others):
        theirs = _written(ids, _reports(earlier.others[other]), board)
        same_team = other.partition("/")[0] == team
        since = earlier.submitted(other)
        before = [f for f in earlier.own if not same_team and since is not None and f.submitted < since]
        flags += duplicates.check_duplicate(
            mine,
            theirs,
            _comparable_scores(scored, earlier, other),
            name=other,
            same_team=same_team,
            own=[_written(ids, _reports(f.predictions), board) for f in before],
        )
        if same_team and withheld:
            flags += duplicates.check_probing(dict(zip(ids, theirs, strict=True)), now)
    if withheld:
        for file in earlier.own:
            before_now = dict(zip(ids, _written(ids, _reports(file.predictions), board), strict=True))
            flags += duplicates.check_probing(before_now, now)
    return _one_probing(flags)


def _one_probing(flags: Sequence[Flag]) -> list[Flag]:
    """The flags with C19 only once: the main branch and the store may have the same earlier file."""
    probing = [f for f in flags if f.code == "C19"]
    return [f for f in flags if f.code != "C19"] + probing[:1]


def _written(ids: Sequence[str], reports: Mapping[str, StudyReport], board: Board) -> list[str]:
    """A model's reports as written, in the order of `ids`, an empty text for a missing one."""
    needs = board.task.track(board.track).needs
    sections = [reports[i].fields if i in reports else {} for i in ids]
    return [" ".join(fields.get(name, "") for name in needs).strip() for fields in sections]


def _comparable_scores(scored: Scored, earlier: Earlier, other: str) -> tuple[FloatArray, FloatArray] | None:
    """Per-study scores of both models in the first metric that both have with one signature."""
    theirs = earlier.scores(other)
    if theirs is None:
        return None
    values, signatures = theirs
    for key in TASK.compared:
        mine = scored.scores.get(key)
        same = key in values and signatures.get(key) == str(scored.signatures.get(key))
        if mine is not None and same and values[key].shape == mine.values.shape:
            return mine.values, values[key]
    return None


def _reports(predictions: Mapping[str, Prediction]) -> Mapping[str, StudyReport]:
    return cast("Mapping[str, StudyReport]", predictions)


REPORTS: Final = ReportScoring()
