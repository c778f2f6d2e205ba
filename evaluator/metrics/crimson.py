"""CRIMSON: findings of both reports, matched and weighed by clinical significance, by a language model.

rajpurkarlab/CRIMSON@07e3331, crimson-score 0.2.2. Range (-1, 1]; 0 is no better than a normal template.
ReXrank shows it only for the findings track. Each study's score is rounded to four places, as published.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Final

from pydantic import JsonValue

from evaluator.core.types import Pair
from evaluator.metrics import crimson_answer
from evaluator.metrics.base import Agreement, Band
from evaluator.metrics.judged import Asker, JudgedMetric, Study, UnusableAnswer, required_judge
from evaluator.metrics.signature import Signature
from evaluator.models.judges.identity import judge_label
from evaluator.models.judges.prompts import crimson as prompts
from evaluator.models.judges.sanitise import ESCAPING
from evaluator.models.judges.settings import JudgeSettings
from evaluator.models.judges.stub_server import FactsOf, crimson_reply
from evaluator.models.judges.transcripts import Answer, Request
from evaluator.models.runtime import Run

WORST: Final = -1.0
CLEAN_CALLS: Final = 3
PUBLISHED_JUDGE: Final = "medgemma-4b-it-crimson"
"""The judge trained on the short prompt; the package omits the guidelines for this name."""
PUBLISHED_ID: Final = f"rajpurkarlab/{PUBLISHED_JUDGE}"
ANSWER_TOKENS: Final = 4096
"""Longest answer unless the judge's settings deviate from the general default."""
CONTEXT_KEYS: Final = ("Age", "Indication")
PROMPTED: Final = re.compile(
    r"Reference Findings \(Ground Truth\):\n(.*?)\n\nPredicted Findings \(Candidate\):\n(.*?)\n\nEnd of",
    re.DOTALL,
)
"""The two reports in the stand-in's own prompt; the published one is not in the repository."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """A usable answer and its score."""

    answer: Any
    score: float


class Crimson(JudgedMetric):
    """Weighted agreement of the findings of two reports; worst and failed if the judge gives no usable answer."""

    key: ClassVar[str] = "crimson"
    title: ClassVar[str] = "CRIMSON"
    summary: ClassVar[str] = (
        "A language model matches the findings of the two reports and weights each by its clinical significance."
    )
    higher_is_better: ClassVar[bool] = True
    lower_bound: ClassVar[float | None] = -1.0
    upper_bound: ClassVar[float | None] = 1.0
    worst: ClassVar[float] = WORST
    tracks: ClassVar[tuple[str, ...]] = ("findings",)
    on_boards: ClassVar[bool] = True
    presets: ClassVar[tuple[str, ...]] = ("rexrank-2026",)
    band: ClassVar[Band | None] = Band((0.90, 1.0), (-1.0, 0.7), (-1.0, 0.7))
    variants: ClassVar[tuple[str, ...]] = (
        "auto", "short", "guidelines", "auto+context", "short+context", "guidelines+context",
    )  # fmt: skip
    """The prompt: with guidelines unless the published judge answers (`auto`), or as named; with the context or not."""
    weights: ClassVar[tuple[str, ...]] = (prompts.MODEL,)
    paper: ClassVar[str] = "Rajpurkar Lab, CRIMSON, 2026"
    code: ClassVar[str] = "rajpurkarlab/CRIMSON@07e3331, crimson-score 0.2.2"
    agreement: ClassVar[Agreement] = MappingProxyType(
        {
            "from_chexbert": 0.68,
            "from_bertscore": 0.71,
            "from_radgraph": 0.61,
            "from_bleu": 0.67,
        }
    )

    def signature(self, run: Run) -> Signature:
        """`crimson|v1|crimson@…|judge:…|decoding:…|guidelines:…|context:…|parser:…|protocol:…`.

        `crimson@…` names the wheel that holds the prompt. Raises `MetricUnavailable` without judge or wheel.
        """
        judge = self.judge(run)
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

    def judge(self, run: Run) -> JudgeSettings:
        """The run's judge, with room for CRIMSON's answers unless its settings set another limit."""
        judge = required_judge(run, self.key)
        return (
            replace(judge, max_tokens=ANSWER_TOKENS)
            if judge.max_tokens == JudgeSettings.max_tokens
            else judge
        )

    def asker(self, run: Run) -> _Asker:
        """The asker of CRIMSON: up to three tries under `clean`, one under `compat`."""
        judge = self.judge(run)
        guidelines, context = self._prompt(run, judge)
        return _Asker(self.key, run, judge, guidelines=guidelines, context=context)

    def stand_in(self, prompt: str, facts_of: FactsOf) -> str | None:
        """The answer of the demo's stand-in judge, in CRIMSON's format; `None` for another metric's prompt."""
        reports = PROMPTED.search(prompt)
        return crimson_reply(facts_of(reports[1]), facts_of(reports[2])) if reports else None

    def _prompt(self, run: Run, judge: JudgeSettings) -> tuple[bool, bool]:
        """(whether the prompt has guidelines, whether it has the patient's context)."""
        kind, _, context = self.variant(run).partition("+")
        if kind != "auto":
            return kind == "guidelines", bool(context)
        names = judge.model, judge.served
        if run.protocol == "compat":
            return PUBLISHED_ID not in names, bool(context)
        return all(n.rstrip("/").rpartition("/")[2] != PUBLISHED_JUDGE for n in names), bool(context)


class _Asker(Asker[_Reading]):
    """Asks for lists of findings, matches and errors."""

    def __init__(
        self, key: str, run: Run, settings: JudgeSettings, *, guidelines: bool, context: bool
    ) -> None:
        super().__init__(key, run, settings, CLEAN_CALLS if run.protocol == "clean" else 1)
        self.guidelines, self.context = guidelines, context
        self.prompt = None if settings.stand_in else prompts.published(run.models)

    def request(self, pair: Pair, purpose: str) -> Request:
        """The published question, or the stand-in's for the stand-in judge."""
        reference, prediction = map(self.shown, (pair.reference, pair.prediction))
        if self.prompt is None:
            messages = prompts.stand_in_messages(reference, prediction)
        else:
            context = {k: self.shown(v) for k, v in pair.context} if self.context else {}
            messages = self.prompt.messages(reference, prediction, context, guidelines=self.guidelines)
        return Request(messages=messages, max_tokens=self.judge.settings.max_tokens, purpose=purpose)

    def read(self, pair: Pair, answer: Answer) -> _Reading:  # noqa: ARG002
        """The answer and its score, as the package reads it or, under `clean`, in exactly the form asked for.

        Raises `UnusableAnswer` for one that gives no score.
        """
        text = answer.text or ""
        try:
            value = crimson_answer.strict(text) if self.clean else crimson_answer.read(text)
            if self.clean and value is None:
                raise UnusableAnswer
            return _Reading(value, crimson_answer.score(value))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UnusableAnswer from error

    def value(self, pair: Pair, reading: _Reading | None) -> float:  # noqa: ARG002
        """The score of the answer; -1 without one."""
        return WORST if reading is None else reading.score

    def agreement(self, reading: _Reading | None) -> float:
        """The score, 0 where it is negative."""
        return max(0.0, WORST if reading is None else reading.score)

    def detail(self, study: Study[_Reading]) -> Mapping[str, JsonValue]:
        """The parsed and the raw answer."""
        answer = study.reading.answer if study.reading else None
        return {"answer": answer, "text": study.answer.text, "calls": study.calls}
