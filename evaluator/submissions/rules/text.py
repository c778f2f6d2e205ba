"""What a report may contain (RX401–RX415): characters, words, lengths, and what scoring will flag overall."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from evaluator.core.problems import Problems, Severity, pointer
from evaluator.datasets.protocol import MAX_CHARACTERS, MAX_WORDS, scored_part
from evaluator.datasets.report import StudyReport
from evaluator.submissions.parsing import line_of
from evaluator.submissions.rules.characters import REFUSED_CHARACTERS, character_codes
from evaluator.submissions.rules.degeneration import (
    NULL_LIKE,
    TextFlag,
    common_length,
    median_words,
    set_flags,
    share_text,
)
from evaluator.submissions.rules.limits import text_limits
from evaluator.submissions.rules.text_rules import RULES_BY_KEY, TEXT_RULES, rules_hit

MAX_TOKEN: Final = 60
LONG_WORDS: Final = 300
NOTHING: Final = frozenset({"nan", "none", "null"})
SAID_ELSEWHERE: Final = frozenset({"C2", "C21"})
"""Checks whose warning has its own code: RX408, RX413."""
MAX_NAMED: Final = 5
"""Most study ids that a warning names."""
_CONSEQUENCE: Final = {
    "badge": "a badge next to the model",
    "quarantine": "held: no rank until a maintainer releases it",
}
_CURE: Final = {
    "C5": "check that complete reports were written, and nothing else",
    "C7": "write the reports in English",
    "C9": "check the model's stopping rule and its penalty on repetition",
    "C10": "check that every image reached the model",
}
Reports = Mapping[str, StudyReport]


def check_reports(file: str, text: str, studies: Reports, problems: Problems, dataset: str = "") -> None:
    """RX401–RX410 and RX412–RX415 of every report; `text` is the file's, for line numbers."""
    hits: dict[str, list[str]] = {}
    for study, report in studies.items():
        for field, value in report.fields.items():
            where, line = pointer(study, field), partial(line_of, text, study)
            _check_characters(file, where, line, value, problems)
            scored = scored_part(value)
            if scored is not value:
                hits.setdefault("RX406", []).append(study)
            if max(map(len, scored.split()), default=0) > MAX_TOKEN:
                hits.setdefault("RX405", []).append(study)
            for key, match in rules_hit(scored, field).items():
                if RULES_BY_KEY[key].severity is Severity.ERROR:
                    _refuse_words(file, where, line, key, match, problems)
                else:
                    hits.setdefault(key, []).append(study)
        for code in _whole(report):
            hits.setdefault(code, []).append(study)
    _warn(file, text, hits, len(studies), problems)
    _warn_scoring(file, studies, dataset, problems)


def _whole(report: StudyReport) -> list[str]:
    """Codes of problems that concern a whole report instead of a section."""
    sections = report.fields.values()
    words = sum(len(value.split()) for value in sections)
    if words == 0:
        return ["RX408"]
    codes = ["RX407"] if words > LONG_WORDS else []
    only_nothing = all(v.strip().rstrip(".").casefold() in {"", *NOTHING} for v in sections)
    return [*codes, "RX410"] if only_nothing else codes


def _check_characters(
    file: str, where: str, line: partial[int | None], value: str, problems: Problems
) -> None:
    for code, character in character_codes(value).items():
        what, wanted = REFUSED_CHARACTERS[code]
        name = unicodedata.name(character, "no name")
        problems.add(
            code,
            file,
            pointer=where,
            line=line,
            found=f"{what}: U+{ord(character):04X} ({name})",
            wanted=wanted,
            fix="remove it from the model's output before writing the file; rexrank convert does",
        )


def _refuse_words(
    file: str, where: str, line: partial[int | None], key: str, match: str, problems: Problems
) -> None:
    rule = RULES_BY_KEY[key]
    problems.add(
        rule.code,
        file,
        pointer=where,
        line=line,
        found=f"{rule.what.removeprefix('contain ')}: {match!r}",
        wanted=f"a report on the image: {rule.then}",
        fix=rule.fix,
    )


