"""The report within a chat model's answer: after its thinking, an introduction, a fence, a title."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_CHATTER: Final = re.compile(
    r"\A[\s*_#]{0,8}(?:(?:sure|certainly|of course|okay|ok|absolutely)\b[^\n:]{0,80}[,!.:]\s*)?"
    r"(?:here(?:'s|’s|\s+is|\s+are)|below\s+is|the\s+following\s+is|based\s+on\s+the\s+(?:provided\s+|given\s+)?(?:image|images|x-?ray|chest\s+x-?ray|radiograph)s?,?\s+here\s+(?:is|are))\b"
    r"[^\n:.]{0,160}\b(?:report|findings|impression|description|interpretation|analysis|summary)\b[^\n:.]{0,120}[:.]?[*_]{0,3}\s*(?:\n|(?<=[:*_])|(?<=: ))\s*",
    re.IGNORECASE,
)
_TITLE: Final = re.compile(
    r"\A\s*(?:[#*_]{1,6}[ \t]*)?(?:(?:final|radiology|radiologist'?s?|radiographic|radiological|chest|x-?ray|cxr|imaging|structured|diagnostic|generated)[ \t]+){0,4}"
    r"report[ \t]*[*_]{0,3}(?:[ \t]*[:\uff1a][ \t]*[*_]{0,3}\s*|[ \t]*\n\s*)",
    re.IGNORECASE,
)
_THOUGHT: Final = re.compile(
    r"\A.*(?:</(?:think|thinking|thought|reasoning|scratchpad)>|<\|channel\|>final<\|message\|>|<unused95>)",
    re.IGNORECASE | re.DOTALL,
)
_THINKING: Final = re.compile(
    r"\A\s*(?:<(?:think|thinking|thought|reasoning|scratchpad)>|<unused94>)", re.IGNORECASE
)
_ANSWER: Final = re.compile(r"<(answer|report|output|response)>", re.IGNORECASE)
_FENCE: Final = re.compile(r"\A\s*```[a-z]*[ \t]*\n(.*?)\n?[ \t]*```\s*\Z", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """The report in a chat model's text: `wrapped` names what was around it, if anything."""

    text: str
    wrapped: str = ""


def answer_of(text: str) -> Answer:
    r"""The report in a chat model's answer: after its thinking, a fence, and "Here is the report:".

    >>> answer_of("<think>Small heart?</think>\nHere is the report:\nClear.")
    Answer(text='Clear.', wrapped='thoughts, an introduction')
    """
    wrapped = []
    if "<" in text:
        if match := _THOUGHT.match(text):
            text = text[match.end() :]
            wrapped.append("thoughts")
        elif _THINKING.match(text):
            return Answer("", "thoughts without an end")
        match = _ANSWER.search(text)
        end = text.casefold().rfind(f"</{match[1].casefold()}>") if match else -1
        if match and (inner := text[match.end() : max(end, 0)]).strip():
            text = inner
            wrapped.append("tags of an answer")
    if match := _FENCE.match(text):
        text = match[1]
        wrapped.append("a code fence")
    if (match := _CHATTER.match(text)) and text[match.end() :].strip():
        text = text[match.end() :]
        wrapped.append("an introduction")
        if match := _FENCE.match(text):
            text = match[1]
            wrapped.append("a code fence")
    if (match := _TITLE.match(text)) and text[match.end() :].strip():
        text = text[match.end() :]
        wrapped.append("a title")
    return Answer(text if not wrapped else text.strip(), ", ".join(wrapped))
