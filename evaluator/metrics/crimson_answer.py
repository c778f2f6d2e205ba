"""CRIMSON's answers: the package's formula and reading, and a strict reading that fails closed.

crimson-score 0.2.2 (rajpurkarlab/CRIMSON@07e3331). The package repairs invalid JSON and checks nothing else;
an answer `{}` scores 1 there. The strict reading accepts an answer only in the form that the prompt asks for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

SIGNIFICANCE: Final = {
    "urgent": 1.0,
    "actionable_not_urgent": 0.5,
    "not_actionable_not_urgent": 0.25,
    "benign_expected": 0.0,
}
"""Weight of a finding by its clinical significance."""
SEVERITY: Final = {"significant": 0.5, "negligible": 0.0}
"""Weight of an attribute error by its severity."""
OTHER: Final = 0.25
"""Weight of any other significance or severity, or of a missing one."""
ERROR_TYPES: Final = (
    "location", "severity", "descriptor", "measurement", "certainty", "unspecific", "overinterpretation", "temporal",
)  # fmt: skip
KEYS: Final = ("reference_findings", "predicted_findings", "matched_findings", "errors")
ERROR_KEYS: Final = ("false_findings", "missing_findings", "attribute_errors")
DIGITS: Final = 4
"""Decimal places to which the package rounds the score of a study, before any mean."""
REPAIRS: Final = 50
REACH: Final = 5
"""How many characters before an error are searched for a quotation mark that belongs to the text."""
MAX_ANSWER: Final = 100_000


def score(answer: Any) -> float:
    """The package's score of an answer, in (-1, 1], rounded to four places.

    Raises `LookupError`, `TypeError` or `AttributeError` where the package would crash.

    >>> score({})
    1.0
    """
    lists = {k: answer.get(k, []) for k in KEYS[:3]}
    errors = answer.get("errors", {})
    false, missing, attributes = (errors.get(k, []) for k in ERROR_KEYS)
    reference, predicted = _weights(lists["reference_findings"]), _weights(lists["predicted_findings"])
    attribute: dict[Any, float] = {}
    for error in attributes:
        key = error["ref_id"]
        attribute[key] = attribute.get(key, 0.0) + SEVERITY.get(error.get("severity"), OTHER)
    penalty = sum(predicted.get(p, 0.0) for p in false)
    missed = sum(reference.get(r, 0.0) for r in missing)
    correct = 0.0
    for key in dict.fromkeys(match["ref_id"] for match in lists["matched_findings"]):
        weight = reference.get(key, 0.0)
        whole = weight + attribute.get(key, 0.0)
        correct += weight * weight / whole if whole else 0.0
    if lists["reference_findings"]:
        total = sum(_weight(f) for f in lists["reference_findings"])
    else:
        total = len(lists["matched_findings"]) + missed
    return round(_value(total, correct, penalty, missed), DIGITS)


def _value(total: float, correct: float, penalty: float, missed: float) -> float:
    if total == 0:
        plain = 1.0 if penalty == 0 and missed == 0 else -(penalty + missed + 1)
    else:
        plain = (correct - penalty) / total
    if plain >= 0:
        return plain
    excess = penalty - correct
    return -excess / (1 + excess) if excess > 0 else 0.0


def _weight(finding: Any) -> float:
    return float(SIGNIFICANCE.get(finding.get("clinical_significance", ""), OTHER))


def _weights(findings: Any) -> dict[Any, float]:
    """Weight by id; a later finding replaces an earlier one with the same id."""
    return {finding["id"]: _weight(finding) for finding in findings}


_QUOTES: Final = str.maketrans({"\u201c": '\\"', "\u201d": '\\"', "\u2018": "\\'", "\u2019": "\\'"})
_HYBRID: Final = re.compile(r'\[\s*""\s*:\s*\[')
_BARE_WORD: Final = re.compile(r'((?:[\]}"\d]\s*,|\{)\s*)([A-Za-z_]\w*")')
_KEY_AFTER: Final = re.compile(r',\s*"[^"]*"(?=\s*(?:,\s*"[^"]*"\s*:|\}))')
_KEY_FIRST: Final = re.compile(r'(?<=\{)\s*"[^"]*"\s*,(?=\s*"[^"]*"\s*:)')
_ESCAPE: Final = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})?')


def read(text: str) -> Any:
    """The value of an answer as the package reads it, with its repairs. Raises `ValueError` if it gives up."""
    plain = _HYBRID.sub("[", text.translate(_QUOTES))
    plain = _BARE_WORD.sub(r'\1"\2', plain)
    escaped = _ESCAPE.sub(lambda m: m[0] if m[1] else "\\\\", plain)
    for candidate in (plain, _KEY_FIRST.sub("", _KEY_AFTER.sub("", plain)), escaped):
        try:
            return _loads(candidate)
        except ValueError:
            continue
    for candidate in (plain, escaped):
        for repair in _with_quotes_escaped(candidate):
            try:
                return _loads(repair)
            except ValueError:
                continue
    raise ValueError("it is not JSON and cannot be repaired")


def _with_quotes_escaped(text: str) -> Iterator[str]:
    """The text with one more quotation mark escaped each time, the one just before the error."""
    for _ in range(REPAIRS):
        try:
            _loads(text)
        except json.JSONDecodeError as error:
            at = next(
                (i for i in range(error.pos, max(error.pos - REACH, 0) - 1, -1) if _inner(text, i)), None
            )
        except ValueError:
            return
        else:
            return
        if at is None:
            return
        text = f"{text[:at]}\\{text[at:]}"
        yield text


def _inner(text: str, at: int) -> bool:
    """Whether there is a quotation mark here that neither opens nor closes a string."""
    if text[at : at + 1] != '"' or text[at - 1 : at] in {"\\", "{", "[", ",", ":"}:
        return False
    return text[at + 1 :].lstrip()[:1] not in {":", ",", "}", "]"}


def _loads(text: str) -> Any:
    def first(pairs: list[tuple[str, Any]]) -> Any:
        return dict(reversed(pairs))

    try:
        return json.loads(text, object_pairs_hook=first)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


_FENCE: Final = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)


def strict(text: str) -> Any:
    """The value of an answer in exactly the form that the prompt asks for, else `None`.

    Every finding has its own id and a known significance; every reference finding is matched or missing,
    every predicted one matched or false, none both; attribute errors belong to matched pairs.
    """
    if len(text) > MAX_ANSWER:
        return None
    body = _FENCE.fullmatch(text.strip())
    try:
        answer = json.loads(body[1] if body else text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) and _sound(answer) else None


def _sound(answer: Any) -> bool:
    errors = answer.get("errors")
    if set(answer) != set(KEYS) or not isinstance(errors, dict) or set(errors) != set(ERROR_KEYS):
        return False
    reference, predicted = (_ids(answer[k]) for k in KEYS[:2])
    matches = _pairs(answer["matched_findings"])
    false, missing = (_texts(errors[k]) for k in ERROR_KEYS[:2])
    attributes = errors["attribute_errors"]
    if reference is None or predicted is None or matches is None or false is None or missing is None:
        return False
    apart = (
        _parted(reference, [r for r, _ in matches], missing),
        _parted(predicted, [p for _, p in matches], false),
    )
    return all(apart) and isinstance(attributes, list) and all(_attribute(a, matches) for a in attributes)


def _parted(ids: list[str], matched: list[str], rest: list[str]) -> bool:
    """Whether the ids are exactly those matched and the rest, none in both and none of the rest twice."""
    return (
        set(ids) == set(matched) | set(rest) and not set(matched) & set(rest) and len(set(rest)) == len(rest)
    )


def _ids(findings: Any) -> list[str] | None:
    if not isinstance(findings, list):
        return None
    ids = []
    for finding in findings:
        if not isinstance(finding, dict) or not {"id", "finding", "clinical_significance"} <= set(finding):
            return None
        if not all(isinstance(finding[k], str) for k in ("id", "finding", "clinical_significance")):
            return None
        if finding["clinical_significance"] not in SIGNIFICANCE:
            return None
        ids.append(finding["id"])
    return ids if len(set(ids)) == len(ids) else None


def _pairs(matches: Any) -> list[tuple[str, str]] | None:
    if not isinstance(matches, list):
        return None
    pairs = []
    for match in matches:
        if not isinstance(match, dict):
            return None
        pair = match.get("ref_id"), match.get("pred_id")
        if not isinstance(pair[0], str) or not isinstance(pair[1], str):
            return None
        pairs.append((pair[0], pair[1]))
    return pairs


def _texts(values: Any) -> list[str] | None:
    return values if isinstance(values, list) and all(isinstance(v, str) for v in values) else None


def _attribute(error: Any, matches: list[tuple[str, str]]) -> bool:
    if not isinstance(error, dict) or (error.get("ref_id"), error.get("pred_id")) not in matches:
        return False
    types = _texts(error.get("error_types"))
    return error.get("severity") in SEVERITY and bool(types) and set(types or ()) <= set(ERROR_TYPES)


def _once(pairs: list[tuple[str, Any]]) -> Any:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key appears twice")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
