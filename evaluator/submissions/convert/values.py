"""One cell to one text: lists of one, grounded findings, chat messages, batch answers, JSON in a string."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from evaluator.submissions.convert.table import Refused

MAX_DEPTH: Final = 6
MAX_LITERAL: Final = 100_000
"""Most characters in a list that Python has printed into a cell."""
_TEXT_KEYS: Final = ("text", "content", "generated_text", "sentence", "finding", "report", "output_text")
_BOX_KEYS: Final = frozenset({"box", "boxes", "bbox", "bboxes", "phrase", "phrase_id"})
_LITERAL: Final = re.compile(r"\s*\[\s*[\[(\"']")
_FENCE: Final = re.compile(r"\s*```[a-z]*\s*\n?(.*?)\n?\s*```\s*", re.DOTALL | re.IGNORECASE)
_SECTION_KEYS: Final = frozenset({"finding", "findings", "impression", "impressions", "conclusion"})


@dataclass(frozen=True, slots=True)
class Sections:
    """Findings and impression that are separate in the source; `None` for a missing one."""

    findings: str | None
    impression: str | None


def text_of(value: Any, where: str, depth: int = 0) -> str | Sections | None:
    """The text of a cell, its sections if they are separate, `None` if it is empty.

    Raises `Refused` for anything but text, naming the place.

    >>> text_of([["Clear.", None], ["No effusion.", [[0, 0, 1, 1]]]], "x")
    'Clear. No effusion.'
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        return _string(value)
    if depth > MAX_DEPTH:
        raise Refused(f"{where}: the prediction is nested too deep; wanted a text.")
    if isinstance(value, list | tuple):
        return _list(list(value), where, depth)
    if isinstance(value, Mapping):
        return _object(value, where, depth)
    raise Refused(f"{where}: the prediction is {_kind(value)}, not a text.")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    return "a number" if isinstance(value, int | float) else f"of the type {type(value).__name__}"


def _string(text: str) -> str | Sections:
    """The text; the sections of JSON in a string; the text of a list that was printed into a cell."""
    inner = match[1] if (match := _FENCE.fullmatch(text)) else text
    stripped = inner.strip()
    if stripped.startswith("{") and stripped.endswith("}"):
        value = _parsed(stripped)
        if isinstance(value, dict) and _SECTION_KEYS & {str(k).strip().casefold() for k in value}:
            return _sections(value) or text
    if _LITERAL.match(stripped) and stripped.endswith("]") and isinstance(value := _parsed(stripped), list):
        try:
            words = _list(value, "", 1)
        except Refused:
            return text
        return text if words is None else words
    return text


def _parsed(text: str) -> Any:
    if len(text) > MAX_LITERAL:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None


def _sections(value: Mapping[Any, Any]) -> Sections | None:
    """The sections of an object, by its keys in any spelling; `None` if a section is not text."""
    parts: dict[str, str | None] = {}
    for key, content in value.items():
        word = str(key).strip().casefold().rstrip("s")
        name = {"finding": "findings", "impression": "impression", "conclusion": "impression"}.get(word)
        if name is None or name in parts:
            continue
        sentences = content if isinstance(content, list) else [content]
        if content is not None and not all(isinstance(c, str) for c in sentences):
            return None
        parts[name] = (
            None
            if content is None
            else " ".join(map(str.strip, sentences))
            if sentences is content
            else content
        )
    return Sections(parts.get("findings"), parts.get("impression")) if parts else None


def _list(values: list[Any], where: str, depth: int) -> str | Sections | None:
    if not values:
        return None
    if all(_is_grounded(v) for v in values):
        sentences = [s for v in values if (s := text_of(_grounded_text(v), where, depth + 1))]
        return " ".join(s.strip() for s in sentences if isinstance(s, str))
    if len(values) == 1:
        return text_of(values[0], where, depth + 1)
    if all(isinstance(v, Mapping) and v.get("type") in {"text", "output_text"} for v in values):
        parts = [v.get("text") for v in values]
        if all(isinstance(p, str) for p in parts):
            return "".join(map(str, parts))
    raise Refused(f"{where}: the prediction is a list of {len(values)} items; wanted one text.")


def _is_grounded(value: Any) -> bool:
    """Whether an item is a sentence with its boxes (MAIRA-2): `[sentence, boxes]` or an object of both."""
    if isinstance(value, list | tuple):
        return (
            len(value) == 2
            and isinstance(value[0], str)
            and (value[1] is None or isinstance(value[1], list | tuple))
        )
    return (
        isinstance(value, Mapping)
        and bool({str(k).casefold() for k in value} & _BOX_KEYS)
        and any(isinstance(value.get(k), str) for k in _TEXT_KEYS)
    )


def _grounded_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return next(str(value[k]) for k in _TEXT_KEYS if isinstance(value.get(k), str))
    return str(value[0])


def _object(value: Mapping[str, Any], where: str, depth: int) -> str | Sections | None:
    lowered = {str(k).strip().casefold() for k in value}
    if _SECTION_KEYS & lowered and (sections := _sections(value)) is not None:
        return sections
    texts = [k for k in _TEXT_KEYS if k in value]
    if len(texts) == 1:
        return text_of(value[texts[0]], where, depth + 1)
    raise Refused(f"{where}: the prediction is an object, not a text.")


def is_batch_row(value: Mapping[str, Any]) -> bool:
    """Whether an object is a line of a batch's output (OpenAI, vLLM, Anthropic)."""
    return "custom_id" in value and bool({"response", "result"} & value.keys())


def answer_of_batch(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The custom id and the answer of a line of batch output; a request that failed has no text.

    Raises `Refused` for a line with several answers.
    """
    other = {k: v for k, v in row.items() if k not in {"response", "result"}}
    return {**other, "content": _answer(row.get("response"), row.get("result"), where)}


def _answer(response: Any, result: Any, where: str) -> Any:
    body = response.get("body") if isinstance(response, dict) else None
    message: Any = None
    if isinstance(body, dict):
        choices = body.get("choices")
        if isinstance(choices, list) and len(choices) > 1:
            raise Refused(f"{where}: {len(choices)} answers to one request; keep one.")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        message = choice.get("message", choice.get("text"))
        if not choices and isinstance(body.get("output"), list):
            parts = [o for o in body["output"] if isinstance(o, dict) and o.get("type") == "message"]
            message = parts[0] if len(parts) == 1 else None
    elif isinstance(result, dict):
        message = result.get("message")
    content = message.get("content") if isinstance(message, dict) else message
    if isinstance(content, list):
        content = [c for c in content if isinstance(c, dict) and c.get("type") in {"text", "output_text"}]
    return content if isinstance(content, str) else text_of(content, where)
