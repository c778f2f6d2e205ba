"""CRIMSON: findings of both reports, matched and weighed by clinical significance, by a language model.

rajpurkarlab/CRIMSON@07e3331, crimson-score 0.2.2. Range (-1, 1]; 0 is no better than a normal template. ReXrank
shows it for the findings track alone. Each study's score is rounded to four places, as published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import numpy as np

from evaluator.core.types import Pair, Scores
from evaluator.metrics import crimson_answer
from evaluator.metrics.base import Metric
from evaluator.metrics.green import required_judge
from evaluator.metrics.signature import Signature
from evaluator.models.judges.client import Judge
from evaluator.models.judges.controls import check
from evaluator.models.judges.identity import judge_label
from evaluator.models.judges.prompts import crimson as prompts
from evaluator.models.judges.sanitise import ESCAPING, escaped
from evaluator.models.judges.settings import JudgeSettings
from evaluator.models.judges.transcripts import Request
from evaluator.models.runtime import Run

WORST: Final = -1.0
CLEAN_CALLS: Final = 3
PUBLISHED_JUDGE: Final = "medgemma-4b-it-crimson"
"""The judge that was trained on the short prompt; the package switches its guidelines off by this name."""
PUBLISHED_ID: Final = f"rajpurkarlab/{PUBLISHED_JUDGE}"
ANSWER_TOKENS: Final = 4096
"""Longest answer unless the judge's settings ask for another limit than the general default."""
CONTEXT_KEYS: Final = ("Age", "Indication")


class Crimson(Metric):
    """Weighted agreement of the findings of two reports; worst and failed where the judge gives no usable answer."""

    key: ClassVar[str] = "crimson"
    title: ClassVar[str] = "CRIMSON"
    family: ClassVar[str] = "judge"
    higher_is_better: ClassVar[bool] = True
    lower_bound: ClassVar[float | None] = -1.0
    upper_bound: ClassVar[float | None] = 1.0
    worst: ClassVar[float] = WORST
    tracks: ClassVar[tuple[str, ...]] = ("findings",)
    variants: ClassVar[tuple[str, ...]] = (
        "auto", "short", "guidelines", "auto+context", "short+context", "guidelines+context",
    )  # fmt: skip
    """The prompt: with guidelines unless the published judge answers (`auto`), or as named; with the context or not."""
    weights: ClassVar[tuple[str, ...]] = (prompts.MODEL,)
    paper: ClassVar[str] = "Rajpurkar Lab, CRIMSON, 2026"
    code: ClassVar[str] = "rajpurkarlab/CRIMSON@07e3331, crimson-score 0.2.2"

    def signature(self, run: Run) -> Signature:
        """`crimson|v1|crimson@…|judge:…|decoding:…|guidelines:…|context:…|parser:…|protocol:…`.

        `crimson@…` names the wheel that holds the prompt. Raises `MetricUnavailable` without judge or wheel.
        """
        judge = _judge(run)
        prompt = prompts.stand_in_label() if judge.stand_in else prompts.prompt_label(run.models)
        guidelines, context = self._prompt(run, judge)
        parser = "official" if run.protocol == "compat" else f"strict-{CLEAN_CALLS},{ESCAPING}"
        settings = (
            f"decoding:{judge.decoding}",
            f"guidelines:{'on' if guidelines else 'off'}",
            f"context:{'age,indication' if context else 'none'}",
            f"parser:{parser}",
        )
        return Signature(self.key, "v1", (prompt, judge_label(judge), *settings), run.protocol)

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:
        """CRIMSON of every pair, between two rounds of controls.

        Raises `JudgeVoid` when a control fails, `JudgeBudgetSpent` at a cap.
        """
        judge = _judge(run)
        guidelines, context = self._prompt(run, judge)
        asker = _Asker(run, Judge(judge), guidelines=guidelines, context=context)
        asker.control("before")
        scores = asker(pairs, "")
        asker.control("after")
        return scores

    def _prompt(self, run: Run, judge: JudgeSettings) -> tuple[bool, bool]:
        """(whether the prompt has guidelines, whether it has the patient's context)."""
        kind, _, context = self.variant(run).partition("+")
        if kind != "auto":
            return kind == "guidelines", bool(context)
        names = judge.model, judge.served
        if run.protocol == "compat":
            return PUBLISHED_ID not in names, bool(context)
        return all(n.rstrip("/").rpartition("/")[2] != PUBLISHED_JUDGE for n in names), bool(context)