_WARNINGS: Final = {
    "RX405": (
        f"contain a word of more than {MAX_TOKEN} characters",
        "words with spaces between them: metrics read a longer one as one word and find no match for it",
        "put spaces between the words, or leave it if the text is a row of dashes or has no spaces",
    ),
    "RX406": (
        f"have a section of more than {MAX_WORDS} words or {MAX_CHARACTERS:,} characters",
        f"shorter ones: only the first {MAX_WORDS} words and {MAX_CHARACTERS:,} characters of a section are scored",
        "check the model's stopping rule; the longest reference has 355 words",
    ),
    "RX407": (
        f"have more than {LONG_WORDS} words",
        f"at most {LONG_WORDS} words: GREEN reads no further, and a prompt that exceeds its judge's context scores 0",
        "shorten them if the rest matters",
    ),
    "RX408": (
        "are empty",
        "a report for every study: empty ones get a badge (C2), and above 1 % of the studies the entry is held",
        "nothing, if the model gave none: an empty report gets the worst score of every metric",
    ),
    "RX410": (
        "say only nan, none or null",
        "a report, or an empty string: nan and none are scored as an empty report, null as a word",
        'write "" where the model produced nothing: look for missing values turned into text',
    ),
}
"""Warnings outside the table of words: what they say about reports, what is wanted, how to fix it."""


def _warn(file: str, text: str, hits: Mapping[str, Sequence[str]], n: int, problems: Problems) -> None:
    """One warning per rule, with the number of its reports and the first ids."""
    rows = {r.key: (r.code, r.what, f"the words of a report: {r.then}", r.fix) for r in TEXT_RULES}
    rows |= {code: (code, *words) for code, words in _WARNINGS.items()}
    for key, (code, what, wanted, fix) in rows.items():
        ids = list(dict.fromkeys(hits.get(key, ())))
        if ids:
            problems.add(
                code,
                file,
                pointer=pointer(ids[0]),
                line=partial(line_of, text, ids[0]),
                severity=Severity.WARNING,
                found=f"{share_text(len(ids), n, what)} (first: {', '.join(ids[:MAX_NAMED])})",
                wanted=wanted,
                fix=fix,
            )


def _warn_scoring(file: str, studies: Reports, dataset: str, problems: Problems) -> None:
    """RX415: what the integrity checks will say when the file is scored, in the same words."""
    flags: dict[tuple[str, str], TextFlag] = {}
    for reports in _tracks(studies):
        for flag in [*set_flags(list(studies), reports, dataset), *_length(reports)]:
            if flag.check not in SAID_ELSEWHERE and flag.outcome != "reject":
                flags.setdefault((flag.check, flag.outcome), flag)
    for flag in flags.values():
        first = f" (first: {', '.join(flag.ids[:MAX_NAMED])})" if flag.ids else ""
        problems.add(
            "RX415",
            file,
            pointer=pointer(flag.ids[0]) if flag.ids else "",
            severity=Severity.WARNING,
            found=f"{flag.check}: {flag.text}{first}",
            wanted=f"no such flag; at scoring it means: {_consequence(flag)}",
            fix=_CURE[flag.check],
        )


def _consequence(flag: TextFlag) -> str:
    if flag.text.startswith(NULL_LIKE):
        return "a badge, and outside the sandbox a row without a rank: a constant is a baseline"
    return _CONSEQUENCE[flag.outcome]


def _tracks(studies: Reports) -> list[list[str]]:
    """The texts of each track, as far as they are known without the references."""
    findings = [scored_part(r.findings or "") for r in studies.values()]
    if not any(r.impression is not None for r in studies.values()):
        return [findings]
    if not any(r.findings is not None for r in studies.values()):
        return [[scored_part(r.impression or "") for r in studies.values()]]
    impressions = [scored_part(r.impression or "") for r in studies.values()]
    both = [
        f"Findings: {f} Impression: {i}" if f.strip() or i.strip() else ""
        for f, i in zip(findings, impressions, strict=True)
    ]
    return [findings, both]


def _length(reports: Sequence[str]) -> list[TextFlag]:
    """C5 as far as it is predictable: a median that is not common for report generators."""
    words, bounds = median_words(reports), text_limits().length_ratio
    if not words or common_length(words):
        return []
    text = (
        f"reports have a median of {words:g} words, outside {bounds.common_low} to {bounds.common_high}; "
        f"held unless that is {bounds.low:g} to {bounds.high:g} times the references'"
    )
    return [TextFlag("C5", "quarantine", text)]
