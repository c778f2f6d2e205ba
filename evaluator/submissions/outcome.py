"""A validation's outcome as text for a terminal, JSON, workflow annotations, or a comment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Final

from evaluator.core.counts import count_text
from evaluator.core.files import dump_json
from evaluator.core.markdown import code_span, markdown_text
from evaluator.core.problems import MAX_TEXT, Problem, Problems, Severity, visible
from evaluator.datasets.challenge import challenge
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.tasks.task import get_task, track_title
from evaluator.submissions.rules.codes import RULES, anchor
from evaluator.submissions.validate import FileSummary, FolderResult, Report

MAX_COMMENT: Final = 60_000
"""Characters of a comment; GitHub takes 65,536."""
MAX_ANNOTATIONS: Final = 50
MAX_FOLDERS: Final = 50
"""Submissions named in a comment; a pull request brings one."""
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9._/-]{1,200}")
_COMMAND: Final = re.compile(r"(run|type): (.*?)((?: \([^()]*\))?)")


def verdict(report: Report) -> str:
    """One line: valid or not, and how many problems."""
    errors, warnings = report.problems.n_errors, report.problems.n_warnings
    if not report.found:
        return "No submission found here."
    n = len(report.found)
    what = count_text(n, "submission")
    tail = f", {count_text(warnings, 'warning')}" if warnings else ""
    if report.ok:
        return f"Valid: {what} checked{tail}."
    return f"Not valid: {count_text(errors, 'problem')}{tail} in {what}."


def next_step(report: Report) -> str:
    """The next step, in one line."""
    if not report.found:
        return "Give a folder like submissions/TEAM/MODEL; start one with: rexrank new TEAM MODEL"
    if report.ok:
        folder = report.found[0].folder
        is_one = len(report.found) == 1 and _PLAIN_PATH.fullmatch(folder)
        return f"Next: rexrank submit {folder if is_one else 'submissions/TEAM/MODEL'}, or a pull request with that folder alone."
    return "Next: fix everything listed and run rexrank validate again."


def describe_file(file: FileSummary) -> str:
    """A prediction file in one line."""
    task = get_task(get_dataset(file.dataset).task)
    if not file.studies:
        return f"{file.dataset}: no {task.item} could be read"
    empty = f", {file.empty} empty" if file.empty else ""
    words = "" if file.median_words is None else f", {file.median_words} words (median)"
    return (
        f"{file.dataset}: {count_text(file.studies, task.item, task.items)}; {tracks_text(file.tracks)}; "
        f"{count_text(file.distinct, f'distinct {task.prediction}', f'distinct {task.predictions}')}{words}{empty}"
    )


def tracks_text(tracks: Sequence[str]) -> str:
    """Tracks in words, such as "tracks: findings, findings + impression"."""
    titles = [track_title(t) for t in tracks]
    return f"tracks: {', '.join(titles)}" if len(titles) > 1 else f"{titles[0] if titles else 'no'} track"


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
                    "files": [asdict(file) for file in f.files],
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
    """Workflow commands, one annotation per problem; nothing in them can start another command."""
    lines = []
    for p in list(report.problems)[:MAX_ANNOTATIONS]:
        level = "error" if p.severity is Severity.ERROR else "warning"
        place = f"file={_property(p.file)}" + (f",line={p.line}" if p.line else "")
        title = f"{p.code} {RULES[p.code].title}"
        where = f"{p.pointer}: " if p.pointer else ""
        message = f"{where}{p.found}. Wanted: {p.wanted}. Fix: {p.fix}"
        lines.append(f"::{level} {place},title={_property(title)}::{_message(message)}")
    n_hidden = max(0, len(report.problems) - MAX_ANNOTATIONS) + sum(report.problems.suppressed.values())
    more = (
        f" {count_text(n_hidden, 'problem is', 'problems are')} not shown here; run rexrank validate to list all."
        if n_hidden
        else ""
    )
    lines.append(_message(f"{verdict(report)}{more} {next_step(report)}"))
    return "\n".join(lines) + "\n"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def as_markdown(report: Report) -> str:
    """The outcome for a comment: verdict first, then every problem by file, capped in length."""
    head = [f"### {'✅' if report.ok else '❌'} {verdict(report)}", ""]
    for entry in report.found[:MAX_FOLDERS]:
        head += [f"- {code_span(entry.folder)}", *(f"  - {code_span(describe_file(f))}" for f in entry.files)]
    if len(report.found) > MAX_FOLDERS:
        head.append(f"- … and {len(report.found) - MAX_FOLDERS:,} more")
    tail = ["", next_step(report)]
    room = MAX_COMMENT - sum(len(x) + 1 for x in (*head, *tail))
    return "\n".join([*head, *problem_lines(report.problems, room), *tail]) + "\n"


def problem_lines(problems: Problems, room: int) -> list[str]:
    """Every problem by file as a Markdown list, errors first, in at most `room` characters; the rest is counted."""
    body: list[str] = []
    room -= 200
    n_hidden = sum(problems.suppressed.values())
    # tie: the order found
    by_weight = sorted(problems, key=lambda p: (p.file, p.severity is Severity.WARNING))
    for file, items in groupby(by_weight, key=lambda p: p.file):
        rows = [_markdown_item(p) for p in items]
        block = ["", f"**{code_span(file)}**", ""]
        room -= sum(len(x) + 1 for x in block)
        fitting = 0
        while fitting < len(rows) and len(rows[fitting]) < room:
            room -= len(rows[fitting]) + 1
            fitting += 1
        body += [*block, *rows[:fitting]] if fitting else []
        n_hidden += len(rows) - fitting
    if n_hidden:
        body += ["", f"… and {n_hidden:,} more; run `rexrank validate` for all of them."]
    return body


def _markdown_item(problem: Problem) -> str:
    """Linked code and title, place, what was found and wanted, and the fix on a line of its own."""
    mark = "⚠️" if problem.severity is Severity.WARNING else "❌"
    place = f", at {code_span(problem.pointer)}" if problem.pointer else ""
    line = f", line {problem.line}" if problem.line else ""
    page = f"{challenge().site}codes/#{anchor(problem.code)}"
    return "\\\n".join(
        (
            f"- {mark} **[{problem.code}]({page}) {RULES[problem.code].title}**{place}{line}",
            f"  Found: {code_span(problem.found)}. Wanted: {markdown_text(problem.wanted.rstrip('.'))}.",
            f"  **Fix:** {_cure(problem.fix)}",
        )
    )


def _cure(fix: str) -> str:
    """The fix as Markdown; a command in it can be copied."""
    match = _COMMAND.fullmatch(fix)
    if match is None:
        return markdown_text(fix)
    return f"{match[1]} {code_span(match[2])}{' ' if match[3] else ''}{markdown_text(match[3])}"


def problem_text(problems: Problems, *, colour: bool) -> str:
    """Problems for a terminal, by file, each with what was found, what was wanted and how to fix it."""
    red, yellow, dim, bold, off = (
        ("\033[31m", "\033[33m", "\033[2m", "\033[1m", "\033[0m") if colour else ("",) * 5
    )
    lines: list[str] = []
    by_file = sorted(problems, key=lambda p: p.file)  # tie: the order found
    for file, items in groupby(by_file, key=lambda p: p.file):
        lines.append(f"{bold}{file}{off}")
        for p in items:
            tint = red if p.severity is Severity.ERROR else yellow
            place = p.pointer + (f" (line {p.line})" if p.line else "")
            lines.append(f"  {tint}{p.code} {p.severity}{off} {place}".rstrip())
            lines.append(f"      found   {p.found}")
            lines.append(f"      wanted  {p.wanted}")
            lines.append(f"      fix     {p.fix}")
        more = sum(n for (_, f), n in problems.suppressed.items() if visible(f, MAX_TEXT) == file)
        if more:
            lines.append(f"  {dim}… and {more:,} more of the same kinds{off}")
        lines.append("")
    return "".join(f"{line}\n" for line in lines)


def as_text(report: Report, *, colour: bool) -> str:
    """The outcome for a terminal: problems by file, then the contents, the verdict and the next step."""
    red, green, off = ("\033[31m", "\033[32m", "\033[0m") if colour else ("",) * 3
    lines = _found_lines(report.found)
    lines.append(f"{green if report.ok else red}{verdict(report)}{off}")
    lines.append(next_step(report))
    return problem_text(report.problems, colour=colour) + "\n".join(lines) + "\n"


def _found_lines(found: Sequence[FolderResult]) -> list[str]:
    lines = []
    for item in found:
        lines.append(visible(item.folder, MAX_TEXT))
        lines += [f"  {describe_file(f)}" for f in item.files]
    return [*lines, ""] if lines else []
