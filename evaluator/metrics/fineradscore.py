"""FineRadScore: the clinical severity of the corrections a language model makes to a report.

Huang et al., MLHC 2024 (arXiv 2405.20613); rajpurkarlab/FineRadScore@3f5e1dc gives prompt, numbering and
checks, not the aggregation: the maximum severity is what ReXrank's published values fit, the sum is the
paper's. Lower is better; readers see 1/mean. The published judges were withdrawn, so values are comparable
only between runs with the same judge, which the signature names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pydantic import JsonValue

from evaluator.core.types import Pair
from evaluator.metrics.base import Band
from evaluator.metrics.judged import Asker, JudgedMetric, Study, UnusableAnswer
from evaluator.metrics.sentences import split_sentences
from evaluator.metrics.signature import Signature
from evaluator.models.judges.identity import judge_label
from evaluator.models.judges.prompts import FINERADSCORE_VERSION, fineradscore_messages
from evaluator.models.judges.sanitise import ESCAPING
from evaluator.models.judges.settings import JudgeSettings
from evaluator.models.judges.stub_server import FactsOf, fineradscore_reply
from evaluator.models.judges.transcripts import Answer, Request
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
NOT_GRADED: Final = "a severity is not one of the four"

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
    """The JSON schema of an answer about a report with this many lines: each line and "None" corrected or null.

    Every property is named and required, as strict structured output demands
    (platform.openai.com/docs/guides/structured-outputs); `without_nulls` removes the nulls again.
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
    """A structured answer without the lines that need no correction; any other text unchanged."""
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
    """The published few-shot messages and the pair to score; `candidate` is already numbered."""
    last = f"Generated Text: {candidate} \n \n Ground Truth Text: {reference}"
    return (*((m["role"], m["content"]) for m in fineradscore_messages()), ("user", last))


class BadAnswer(Exception):
    """An answer on which the official code would stop with an error."""


def official(text: str) -> tuple[Any, bool]:
    """(what the official code stores, whether it stops asking). Raises `BadAnswer` where it crashes."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        value = {"Failed": None}
    return value, _official_accepts(value)


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
    """The severity of each correction, 0 to 4, or `None` for an unknown label or another kind of answer."""
    if not isinstance(stored, dict):
        return None
    values = []
    for value in stored.values():
        label = value.get("clinical severity") if isinstance(value, dict) else None
        severity = SEVERITY.get(label.strip().lower()) if isinstance(label, str) else None
        if severity is None:
            return None
        values.append(severity)
    return values


_FENCE: Final = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)


def strict(text: str, n_lines: int) -> list[tuple[str, dict[str, Any]]] | None:
    """(line, correction) of an answer in exactly the form asked for, else `None`.

    Repeated "None" keys are several insertions and all kept; a line corrected twice, a line that does not
    exist, an unknown severity or a missing field makes the answer unusable.
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
    corrections: list[tuple[str, dict[str, Any]]] = []
    keys: set[str] = set()
    for key, value in pairs:
        known_line = key.isascii() and key.isdigit() and str(int(key)) == key and int(key) < n_lines
        if not (key == "None" or known_line) or key in keys or not isinstance(value, _Pairs):
            return None
        correction = dict(value)
        if any(name not in correction for name in FIELDS) or severities({"0": correction}) is None:
            return None
        if key != "None":
            keys.add(key)
        corrections.append((key, correction))
    return corrections


