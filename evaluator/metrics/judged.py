"""What judged metrics share: a language model is asked about every pair, and its answers are read.

A metric of this kind defines its question (`request`), how to read an answer (`read`), the score (`value`)
and how often to ask if an answer is unusable (`calls`). Asking, controls, progress, reasons and details are
the same for all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

import numpy as np
from pydantic import JsonValue

from evaluator.core.problems import MetricUnavailable
from evaluator.core.types import Pair, Scores
from evaluator.metrics.base import Metric
from evaluator.models.judges.client import Judge
from evaluator.models.judges.controls import UNRELATED_AT_MOST, check
from evaluator.models.judges.sanitise import escaped
from evaluator.models.judges.settings import JudgeSettings
from evaluator.models.judges.transcripts import Answer, Request
from evaluator.models.runtime import Run

if TYPE_CHECKING:
    from evaluator.models.judges.stub_server import FactsOf

Reading = TypeVar("Reading")
"""What a metric reads from a usable answer."""

EMPTY: Final = "empty prediction"


class UnusableAnswer(Exception):
    """An answer without a score, and why; `final` if the metric's rules allow no further try."""

    def __init__(self, reason: str = "", *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.final = reason, final


@dataclass(slots=True)
class Study(Generic[Reading]):
    """One pair on its way through the judge."""

    pair: Pair
    request: Request | None
    """The question about it; `None` if it is not asked."""
    error: str = ""
    """Why there is no reading; empty if there is one."""
    calls: int = 0
    answer: Answer = field(default_factory=lambda: Answer(None))
    """The last answer."""
    reading: Reading | None = None


def required_judge(run: Run, key: str) -> JudgeSettings:
    """The run's judge for a metric. Raises `MetricUnavailable`, with the fix, if there is none."""
    if key not in run.judges:
        raise MetricUnavailable(
            f"{key} needs a judge. Start one with: rexrank judge serve {'green' if key == 'green' else 'MODEL'}, "
            "then score with the options that it prints"
        )
    return run.judges[key]


class Asker(ABC, Generic[Reading]):
    """Asks the judge about pairs, and asks again if an answer is unusable.

    `key`: the metric. `calls`: most tries per study. `reasons`: why each study has no score after the last
    call; empty for those that have one.
    """

    def __init__(self, key: str, run: Run, settings: JudgeSettings, calls: int) -> None:
        self.key, self.run, self.calls = key, run, calls
        self.clean = run.protocol == "clean"
        self.judge = Judge(settings)
        self.reasons: list[str] = []

    @abstractmethod
    def request(self, pair: Pair, purpose: str) -> Request | str:
        """The question about a pair, or why there is none."""

    @abstractmethod
    def read(self, pair: Pair, answer: Answer) -> Reading:
        """The reading of an answer with a text. Raises `UnusableAnswer`."""

    @abstractmethod
    def value(self, pair: Pair, reading: Reading | None) -> float:
        """The score of a reading; the worst possible for `None`."""

    @abstractmethod
    def agreement(self, reading: Reading | None) -> float:
        """The agreement of the texts in the judge's view, 0 (worst, and for `None`) to 1, as used by controls."""

    @abstractmethod
    def detail(self, study: Study[Reading]) -> Mapping[str, JsonValue]:
        """Details of a study besides its error, as JSON values."""

    def shown(self, text: str) -> str:
        """A text as shown to the judge: under `clean`, without anything that could manipulate it."""
        return escaped(text) if self.clean else text

    def __call__(self, pairs: Sequence[Pair]) -> Scores:
        """The scores of pairs, in order."""
        studies = self.ask(pairs)
        values = np.array([self.value(s.pair, s.reading) for s in studies], dtype=np.float64)
        failed = np.array([s.reading is None for s in studies], dtype=np.bool_)
        details = (
            [{**self.detail(s), "error": s.error or None} for s in studies] if self.run.details else None
        )
        return Scores(values, failed, details)

    def control(self, when: str, unrelated_at_most: float = UNRELATED_AT_MOST) -> None:
        """Nothing; asks every control, and raises `JudgeVoid` if one fails.

        `when`: "before" or "after" the run. `unrelated_at_most`: the agreement, in [0, 1], that unrelated texts may have.
        """

        def agreement(planted: Sequence[Pair]) -> list[float]:
            return [self.agreement(s.reading) for s in self.ask(planted, when)]

        check(
            agreement,
            when=when,
            unrelated_at_most=unrelated_at_most,
            private=self.judge.settings.control_prompts,
            reasons=self.reasons,
        )

    def ask(self, pairs: Sequence[Pair], purpose: str = "") -> list[Study[Reading]]:
        """Every pair with the reading of the judge's answer; `purpose` distinguishes the questions of controls."""
        studies = [self._study(pair, purpose) for pair in pairs]
        open_ = [s for s in studies if s.request]
        for attempt in range(self.calls):
            open_ = self._round(open_, attempt, quiet=bool(purpose))
        self.reasons[:] = [s.error for s in studies]
        return studies

    def _study(self, pair: Pair, purpose: str) -> Study[Reading]:
        if self.clean and not pair.prediction.strip():
            return Study(pair, None, EMPTY)
        request = self.request(pair, purpose)
        return Study(pair, None, request) if isinstance(request, str) else Study(pair, request)

    def _round(self, studies: list[Study[Reading]], attempt: int, *, quiet: bool) -> list[Study[Reading]]:
        """The studies to ask about again, after asking once about each."""
        requests = [replace(s.request, attempt=attempt) for s in studies if s.request]
        progress = self.run.progress
        report = (lambda done, total: progress(self.key, done, total)) if progress and not quiet else None
        again = []
        for study, answer in zip(studies, self.judge.ask(requests, report), strict=True):
            study.calls += 1
            study.answer, study.error = answer, ""
            try:
                study.reading = self._read(study.pair, answer)
            except UnusableAnswer as unusable:
                study.error = unusable.reason or answer.why_unusable
                if not unusable.final:
                    again.append(study)
        return again

    def _read(self, pair: Pair, answer: Answer) -> Reading:
        if answer.text is None:  # the client has already retried
            raise UnusableAnswer(final=True)
        if self.clean and answer.finish_reason == "length":
            raise UnusableAnswer
        return self.read(pair, answer)


class JudgedMetric(Metric):
    """A metric whose scores come from a language model's answers."""

    family: ClassVar[str] = "judge"
    packages: ClassVar[tuple[str, ...]] = ("openai",)
    unrelated_at_most: ClassVar[float] = UNRELATED_AT_MOST
    """Highest agreement that the judge may find between unrelated reports in the controls."""

    def judge(self, run: Run) -> JudgeSettings:
        """The judge with this metric's settings. Raises `MetricUnavailable` if there is none."""
        return required_judge(run, self.key)

    @abstractmethod
    def asker(self, run: Run) -> Asker[Any]:
        """The object that asks about pairs and reads answers in this run."""

    def stand_in(self, prompt: str, facts_of: FactsOf) -> str | None:  # noqa: ARG002 - of metrics with a reply
        """The demo's stand-in judge's answer to a prompt; `None` if it is not this metric's prompt.

        `facts_of` gives the facts that a report of the sandbox states. Without a reply the demo leaves the metric out.
        """
        return None

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:
        """The score of every pair, between two rounds of controls; worst and failed without a usable answer.

        Raises `JudgeVoid` if a control fails, `JudgeBudgetSpent` at a cap.
        """
        asker = self.asker(run)
        asker.control("before", self.unrelated_at_most)
        scores = asker(pairs)
        asker.control("after", self.unrelated_at_most)
        return scores