def _judge(run: Run) -> JudgeSettings:
    judge = required_judge(run, "crimson")
    return replace(judge, max_tokens=ANSWER_TOKENS) if judge.max_tokens == JudgeSettings.max_tokens else judge


@dataclass(slots=True)
class _Study:
    """One pair on its way through the judge."""

    request: Request | None
    error: str = ""
    calls: int = 0
    text: str | None = None
    answer: Any = None
    value: float | None = None


class _Asker:
    """Asks the judge about pairs, under `clean` again where an answer cannot be used."""

    def __init__(self, run: Run, judge: Judge, *, guidelines: bool, context: bool) -> None:
        self.run, self.judge = run, judge
        self.clean = run.protocol == "clean"
        self.guidelines, self.context = guidelines, context
        self.prompt = None if judge.settings.stand_in else prompts.published(run.models)
        self.reasons: list[str] = []

    def control(self, when: str) -> None:
        """Ask the controls. Raises `JudgeVoid` when one fails."""

        def agreement(planted: Sequence[Pair]) -> list[float]:
            return [max(0.0, value) for value in self(planted, when).values.tolist()]

        check(agreement, when=when, private=self.judge.settings.control_prompts, reasons=self.reasons)

    def __call__(self, pairs: Sequence[Pair], purpose: str) -> Scores:
        studies = [self._study(pair, purpose) for pair in pairs]
        open_ = [s for s in studies if s.request]
        for attempt in range(CLEAN_CALLS if self.clean else 1):
            open_ = self._round(open_, attempt, quiet=bool(purpose))
        values = np.array([WORST if s.value is None else s.value for s in studies], dtype=np.float64)
        failed = np.array([s.value is None for s in studies], dtype=np.bool_)
        self.reasons[:] = ["" if s.value is not None else s.error for s in studies]
        details: list[dict[str, Any]] = [
            {"answer": s.answer, "text": s.text, "calls": s.calls, "error": s.error or None} for s in studies
        ]
        return Scores(values, failed, details if self.run.details else None)

    def _study(self, pair: Pair, purpose: str) -> _Study:
        if self.clean and not pair.prediction.strip():
            return _Study(None, "empty prediction")
        reference, prediction = (escaped(t) if self.clean else t for t in (pair.reference, pair.prediction))
        if self.prompt is None:
            messages = prompts.stand_in_messages(reference, prediction)
        else:
            given = dict(pair.context) if self.context else {}
            context = {k: escaped(v) if self.clean else v for k, v in given.items()}
            messages = self.prompt.messages(reference, prediction, context, guidelines=self.guidelines)
        settings = self.judge.settings
        return _Study(Request(messages=messages, max_tokens=settings.max_tokens, purpose=purpose))

    def _round(self, studies: list[_Study], attempt: int, *, quiet: bool) -> list[_Study]:
        """Ask once about each study; the ones to be asked again."""
        requests = [replace(s.request, attempt=attempt) for s in studies if s.request]
        progress = self.run.progress
        report = (lambda done, total: progress("crimson", done, total)) if progress and not quiet else None
        again = []
        for study, answer in zip(studies, self.judge.ask(requests, report), strict=True):
            study.calls += 1
            study.text = answer.text
            if answer.text is None:
                study.error = answer.error
                continue
            cut = answer.finish_reason == "length"
            if not (self.clean and cut):
                self._read(study, answer.text)
            if study.value is None:
                study.error = answer.why_unusable
                again.append(study)
            else:
                study.error = ""
        return again

    def _read(self, study: _Study, text: str) -> None:
        """The score of an answer, where it can be used."""
        try:
            study.answer = crimson_answer.strict(text) if self.clean else crimson_answer.read(text)
            if not self.clean or study.answer is not None:
                study.value = crimson_answer.score(study.answer)
        except (ValueError, LookupError, TypeError, AttributeError):
            study.value = None