PROMPTED: Final = re.compile(r"Generated Text: (.*?) \n \n Ground Truth Text: (.*)", re.DOTALL)
"""The two reports in a prompt."""


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with its repeated keys."""


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class FineRadScore(JudgedMetric):
    """Severity of the corrections to each report; worst and failed if the judge gives no usable answer."""

    key: ClassVar[str] = "fineradscore"
    title: ClassVar[str] = "FineRadScore"
    summary: ClassVar[str] = (
        "A language model lists the corrections that the report needs and how severe each one is."
    )
    higher_is_better: ClassVar[bool] = False
    lower_bound: ClassVar[float | None] = 0.0
    upper_bound: ClassVar[float | None] = None
    worst: ClassVar[float] = float(WORST)
    equivalence: ClassVar[float | None] = None
    reciprocal: ClassVar[bool] = True
    display_title: ClassVar[str] = "1/FineRadScore"
    variants: ClassVar[tuple[str, ...]] = ("max", "sum")
    unrelated_at_most: ClassVar[float] = 0.5
    presets: ClassVar[tuple[str, ...]] = ("paper-2024",)
    band: ClassVar[Band | None] = Band((0.0, 0.5), (0.0, 1e6), (0.0, 1e6))
    """In terms of the agreement 1 - severity/4: unrelated reports have at least an actionable error."""
    paper: ClassVar[str] = "Huang et al., MLHC 2024"
    code: ClassVar[str] = "rajpurkarlab/FineRadScore@3f5e1dc"

    def signature(self, run: Run) -> Signature:
        """`fineradscore|v1|max|judge:…|decoding:…|prompt:…|parser:…|protocol:…`."""
        judge = self.judge(run)
        parser = (
            f"official-{OFFICIAL_CALLS}" if run.protocol == "compat" else f"strict-{CLEAN_CALLS},{ESCAPING}"
        )
        settings = (f"decoding:{judge.decoding}", f"prompt:{FINERADSCORE_VERSION}", f"parser:{parser}")
        return Signature(
            "fineradscore", "v1", (self.variant(run), judge_label(judge), *settings), run.protocol
        )

    def asker(self, run: Run) -> _Asker:
        """The asker of corrections: up to three tries under `clean`, as many as the official code's under `compat`."""
        return _Asker(self.key, run, self.judge(run), self.variant(run))

    def stand_in(self, prompt: str, facts_of: FactsOf) -> str | None:
        """The answer of the demo's stand-in judge, in FineRadScore's format; `None` for another metric's prompt."""
        reports = PROMPTED.fullmatch(prompt)
        if reports is None:
            return None
        pieces = re.split(r"\[(\d+)\] ", reports[1])
        lines = [(number, facts_of(text)) for number, text in zip(pieces[1::2], pieces[2::2], strict=True)]
        return fineradscore_reply(facts_of(reports[2]), lines)


class _Asker(Asker[list[int]]):
    """Asks for corrections; a reading is their severities, empty if nothing needs one.

    A failed study gets 4 (`max`), or 4 for every line of both reports (`sum`), so that failing is never better than
    being corrected.
    """

    def __init__(self, key: str, run: Run, settings: JudgeSettings, variant: str) -> None:
        super().__init__(key, run, settings, CLEAN_CALLS if run.protocol == "clean" else OFFICIAL_CALLS)
        self.variant = variant

    def request(self, pair: Pair, purpose: str) -> Request:
        """The published conversation, with a schema of the answer if the judge accepts one."""
        settings = self.judge.settings
        return Request(
            messages=conversation(numbered(self.shown(pair.prediction)), self.shown(pair.reference)),
            max_tokens=settings.max_tokens,
            purpose=purpose,
            schema=schema_of(len(self._lines(pair))) if settings.structured else "",
        )

    def _lines(self, pair: Pair) -> list[str]:
        return lines_of(self.shown(pair.prediction))

    def read(self, pair: Pair, answer: Answer) -> list[int]:
        """The severities of the corrections, 0 to 4 each. Raises `UnusableAnswer` for an answer without any."""
        text = answer.text or ""
        if self.judge.settings.structured:
            text = without_nulls(text)
        if self.clean:
            corrections = strict(text, len(self._lines(pair)))
            if corrections is None:
                raise UnusableAnswer
            return [s for _, c in corrections for s in severities({"": c}) or []]
        try:
            value, accepted = official(text)
        except BadAnswer as error:
            raise UnusableAnswer(NOT_GRADED, final=True) from error
        values = severities(value) if accepted else None
        if values is None:
            raise UnusableAnswer(NOT_GRADED if accepted else "", final=accepted)
        return values

    def value(self, pair: Pair, reading: list[int] | None) -> float:
        """The highest severity or the sum of all; the worst possible for a failed study."""
        if reading is not None:
            return float(max(reading, default=0) if self.variant == "max" else sum(reading))
        lines = len(self._lines(pair)) + len(split_sentences(pair.reference))
        return float(WORST if self.variant == "max" else WORST * max(1, lines))

    def agreement(self, reading: list[int] | None) -> float:
        """1 - highest severity / 4."""
        return 0.0 if reading is None else 1 - max(reading, default=0) / WORST

    def detail(self, study: Study[list[int]]) -> Mapping[str, JsonValue]:
        """The severities and the answer."""
        return {
            "severities": None if study.reading is None else [*study.reading],
            "calls": study.calls,
            "answer": study.answer.text,
        }
