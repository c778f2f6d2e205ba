"""The table of words and marks that do not belong in a report, and the consequence of each.

`validate` warns of them or refuses them, and the integrity check named in a row (C21) uses the same rows and
the same words. Judges use no word list: they are protected by escaping, strict parsing, ranges and controls
(`evaluator/models/judges`), and a test makes sure that escaping neutralises every mark listed here as
escaped.

Patterns see a text after `fold`: compatibility forms, case and invisible characters hide nothing. Every
repetition in them is bounded, so that matching takes time linear in the length of the text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from evaluator.core.problems import Severity

OutcomeName = Literal["pass", "badge", "quarantine", "reject"]


@dataclass(frozen=True, slots=True)
class TextRule:
    """One row of the table.

    `key`: name in figures; `code`: of the problem that `validate` reports. `severity`: an error refuses the
    submission, a warning names the consequence. `check` and `outcome`: the integrity check that finds the
    same at scoring, and its outcome there (none without a check). `escaped`: whether a judge sees the mark
    with other brackets. `hints`: literals, one of which every match contains, so that most texts need no
    search. `what` completes "3 of 590 reports …"; `then` names the consequence; `fix` says how to fix it.
    """

    key: str
    code: str
    severity: Severity
    check: str
    outcome: OutcomeName
    escaped: bool
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    what: str
    then: str
    fix: str

    def found_in(self, folded: str) -> str | None:
        """The first match in a folded text, or `None`."""
        spaced = f" {folded}"
        for hint in self.hints:
            if hint in spaced:
                match = self.pattern.search(folded)
                return match.group() if match else None
        return None


def fold(text: str) -> str:
    r"""`text` as the patterns see it: NFKC, no format characters, lower case.

    >>> fold("<|IM\u00ad_start|>")
    '<|im_start|>'
    """
    if not text.isascii():
        hidden = [ord(c) for c in set(text) if unicodedata.category(c) == "Cf"]
        text = unicodedata.normalize("NFKC", text.translate(dict.fromkeys(hidden)) if hidden else text)
    return text.lower()


def _pattern(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.MULTILINE)


SCORED_AS_WORDS: Final = "every metric scores them as words of the report"
STRIP_TOKENS: Final = "decode without special tokens (skip_special_tokens=True); rexrank convert removes them"
KEEP_REPORT: Final = "keep only the report"

TEXT_RULES: Final = (
    TextRule(
        "judge_header", "RX409", Severity.ERROR, "C21", "reject", True, ("[", "severity", "error category"),
        _pattern(
            r"\[\s{0,3}(?:explanation|clinically (?:in)?significant errors?|matched findings)\s{0,3}\]",
            r"[\"'](?:clinical severity|error category)[\"']\s{0,3}:",
        ),
        "contain a heading from a judge's answer",
        "a judge could take it for its own answer",
        "remove it from the report",
    ),
    TextRule(
        "judge_words", "RX413", Severity.WARNING, "C21", "badge", False,
        ("ignore ", "disregard ", "forget ", "override ", "rate th", "rate my", "score th", "score my", "grade th", "grade my",
         "significant error", "ground truth", "generated text", "candidate", "reference report", "full ", "perfect ", "maximum ",
         "highest ", "top ", "best "),
        _pattern(
            r"\b(?:ignore|disregard|forget|override) (?:(?:all|any|every|the|your|my|these|those|of|other|previous|prior|above"
            r"|earlier|preceding|given|grading|scoring) ){0,4}(?:instructions?|prompts?|rules|criteria|guidelines|directions|rubric)\b",
            r"\b(?:ignore|disregard|forget) (?:all|everything) (?:previous|above|before)\b",
            r"\b(?:rate|score|grade) (?:this|the|my) (?:report|candidate|answer|response|prediction)\b",
            r"\bno clinically (?:in)?significant errors?\b",
            r"\b(?:ground truth|generated) text\b",
            r"\b(?:the|this) candidate (?:report )?(?:is|equals|matches|deserves)\b",
            r"\breference report\b(?! (?:is |was )?(?:dated|from))",
            r"\b(?:full|perfect|maximum|highest|top|best) (?:possible )?(?:scores?|marks?|grades?)\b",
        ),
        "contain text addressed to a judge",
        "C21 gives the entry a badge; a judge reads them as text like the rest",
        "remove them unless they belong to the report",
    ),
    TextRule(
        "decoder_token", "RX412", Severity.WARNING, "", "pass", True,
        ("<", "[", "ġ", "ċ", "▁", "##", "@@", "assistant", "user", "human"),
        _pattern(
            r"<\|[^<>|\n]{1,40}\|>",
            r"</?(?:s|w|n|unk|pad|eos|bos|sos|sep|cls|mask|nl|blank|start|end|unused|eot|eom|eod|eop|sop|im_start|im_end|image|img|im_patch|video|box|ref|quad|points?|loc|seg|obj|boi|eoi)(?:[_-]?\d{1,5})?>",
            r"</?[a-z]{1,12}_(?:[a-z]{1,12}_){0,3}[a-z0-9]{1,12}>",
            r"<0x[0-9a-f]{2}>",
            r"<</?sys>>",
            r"\[(?:/?inst|pad|unk|cls|sep|mask|eos|bos|sos|img|image|gmask|image_?\d{1,3})\]",
            r"[ġ▁][a-z]|ċ|[a-z]@@ ",
            r"(?:^| )##[a-z]{1,20}",
            r"^(?:assistant|user|human) ?:",
        ),
        "contain decoder or chat-template tokens",
        SCORED_AS_WORDS,
        STRIP_TOKENS,
    ),
    TextRule(
        "reasoning", "RX414", Severity.WARNING, "", "pass", True, ("<", "◁", "thought process", "chain of thought"),
        _pattern(
            r"</?(?:think|thinking|thought|reasoning|scratchpad|reflection|analysis|answer|output|report|response|findings|impression"
            r"|conclusion|summary|comparison|indication|technique)>",
            r"◁/?think▷",
            r"\b(?:my )?(?:thought process|chain of thought)\b",
        ),
        "contain reasoning or answer tags",
        SCORED_AS_WORDS,
        f"{KEEP_REPORT}, without the model's reasoning; rexrank convert does",
    ),
    TextRule(
        "chat_words", "RX414", Severity.WARNING, "", "pass", False,
        (" here", "\nhere", "here's", "here’s", "sure", "certainly", "of course", "absolutely", "based on the", "let me know", "i hope", "feel free", "please",
         "disclaimer", "you are", "not a substitute", "consult", "ai-generated", "as requested"),
        _pattern(
            r"(?:^|(?<= ))here(?:'s|’s| is| are) (?:the|a|an|my|your) (?:[a-z0-9-]{1,20} ){0,5}(?:report|findings|impression|analysis|description|interpretation|summary)\b",
            r"\A\s{0,9}(?:sure|certainly|of course|absolutely)[,!.]",
            r"\bbased on the (?:provided|given|uploaded|submitted|attached) (?:[a-z-]{1,12} ){0,3}(?:x-ray|radiograph|image|images|cxr|film)\b",
            r"\blet me know if\b|\bi hope this (?:helps|report)\b|\bfeel free to\b|\bas requested\b",
            r"\bplease (?:note that (?:this|i|the)|consult|provide|upload|let me)\b",
            r"\bdisclaimer ?:|\bai-generated (?:report|draft|text|interpretation)\b",
            r"\bnot a substitute for\b|\bconsult (?:a|with a|your) (?:[a-z-]{1,16} ){0,2}(?:radiologist|physician|doctor|provider|professional)\b",
            r"\byou are (?:a|an|now|the) (?:[a-z-]{1,20} ){0,3}(?:radiologist|assistant|expert|model|grader|judge|evaluator)\b",
        ),
        "contain chat text around the report",
        SCORED_AS_WORDS,
        f"{KEEP_REPORT}, without greeting, preamble and disclaimer",
    ),
    TextRule(
        "refusal", "RX414", Severity.WARNING, "", "pass", False, ("as an ai", "i'm ", "i am ", "i can", "i’m ", "unable to"),
        _pattern(
            r"\bas an ai\b(?!-)",
            r"\bi(?:'m|’m| am) (?:an ai|unable|not able|not a (?:doctor|radiologist|medical)|sorry)\b",
            r"\bi (?:cannot|can't|can’t|can not|could not) (?:provide|give|interpret|diagnose|assist|analy[sz]e|view|see|help|make|determine)\b",
            r"\bunable to (?:provide|give) (?:a|any|an) (?:[a-z]{1,12} )?(?:diagnosis|interpretation|report)\b",
        ),
        "contain a model's refusal",
        "it is scored as the report",
        "check whether the image reached the model; an empty report scores no worse",
    ),
    TextRule(
        "markdown", "RX414", Severity.WARNING, "", "pass", False, ("**", "#", "|", "```", "---", "__"),
        _pattern(
            r"\*\*[^*\n]{1,80}\*\*",
            r"^#{1,6} ",
            r"^\|.{0,200}\|[ \t]{0,3}$",
            r"```",
            r"^ {0,3}-{3,5}$",
            r"(?<![\w_])__[^_\s][^_\n]{0,60}__(?![\w_])",
        ),
        "contain Markdown",
        SCORED_AS_WORDS,
        "write plain text",
    ),
    TextRule(
        "json_text", "RX414", Severity.WARNING, "", "pass", False, ("{",),
        _pattern(r"\A\s{0,9}\{\s{0,9}[\"'][a-z _]{1,30}[\"']\s{0,3}:"),
        "are JSON inside a string",
        SCORED_AS_WORDS,
        "put the text of each section into findings and impression; rexrank convert does",
    ),
    TextRule(
        "inner_header", "RX414", Severity.WARNING, "", "pass", False, ("impression", "conclusion"),
        _pattern(r"(?<=[.\n*#] )(?:impression|conclusion)s? ?:", r"^[*# ]{0,5}(?:impression|conclusion)s?[* ]{0,3}:"),
        "contain another section's header inside the findings",
        "the impression is scored as part of the findings",
        "put each section into its own field; rexrank convert does",
    ),
)  # fmt: skip
"""Rows in the order in which they are reported."""

RULES_BY_KEY: Final = {rule.key: rule for rule in TEXT_RULES}


def rules_hit(text: str, field: str = "findings") -> dict[str, str]:
    """Per key of a rule that `text` breaks, the first match; `field` is the text's section.

    >>> rules_hit("The lungs are clear.<end_of_turn>")
    {'decoder_token': '<end_of_turn>'}
    """
    folded = fold(text)
    hits = {}
    for rule in TEXT_RULES:
        if rule.key == "inner_header" and field != "findings":
            continue
        match = rule.found_in(folded)
        if match is not None:
            hits[rule.key] = match
    return hits
