"""FineRadScore: the clinical severity of the corrections a language model makes to a report.

Huang et al., MLHC 2024 (arXiv 2405.20613); rajpurkarlab/FineRadScore@3f5e1dc gives prompt, numbering
and checks, not the aggregation: the maximum severity is what ReXrank's published values fit, the sum
is the paper's. Lower is better; readers see 1/mean. The published judges are withdrawn, so values
compare only between runs of one judge, which the signature names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np

from evaluator.core.types import Pair, Scores
from evaluator.metrics.base import Metric
from evaluator.metrics.green import required_judge
from evaluator.metrics.sentences import split_sentences
from evaluator.metrics.signature import Signature
from evaluator.models.judges.client import Judge
from evaluator.models.judges.controls import check
from evaluator.models.judges.identity import judge_label
from evaluator.models.judges.prompts import FINERADSCORE_VERSION, fineradscore_messages
from evaluator.models.judges.sanitise import ESCAPING, escaped
from evaluator.models.judges.transcripts import Request
from evaluator.models.runtime import Run

SEVERITY: Final = {
    "no error": 0,
    "invalid comparison": 0,
    "not actionable": 1,
    "actionable nonurgent error": 2,
    "urgent error": 3,
    "emergent error": 4,
}
"""Severity by label, lower-case."""
WORST: Final = 4
FIELDS: Final = ("corrections", "clinical severity", "comments", "error category")
OFFICIAL_CALLS: Final = 6
"""Calls after which the official code keeps even a bad answer."""
CLEAN_CALLS: Final = 3
MAX_ANSWER: Final = 20_000
UNRELATED_AT_MOST: Final = 0.5
"""Highest agreement (1 - severity/4) of unrelated reports in the controls: an actionable error."""

_CORRECTION: Final = {
    "type": "object",
    "properties": {
        "corrections": {"type": "string"},
        "clinical severity": {
            "type": "string",
            "enum": ["Not actionable", "Actionable nonurgent error", "Urgent error", "Emergent error"],
        },
        "comments": {"type": "string"},
        "error category": {"type": "array", "items": {"type": "string"}},
    },
    "required": list(FIELDS),
    "additionalProperties": False,
}


def schema_of(n_lines: int) -> str:
    """The JSON schema of an answer about a report of so many lines: each line and "None" corrected or null.

    Every property is named and required, as strict structured output wants it
    (platform.openai.com/docs/guides/structured-outputs); `without_nulls` takes the rest out again.
    """
    keys = [*map(str, range(n_lines)), "None"]
    either = {"anyOf": [{"$ref": "#/$defs/correction"}, {"type": "null"}]}
    return json.dumps(
        {
            "type": "object",
            "properties": dict.fromkeys(keys, either),
            "required": keys,
            "additionalProperties": False,
            "$defs": {"correction": _CORRECTION},
        }
    )


def without_nulls(text: str) -> str:
    """A structured answer without the lines that need no correction; any other text as it is."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(answer, dict) or all(value is not None for value in answer.values()):
        return text
    return json.dumps({key: value for key, value in answer.items() if value is not None})


def lines_of(report: str) -> list[str]:
    """A report's lines as the official code numbers them: split at full stops outside numbers."""
    parts = re.split(r"(?<!\d)\.(?!\d|$) ", report)
    for blank in ("", " "):
        if blank in parts:
            parts.remove(blank)
    return [(part.strip().replace('"', "") + ".").replace("..", ".") for part in parts]


def numbered(report: str) -> str:
    """A report with line numbers, `[0] First line. [1] Second line.`, as the prompt shows it."""
    return " ".join(f"[{i}] {line}" for i, line in enumerate(lines_of(report))).strip()


def conversation(candidate: str, reference: str) -> tuple[tuple[str, str], ...]:
    """The published few-shot messages and the pair in question; `candidate` is numbered already."""
    last = f"Generated Text: {candidate} \n \n Ground Truth Text: {reference}"
    return (*((m["role"], m["content"]) for m in fineradscore_messages()), ("user", last))


class BadAnswer(Exception):
    """An answer on which the official code would stop with an error."""


