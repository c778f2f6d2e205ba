"""The doctor's findings: one line per check, in three states, as text or JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Generic, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from evaluator.core.files import dump_json
from evaluator.core.problems import MAX_TEXT, RexrankError, visible

State = Literal["good", "bad", "open"]
MARKS: Final[dict[State, str]] = {"good": "✓", "bad": "✗", "open": "○"}
MOST: Final = 6
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check: its code, what was checked, what was found, and the fix.

    `open`: it could not be determined or must be checked by hand; `fix` then says where to look.
    """

    code: str
    state: State
    what: str
    found: str
    wanted: str = ""
    fix: str = ""

    def to_dict(self) -> dict[str, str]:
        """The finding as plain values, printable and bounded in length."""
        return {name: visible(text, MAX_TEXT) for name, text in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Section:
    """The findings on one part, under a title."""

    title: str
    findings: tuple[Finding, ...]


class NotCheckable(Exception):
    """Raised by a check that cannot be made here: what is known instead, and where to look if not in `fix`."""


@dataclass(frozen=True, slots=True)
class Check(Generic[_T]):
    """One check: its subject, what is wrong, what is wanted, the fix, and what to show for a pass instead of `wanted`.

    Texts that depend on the subject are functions of it.
    """

    code: str
    what: str
    wrong: Callable[[_T], Iterable[str]]
    wanted: str | Callable[[_T], str]
    fix: str | Callable[[_T], str]
    fine: str | Callable[[_T], str] = ""

    def finding(self, subject: _T) -> Finding:
        """The finding for one subject."""

        def words(text: str | Callable[[_T], str]) -> str:
            return text if isinstance(text, str) else text(subject)

        try:
            wrong = list(self.wrong(subject))
        except NotCheckable as untold:
            found, *look = untold.args
            return Finding(self.code, "open", self.what, found, fix=look[0] if look else words(self.fix))
        if not wrong:
            return Finding(self.code, "good", self.what, words(self.fine or self.wanted))
        more = [f"and {len(wrong) - MOST} more"] * (len(wrong) > MOST)
        found = "; ".join([*wrong[:MOST], *more])
        return Finding(self.code, "bad", self.what, found, words(self.wanted), words(self.fix))


def facts(conditions: Mapping[str, object]) -> list[str]:
    """The texts whose condition holds."""
    return [words for words, holds in conditions.items() if holds]


def differences(there: Iterable[str], wanted: Iterable[str], more: str, less: str) -> list[str]:
    """Unwanted items, as texts made with `more`, then missing items, as texts made with `less`.

    >>> differences("ab", "bc", "{} may enter", "{} may not enter")
    ['a may enter', 'c may not enter']
    """
    pairs = ((set(there) - set(wanted), more), (set(wanted) - set(there), less))
    return [words.replace("{}", item) for items, words in pairs for item in sorted(items)]


def exit_status(sections: Sequence[Section], *, strict: bool) -> int:
    """0 if nothing is bad, else 1; `strict` counts undetermined checks as bad."""
    states = {f.state for s in sections for f in s.findings}
    return int("bad" in states or (strict and "open" in states))


def _counts(sections: Sequence[Section]) -> dict[State, int]:
    states = [f.state for s in sections for f in s.findings]
    return {state: states.count(state) for state in MARKS}


def as_text(sections: Sequence[Section]) -> str:
    """The findings for a terminal: problems with their fixes, everything else on one line each."""
    lines = []
    for part in sections:
        lines += ["", part.title]
        for finding in part.findings:
            fields = finding.to_dict()
            lines.append(f"  {MARKS[finding.state]} {fields['code']}  {fields['what']}: {fields['found']}")
            labels = {"wanted": "wanted", "fix": "fix" if finding.state == "bad" else "look"}
            lines += [f"{'':11}{label}: {fields[key]}" for key, label in labels.items() if fields[key]]
    total = ", ".join(f"{count} {MARKS[state]}" for state, count in _counts(sections).items())
    return "\n".join([*lines[1:], "", total, ""])


def as_json(sections: Sequence[Section]) -> str:
    """The findings as JSON."""
    parts = [{"title": s.title, "findings": [f.to_dict() for f in s.findings]} for s in sections]
    return dump_json({"schema": "rexrank/doctor/v1", "counts": _counts(sections), "sections": parts})


def from_json(text: str) -> list[Section]:
    """The sections that `as_json` wrote; raises `RexrankError` for anything else."""

    class Findings(BaseModel):
        schema_: Literal["rexrank/doctor/v1"] = Field(alias="schema")
        sections: tuple[Section, ...]

    try:
        return list(Findings.model_validate_json(text).sections)
    except ValidationError as error:
        raise RexrankError("the answer is not a list of findings.") from error
