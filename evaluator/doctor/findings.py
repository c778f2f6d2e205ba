"""What the doctor found: one line a check, in three states, as text or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, Field, ValidationError

from evaluator.core.files import dump_json
from evaluator.core.problems import MAX_TEXT, RexrankError, visible

State = Literal["good", "bad", "open"]
MARKS: Final[dict[State, str]] = {"good": "✓", "bad": "✗", "open": "○"}
SCHEMA: Final = "rexrank/doctor/v1"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check: its code, what was looked at, what was found, and the cure.

    `open`: it could not be told, or needs somebody's eyes; `fix` then says where to look.
    """

    code: str
    state: State
    what: str
    found: str
    wanted: str = ""
    fix: str = ""

    def to_dict(self) -> dict[str, str]:
        """The finding as plain values, made printable and bounded."""
        return {
            "code": self.code,
            "state": self.state,
            "what": visible(self.what, MAX_TEXT),
            "found": visible(self.found, MAX_TEXT),
            "wanted": visible(self.wanted, MAX_TEXT),
            "fix": visible(self.fix, MAX_TEXT),
        }


@dataclass(frozen=True, slots=True)
class Section:
    """The findings on one part, under a title."""

    title: str
    findings: tuple[Finding, ...]


def good(code: str, what: str, found: str) -> Finding:
    """A check that passed."""
    return Finding(code, "good", what, found)


def bad(code: str, what: str, found: str, wanted: str, fix: str) -> Finding:
    """A check that failed: fact, wish, cure."""
    return Finding(code, "bad", what, found, wanted, fix)


def unsettled(code: str, what: str, found: str, look: str = "") -> Finding:
    """A check that could not be made here; `look` says where to look."""
    return Finding(code, "open", what, found, "", look)


def judged(code: str, what: str, wrong: Sequence[str], fine: str, wanted: str, fix: str) -> Finding:
    """A failure that lists everything wrong, or a pass that says what is fine."""
    return bad(code, what, listed(wrong), wanted, fix) if wrong else good(code, what, fine)


def listed(items: Iterable[str], most: int = 6) -> str:
    """The items in one line, the first few of many.

    >>> listed(["a", "b", "c"], most=2)
    'a; b; and 1 more'
    """
    known = list(items)
    rest = [f"and {len(known) - most} more"] if len(known) > most else []
    return "; ".join([*known[:most], *rest])


def counts(sections: Sequence[Section]) -> dict[State, int]:
    """How many findings are in each state."""
    states = [f.state for s in sections for f in s.findings]
    return {state: states.count(state) for state in MARKS}


def exit_status(sections: Sequence[Section], *, strict: bool) -> int:
    """0 when nothing is bad, else 1; `strict` counts what could not be told as bad."""
    states = {f.state for s in sections for f in s.findings}
    return int("bad" in states or (strict and "open" in states))


def as_text(sections: Sequence[Section]) -> str:
    """The findings for a terminal: what is wrong with its cure, the rest in one line each."""
    lines = []
    for section in sections:
        lines += ["", section.title]
        for finding in section.findings:
            shown = finding.to_dict()
            lines.append(f"  {MARKS[finding.state]} {shown['code']}  {shown['what']}: {shown['found']}")
            pad = " " * (len(shown["code"]) + 6)
            labels = (("wanted", "wanted"), ("fix", "fix" if finding.state == "bad" else "look"))
            lines += [f"{pad}{name}: {shown[key]}" for key, name in labels if shown[key]]
    totals = counts(sections)
    total = ", ".join(f"{totals[state]} {MARKS[state]}" for state in MARKS)
    return "\n".join([*lines[1:], "", total, ""])


def as_json(sections: Sequence[Section]) -> str:
    """The findings for a machine."""
    parts = [{"title": s.title, "findings": [f.to_dict() for f in s.findings]} for s in sections]
    return dump_json({"schema": SCHEMA, "counts": counts(sections), "sections": parts})


def from_json(text: str) -> list[Section]:
    """The sections that `as_json` wrote; raises `RexrankError` for anything else."""
    try:
        return list(_Findings.model_validate_json(text).sections)
    except ValidationError as error:
        raise RexrankError("the answer is no list of the doctor's findings.") from error


class _Findings(BaseModel):
    """What `as_json` writes."""

    schema_: Literal["rexrank/doctor/v1"] = Field(alias="schema")
    sections: tuple[Section, ...]