def official(text: str) -> tuple[Any, bool]:
    """(what the official code stores, whether it asks no further). Raises `BadAnswer` where it crashes."""
    try:
        stored: Any = json.loads(text)
    except (ValueError, RecursionError):
        stored = {"Failed": None}
    return stored, _official_accepts(stored)


def _official_accepts(stored: Any) -> bool:
    try:
        for key in stored:
            if not key.isdigit() and key != "None":
                return False
            if any(name not in stored[key] for name in FIELDS):
                return False
    except (TypeError, AttributeError) as error:
        raise BadAnswer(str(error)) from error
    return True


def severities(stored: Any) -> list[int] | None:
    """Severity of each correction, or `None` when a label is unknown or the answer is no set of corrections."""
    if not isinstance(stored, dict):
        return None
    found = []
    for value in stored.values():
        label = value.get("clinical severity") if isinstance(value, dict) else None
        severity = SEVERITY.get(label.strip().lower()) if isinstance(label, str) else None
        if severity is None:
            return None
        found.append(severity)
    return found


_FENCE: Final = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)


def strict(text: str, n_lines: int) -> list[tuple[str, dict[str, Any]]] | None:
    """(line, correction) of an answer in exactly the form asked for, else `None`.

    Repeated "None" keys are several insertions and all kept; a line corrected twice, a line that is
    not there, an unknown severity or a missing field make the answer unusable.
    """
    if len(text) > MAX_ANSWER:
        return None
    body = _FENCE.fullmatch(text.strip())
    try:
        pairs = json.loads(body[1] if body else text, object_pairs_hook=_Pairs, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    if not isinstance(pairs, _Pairs):
        return None
    found: list[tuple[str, dict[str, Any]]] = []
    seen: set[str] = set()
    for key, value in pairs:
        known_line = key.isascii() and key.isdigit() and str(int(key)) == key and int(key) < n_lines
        if not (key == "None" or known_line) or key in seen or not isinstance(value, _Pairs):
            return None
        correction = dict(value)
        if any(name not in correction for name in FIELDS) or severities({"0": correction}) is None:
            return None
        if key != "None":
            seen.add(key)
        found.append((key, correction))
    return found


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with its repeated keys."""


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


@dataclass(slots=True)
class _Study:
    """One pair on its way through the judge."""

    lines: int
    worst_sum: int
    request: Request | None
    error: str = ""
    calls: int = 0
    answer: str | None = None
    found: list[int] | None = None


class FineRadScore(Metric):
    """Severity of the corrections to each report; worst and failed where the judge gives no usable answer."""

    key: ClassVar[str] = "fineradscore"
    title: ClassVar[str] = "FineRadScore"
    family: ClassVar[str] = "judge"
    higher_is_better: ClassVar[bool] = False
    lower_bound: ClassVar[float | None] = 0.0
    upper_bound: ClassVar[float | None] = None
    worst: ClassVar[float] = float(WORST)
    equivalence: ClassVar[float | None] = None
    reciprocal: ClassVar[bool] = True
    display_title: ClassVar[str] = "1/FineRadScore"
    variants: ClassVar[tuple[str, ...]] = ("max", "sum")
    paper: ClassVar[str] = "Huang et al., MLHC 2024"
    code: ClassVar[str] = "rajpurkarlab/FineRadScore@3f5e1dc"

    def signature(self, run: Run) -> Signature:
        """`fineradscore|v1|max|judge:…|decoding:…|prompt:…|parser:…|protocol:…`."""
        judge = required_judge(run, self.key)
        parser = (
            f"official-{OFFICIAL_CALLS}" if run.protocol == "compat" else f"strict-{CLEAN_CALLS},{ESCAPING}"
        )
        settings = (f"decoding:{judge.decoding}", f"prompt:{FINERADSCORE_VERSION}", f"parser:{parser}")
        return Signature(
            "fineradscore", "v1", (self.variant(run), judge_label(judge), *settings), run.protocol
        )

    def score(self, pairs: Sequence[Pair], run: Run) -> Scores:
        """FineRadScore of every pair, between two rounds of controls.

        No correction is 0. A failed study gets 4 (`max`), or 4 for every line of both reports
        (`sum`), so that failing is never better than being corrected. Raises `JudgeVoid` when a
        control fails, `JudgeBudgetSpent` at a cap.
        """
        asker = _Asker(run, Judge(required_judge(run, self.key)))

        asker.control("before")
        scores = asker(pairs, "", self.variant(run))
        asker.control("after")
        return scores


class _Asker:
    """Asks the judge about pairs, again where an answer cannot be used."""

    def __init__(self, run: Run, judge: Judge) -> None:
        self.run, self.judge = run, judge
        self.clean = run.protocol == "clean"
        self.reasons: list[str] = []
        """Why each answer of the last call could not be used; empty for those that could."""

    def control(self, when: str) -> None:
        """Ask the controls. Raises `JudgeVoid` when one fails."""

        def agreement(planted: Sequence[Pair]) -> list[float]:
            return [1 - value / WORST for value in self(planted, when, "max").values.tolist()]

        private = self.judge.settings.control_prompts
        check(
            agreement, when=when, unrelated_at_most=UNRELATED_AT_MOST, private=private, reasons=self.reasons
        )

    def study(self, pair: Pair, purpose: str) -> _Study:
        """A pair with the question about it, or with why it is not asked."""
        lines = lines_of(escaped(pair.prediction) if self.clean else pair.prediction)
        study = _Study(len(lines), WORST * max(1, len(lines) + len(split_sentences(pair.reference))), None)
        if self.clean and not pair.prediction.strip():
            study.error = "empty prediction"
        else:
            texts = (escaped(t) if self.clean else t for t in (pair.prediction, pair.reference))
            candidate, reference = texts
            study.request = Request(
                messages=conversation(numbered(candidate), reference),
                max_tokens=self.judge.settings.max_tokens,
                purpose=purpose,
                schema=schema_of(len(lines)) if self.judge.settings.structured else "",
            )
        return study

    def __call__(self, pairs: Sequence[Pair], purpose: str, variant: str) -> Scores:
        studies = [self.study(pair, purpose) for pair in pairs]
        open_ = [s for s in studies if s.request]
        for attempt in range(CLEAN_CALLS if self.clean else OFFICIAL_CALLS):
            open_ = self._round(open_, attempt, quiet=bool(purpose))
        values = np.array([self._value(s, variant) for s in studies], dtype=np.float64)
        failed = np.array([s.found is None for s in studies], dtype=np.bool_)
        self.reasons[:] = ["" if s.found is not None else s.error for s in studies]
        details: list[dict[str, Any]] = [
            {"severities": s.found, "calls": s.calls, "answer": s.answer, "error": s.error or None}
            for s in studies
        ]
        return Scores(values, failed, details if self.run.details else None)

    def _round(self, studies: list[_Study], attempt: int, *, quiet: bool) -> list[_Study]:
        """Ask once about each study; the ones to be asked again."""
        from dataclasses import replace

        requests = [replace(s.request, attempt=attempt) for s in studies if s.request]
        progress = self.run.progress
        report = (
            (lambda done, total: progress("fineradscore", done, total)) if progress and not quiet else None
        )
        again = []
        for study, answer in zip(studies, self.judge.ask(requests, report), strict=True):
            study.calls += 1
            study.answer = answer.text
            if answer.text is None:
                study.error = answer.error
                continue
            cut = self.clean and answer.finish_reason == "length"
            if not cut and self._read(study, answer.text):
                study.error = "" if study.found is not None else "a severity is none of the four"
            else:
                study.error = study.error or answer.why_unusable
                again.append(study)
        return again

    def _read(self, study: _Study, text: str) -> bool:
        """Whether the answer settles the study, by a result or by a failure for good."""
        if self.judge.settings.structured:
            text = without_nulls(text)
        if self.clean:
            corrections = strict(text, study.lines)
            if corrections is not None:
                study.found = [s for _, c in corrections for s in severities({"": c}) or []]
            return corrections is not None
        try:
            stored, accepted = official(text)
        except BadAnswer:
            return True
        if accepted:
            study.found = severities(stored)
        return accepted

    def _value(self, study: _Study, variant: str) -> float:
        if study.found is None:
            return float(WORST if variant == "max" else study.worst_sum)
        return float(max(study.found, default=0) if variant == "max" else sum(study.found))
