"""A validation's outcome as text for a terminal, JSON, workflow annotations, or a comment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from evaluator.checks.codes import RULES
from evaluator.checks.validation import Found, Report
from evaluator.files import dump_json
from evaluator.problems import MAX_TEXT, Problem, Severity, visible

MAX_COMMENT: Final = 60_000
"""Characters of a comment; GitHub takes 65,536."""
MAX_ANNOTATIONS: Final = 50
MAX_FOLDERS: Final = 50
"""Submissions named in a comment; a pull request brings one."""


def verdict(report: Report) -> str:
    """One line: valid or not, and how many problems."""
    errors, warnings = report.problems.n_errors, report.problems.n_warnings
    if not report.found:
        return "No submission found here."
    n = len(report.found)
    what = f"{n} submission{'s' * (n != 1)}"
    tail = f", {warnings} warning{'s' * (warnings != 1)}" if warnings else ""
    if report.ok:
        return f"Valid: {what} checked{tail}."
    return f"Not valid: {errors} problem{'s' * (errors != 1)}{tail} in {what}."


def next_step(report: Report) -> str:
    """What to do now, in one line."""
    if not report.found:
        return "Give a folder like submissions/TEAM/MODEL; start one with: rexrank new TEAM MODEL"
    if report.ok:
        return "Next: open a pull request that adds this folder and nothing else."
    return "Next: mend what is listed, all of it at once, and run rexrank validate again."


def describe_file(item: dict[str, Any]) -> str:
    """A prediction file in one line."""
    if not item["studies"]:
        return f"{item['dataset']}: no study could be read"
    tracks = " and ".join(item["tracks"])
    empty = f", {item['empty']} empty" if item["empty"] else ""
    return (
        f"{item['dataset']}: {item['studies']:,} studies, {tracks} track{'s' * (len(item['tracks']) > 1)}, "
        f"{item['distinct']:,} distinct report{'s' * (item['distinct'] != 1)}, {item['median_words']} words in the median{empty}"
    )


def as_json(report: Report) -> str:
    """Machine-readable outcome: `{"valid", "submissions", "problems", "not_listed"}`."""
    return dump_json(
        {
            "schema": "rexrank/validation/v1",
            "valid": report.ok,
            "errors": report.problems.n_errors,
            "warnings": report.problems.n_warnings,
            "submissions": [
                {
                    "folder": visible(f.folder, MAX_TEXT),
                    "team": visible(f.team),
                    "model": visible(f.model),
                    "valid": f.submission is not None,
                    "files": list(f.files),
                }
                for f in report.found
            ],
            "problems": [p.to_dict() for p in report.problems],
            "not_listed": [
                {"code": code, "file": visible(file, MAX_TEXT), "count": n}
                for (code, file), n in sorted(report.problems.suppressed.items())
            ],
        }
    )


def as_github(report: Report) -> str:
    """Workflow commands, one annotation a problem; nothing in them can start another command."""
    lines = []
    for p in list(report.problems)[:MAX_ANNOTATIONS]:
        level = "error" if p.severity is Severity.ERROR else "warning"
        place = f"file={_property(p.file)}" + (f",line={p.line}" if p.line else "")
        title = f"{p.code} {RULES[p.code].title}"
        where = f"{p.pointer}: " if p.pointer else ""
        message = f"{where}{p.found}. Wanted: {p.wanted}. Fix: {p.fix}"
        lines.append(f"::{level} {place},title={_property(title)}::{_message(message)}")
    left = max(0, len(report.problems) - MAX_ANNOTATIONS) + sum(report.problems.suppressed.values())
    more = f" {left:,} problems are not shown here; run rexrank validate for them." if left else ""
    lines.append(_message(f"{verdict(report)}{more} {next_step(report)}"))
    return "\n".join(lines) + "\n"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def code_span(text: str) -> str:
    r"""`text` as Markdown code that it cannot leave: no link, mention, HTML or table cell comes of it.

    >>> code_span("a`b|c")
    '``a`b\\|c``'
    """
    flat = visible(" ".join(text.split()), MAX_TEXT) or " "
    fence = "`" * (max((len(m) for m in re.findall(r"`+", flat)), default=0) + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}".replace("|", "\\|")


def as_markdown(report: Report) -> str:
    """The outcome for a comment: verdict first, then every problem by file, capped in length."""
    head = [f"### {'✅' if report.ok else '❌'} {verdict(report)}", ""]
    for found in report.found[:MAX_FOLDERS]:
        head += [f"- {code_span(found.folder)}", *(f"  - {code_span(describe_file(f))}" for f in found.files)]
    if len(report.found) > MAX_FOLDERS:
        head.append(f"- … and {len(report.found) - MAX_FOLDERS:,} more")
    tail = ["", next_step(report)]
    body: list[str] = []
    room = MAX_COMMENT - sum(len(x) + 1 for x in (*head, *tail)) - 200
    left = 0
    for file, items in groupby(sorted(report.problems, key=lambda p: p.file), key=lambda p: p.file):
        rows = [_markdown_row(p) for p in items]
        block = [
            "",
            f"**{code_span(file)}**",
            "",
            "| | where | found | wanted | how to mend it |",
            "|---|---|---|---|---|",
        ]
        room -= sum(len(x) + 1 for x in block)
        fitting = 0
        while fitting < len(rows) and len(rows[fitting]) < room:
            room -= len(rows[fitting]) + 1
            fitting += 1
        body += [*block, *rows[:fitting]] if fitting else []
        left += len(rows) - fitting
    left += sum(report.problems.suppressed.values())
    if left:
        body += ["", f"… and {left:,} more; run `rexrank validate` for all of them."]
    return "\n".join([*head, *body, *tail]) + "\n"


def _markdown_row(problem: Problem) -> str:
    mark = "⚠️" if problem.severity is Severity.WARNING else "❌"
    where = problem.pointer or "/"
    place = f"{code_span(where)}" + (f", line {problem.line}" if problem.line else "")
    cells = [
        f"{mark} {problem.code}",
        place,
        *(code_span(t) for t in (problem.found, problem.wanted, problem.fix)),
    ]
    return "| " + " | ".join(cells) + " |"


def as_text(report: Report, *, colour: bool) -> str:
    """The outcome for a terminal: problems by file, then what was found, the verdict, what to do next."""
    red, yellow, green, dim, bold, off = (
        ("\033[31m", "\033[33m", "\033[32m", "\033[2m", "\033[1m", "\033[0m") if colour else ("",) * 6
    )
    lines: list[str] = []
    problems = sorted(report.problems, key=lambda p: p.file)
    for file, items in groupby(problems, key=lambda p: p.file):
        lines.append(f"{bold}{file}{off}")
        for p in items:
            tint = red if p.severity is Severity.ERROR else yellow
            place = p.pointer + (f" (line {p.line})" if p.line else "")
            lines.append(f"  {tint}{p.code} {p.severity}{off} {place}".rstrip())
            lines.append(f"      found   {p.found}")
            lines.append(f"      wanted  {p.wanted}")
            lines.append(f"      fix     {p.fix}")
        more = sum(n for (_, f), n in report.problems.suppressed.items() if visible(f, MAX_TEXT) == file)
        if more:
            lines.append(f"  {dim}… and {more:,} more of the same kinds{off}")
        lines.append("")
    lines += _found_lines(report.found)
    lines.append(f"{green if report.ok else red}{verdict(report)}{off}")
    lines.append(next_step(report))
    return "\n".join(lines) + "\n"


def _found_lines(found: Sequence[Found]) -> list[str]:
    lines = []
    for item in found:
        lines.append(visible(item.folder, MAX_TEXT))
        lines += [f"  {describe_file(f)}" for f in item.files]
    return [*lines, ""] if lines else []
