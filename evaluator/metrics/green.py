"""GREEN: matched findings over matched findings and clinically significant errors, as a 7B judge counts them.

Ostmeier et al., Findings of EMNLP 2024; Stanford-AIMI/GREEN@d72c195. `compat` reads an answer as the official
parser does, including its leniency; `clean` accepts only the answer format the prompt asks for and gives 0 to
everything else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal

from pydantic import JsonValue

from evaluator.core.files import sha256_file
from evaluator.core.problems import MetricUnavailable
from evaluator.core.types import Pair
from evaluator.metrics.base import Agreement, Band
from evaluator.metrics.judged import Asker, JudgedMetric, Study, UnusableAnswer, required_judge
from evaluator.metrics.sentences import split_sentences
from evaluator.metrics.signature import Signature
from evaluator.models.judges.identity import JudgeVoid, judge_label, served_model
from evaluator.models.judges.prompts import GREEN_VERSION, green_parts
from evaluator.models.judges.sanitise import ESCAPING
from evaluator.models.judges.settings import JudgeSettings, is_loopback
from evaluator.models.judges.stub_server import FactsOf, green_reply
from evaluator.models.judges.transcripts import Answer, Request
from evaluator.models.loading import reading
from evaluator.models.manifest import model_specs
from evaluator.models.runtime import Run
from evaluator.models.weights import model_directory, weights_digest

MAX_WORDS: Final = 300
"""How many words of each report the prompt shows."""
CONTEXT: Final = 2048
"""Tokens of prompt and answer together in the official generation."""
MIN_ANSWER: Final = 192
"""The fewest tokens an answer needs; a prompt that leaves fewer fails closed under `clean`."""
TOKENIZER: Final = "tokenizer.model"
MAX_COUNT: Final = 50
SECTIONS: Final = ("Clinically Significant Errors", "Clinically Insignificant Errors", "Matched Findings")
CATEGORIES: Final = (
    "False report of a finding in the candidate",
    "Missing a finding present in the reference",
    "Misidentification of a finding's anatomic location/position",
    "Misassessment of the severity of a finding",
    "Mentioning a comparison that isn't in the reference",
    "Omitting a comparison detailing a change from a prior study",
)
"""Error categories (a) to (f)."""

ParseStatus = Literal["ok", "degraded", "failed"]
PROMPTED: Final = re.compile(
    r"2\. Reference Report:\n    (.*?)\n\n    3\. Candidate Report:\n    (.*?)\n\n    4\. Reporting",
    re.DOTALL,
)
"""The two reports in a prompt."""


def prompt(reference: str, candidate: str) -> str:
    """The published user message for two reports, each cut to its first `MAX_WORDS` words."""
    before, between, after = green_parts()
    texts = [" ".join(text.split()[:MAX_WORDS]) for text in (reference, candidate)]
    return f"{before}{texts[0]}{between}{texts[1]}{after}"


def rendered(message: str) -> str:
    """The chat string of the official code, its empty assistant turn included."""
    return f"<|user|>\n{message}</s>\n<|assistant|>\n</s>\n<|assistant|>\n"


def prompt_ids(message: str, tokenizer: Any) -> list[int]:
    """Token ids of the rendered chat, BOS before and, as the official tokenizer is set, EOS after.

    `tokenizer` is the model's SentencePiece processor. Only the rendering's own `</s>` become EOS.
    """
    before, _, after = rendered("\0").partition("\0")
    turns = (before + message, *after.split("</s>")[1:]) if after.startswith("</s>") else ()
    ids = [tokenizer.bos_id()]
    for i, turn in enumerate(turns):
        ids += [tokenizer.eos_id()] * (i > 0) + list(tokenizer.encode(turn))
    return [*ids, tokenizer.eos_id()]


@dataclass(frozen=True, slots=True)
class GreenCounts:
    """Counts of one answer: errors by category (a) to (f), and matched findings."""

    significant: tuple[int, ...]
    insignificant: tuple[int, ...]
    matched: int

    @property
    def score(self) -> float:
        """Matched / (matched + significant errors), in [0, 1]; 0 when nothing matched."""
        return self.matched / (self.matched + sum(self.significant)) if self.matched else 0.0


def clean_answer(text: str) -> str:
    """The part of an answer that the official code parses."""
    if "[Explanation]:" in text:
        text = text.rsplit("<|assistant|>", 1)[-1]
        # The prompt's own header, which is still included, decides which part follows.
        echoed = "[Explanation]:\n    <Explanation>\n" in text
        parts = text.split("[Explanation]:")
        text = (parts[1] if len(parts) > 1 else text) if echoed else parts[-1]
    return text.rsplit("<|assistant|>", 1)[-1].replace("</s>", "").replace("<unk>", "")


def _body(text: str, section: str) -> str | None:
    match = re.search(rf"\[{section}\]:\s*(.*?)(?:\n\s*\n|\Z)", text, re.DOTALL)
    return None if match is None or match[1].startswith("No") else match[1]


def _errors(text: str, section: str) -> tuple[int, ...]:
    counts = [0] * len(CATEGORIES)
    body = _body(text, section)
    if body is None:
        return tuple(counts)
    lines, labels = sorted(re.findall(r"\([a-f]\) .*", body)), "abcdef"
    if not lines:
        lines, labels = sorted(re.findall(r"\([1-6]\) .*", body)), "123456"
    for line in lines:
        if number := re.search(r"(?<=: )\b\d+\b(?=\.)", line):
            counts[labels.index(line[1])] = int(number[0])
    return tuple(counts)


def parse(text: str) -> GreenCounts:
    """The counts that the official parser finds in `text`, including its leniency (Stanford-AIMI/GREEN@d72c195)."""
    body = _body(text, SECTIONS[2]) or ""
    number = re.match(r"\b\d+\b(?=\.)", body)
    return GreenCounts(
        _errors(text, SECTIONS[0]), _errors(text, SECTIONS[1]), int(number[0]) if number else 0
    )


_NONE: Final = re.compile(r"No\b[^\n]{0,200}")
_ERROR_LINE: Final = re.compile(r"\(([a-f])\) [^\n:]{1,200}: (\d{1,3})\.(?: [^\n]*)?")
_MATCHED: Final = re.compile(r"(\d{1,3})\.(?:\s[^\n]*)?")


def parse_strictly(text: str, most_matched: int) -> tuple[GreenCounts | None, ParseStatus]:
    """(counts, status) of an answer that must be in the requested format; counts are `None` if it `failed`.

    `failed`: not usable, no counts. `degraded`: usable, but a category line or the blank line between
    sections is missing. Every section must appear once and in order; counts are at most `MAX_COUNT`, matched
    at most `most_matched`.
    """
    text = text.replace("\r\n", "\n").strip().removeprefix("```").removesuffix("```").rstrip()
    headers = [m for m in re.finditer(r"^ *\[([A-Za-z ]+)\]:", text, re.MULTILINE) if m[1] != "Explanation"]
    if tuple(m[1] for m in headers) != SECTIONS or text.count("[Explanation]") > 1:
        return None, "failed"
    if any(text.count(f"[{section}]") != 1 for section in SECTIONS):
        return None, "failed"
    ends = [m.start() for m in headers[1:]] + [len(text)]
    bodies = [text[m.end() : end].strip() for m, end in zip(headers, ends, strict=True)]
    counts = [_strict_errors(body) for body in bodies[:2]]
    n_matched = 0 if _NONE.fullmatch(bodies[2]) else _strict_number(_MATCHED.fullmatch(bodies[2]), 1)
    if counts[0] is None or counts[1] is None or n_matched is None or n_matched > most_matched:
        return None, "failed"
    apart = all(text[m.start() - 2 : m.start()] == "\n\n" for m in headers[1:])
    complete = counts[0][1] and counts[1][1] and apart
    status: ParseStatus = "ok" if complete else "degraded"
    return GreenCounts(counts[0][0], counts[1][0], n_matched), status


def _strict_number(match: re.Match[str] | None, group: int) -> int | None:
    number = int(match[group]) if match else None
    return number if number is not None and number <= MAX_COUNT else None


def _strict_errors(body: str) -> tuple[tuple[int, ...], bool] | None:
    """(counts, whether all six categories are given), or `None` if a line is not in the requested form."""
    counts = [0] * len(CATEGORIES)
    if _NONE.fullmatch(body):
        return tuple(counts), True
    letters: set[str] = set()
    for line in filter(None, (part.strip() for part in body.split("\n"))):
        match = _ERROR_LINE.fullmatch(line)
        number = _strict_number(match, 2)
        if match is None or number is None or match[1] in letters:
            return None
        letters.add(match[1])
        counts["abcdef".index(match[1])] = number
    return (tuple(counts), len(letters) == len(CATEGORIES)) if letters else None


def green_judge(run: Run) -> JudgeSettings:
    """The run's judge for GREEN, with questions as token ids if both sides have GREEN's own tokenizer.

    Only the ids match the official layout. A judge with another model has other ids and gets the chat.
    """
    judge = required_judge(run, "green")
    if judge.token_ids is not None or judge.stand_in:
        return judge
    return replace(judge, token_ids=_serves_our_tokenizer(judge, run))


def _serves_our_tokenizer(judge: JudgeSettings, run: Run) -> bool:
    try:
        ours = model_directory("green", run.models) / TOKENIZER
    except MetricUnavailable:
        return False
    if not ours.is_file() or not is_loopback(judge.base_url):
        return False
    try:
        place = served_model(judge)
    except JudgeVoid:
        return False  # checked again, with an error, when it has to answer
    if isinstance(place, Path):
        theirs = place / TOKENIZER
        return theirs.is_file() and sha256_file(theirs) == sha256_file(ours)
    return place == model_specs()["green"].files[TOKENIZER].hub


def _tokenizer(run: Run) -> Any:
    from sentencepiece import SentencePieceProcessor

    path = model_directory("green", run.models) / TOKENIZER
    with reading(path, "green"):
        return SentencePieceProcessor(model_file=str(path))


class Green(JudgedMetric):
    """GREEN of each pair; 0 and failed if the judge gives no usable answer."""

    key: ClassVar[str] = "green"
    title: ClassVar[str] = "GREEN"
    summary: ClassVar[str] = (
        "A language model counts the findings that match and the clinically significant errors."
    )
    higher_is_better: ClassVar[bool] = True
    lower_bound: ClassVar[float | None] = 0.0
    upper_bound: ClassVar[float | None] = 1.0
    worst: ClassVar[float] = 0.0
    weights: ClassVar[tuple[str, ...]] = ("green",)
    paper: ClassVar[str] = "Ostmeier et al., Findings of EMNLP 2024"
    code: ClassVar[str] = "Stanford-AIMI/GREEN@d72c195"
    on_boards: ClassVar[bool] = True
    presets: ClassVar[tuple[str, ...]] = ("paper-2024", "rexrank-2026")
    band: ClassVar[Band | None] = Band((0.90, 1.0), (0.0, 0.1), (0.0, 0.8))
    agreement: ClassVar[Agreement] = MappingProxyType(
        {
            "as_drawn": (0.63, 0.56, 0.69),
            "from_chexbert": 0.62,
            "from_bertscore": 0.67,
            "from_radgraph": 0.62,
            "from_bleu": 0.7,
            "real_models": (-0.183, -0.246, -0.122),
        }
    )

    def signature(self, run: Run) -> Signature:
        """`green|v1|judge:…|decoding:…|prompt:…|parser:…|protocol:…`."""
        judge = self.judge(run)
        parser = "official" if run.protocol == "compat" else f"strict-1,{ESCAPING}"
        ids = (f"tokenizer:{weights_digest('green', run.models)[:12]}",) if judge.token_ids else ()
        settings = (f"decoding:{judge.decoding}", f"prompt:{GREEN_VERSION}", *ids, f"parser:{parser}")
        return Signature("green", "v1", (judge_label(judge), *settings), run.protocol)

    def judge(self, run: Run) -> JudgeSettings:
        """The run's judge, queried with token ids if it serves GREEN's own tokenizer."""
        return green_judge(run)

    def asker(self, run: Run) -> _Asker:
        """The asker of GREEN: one try per study."""
        return _Asker(self.key, run, self.judge(run))

    def stand_in(self, prompt: str, facts_of: FactsOf) -> str | None:
        """The answer of the demo's stand-in judge, in GREEN's format; `None` for another metric's prompt."""
        reports = PROMPTED.search(prompt)
        return green_reply(facts_of(reports[1]), facts_of(reports[2])) if reports else None


class _Asker(Asker[tuple[GreenCounts, ParseStatus]]):
    """Asks for errors and matched findings; a reading is their counts and how well the answer followed the format."""

    def __init__(self, key: str, run: Run, settings: JudgeSettings) -> None:
        super().__init__(key, run, settings, calls=1)
        self.tokenizer = _tokenizer(run) if settings.token_ids else None

    def request(self, pair: Pair, purpose: str) -> Request | str:
        """The published question, as a chat or in token ids."""
        message = prompt(self.shown(pair.reference), self.shown(pair.prediction))
        limit = self.judge.settings.max_tokens
        if self.tokenizer is None:
            return Request(messages=(("user", message),), max_tokens=limit, purpose=purpose)
        ids = prompt_ids(message, self.tokenizer)
        room = CONTEXT - len(ids)
        if room < (MIN_ANSWER if self.clean else 1):
            return f"the prompt of {len(ids)} tokens leaves no room for an answer within {CONTEXT}"
        return Request(prompt_ids=tuple(ids), max_tokens=room, purpose=purpose)

    def read(self, pair: Pair, answer: Answer) -> tuple[GreenCounts, ParseStatus]:
        """The counts of an answer under the run's protocol.

        Raises `UnusableAnswer` for one that is not in the requested form.
        """
        text = answer.text or ""
        strict, status = parse_strictly(text, max(1, 3 * len(split_sentences(pair.prediction))))
        if not self.clean:
            return parse(clean_answer(text)), "failed" if answer.finish_reason == "length" else status
        if strict is None:
            raise UnusableAnswer
        return strict, status

    def value(self, pair: Pair, reading: tuple[GreenCounts, ParseStatus] | None) -> float:  # noqa: ARG002
        """The score of the counts; 0 without any."""
        return self.agreement(reading)

    def agreement(self, reading: tuple[GreenCounts, ParseStatus] | None) -> float:
        """The score itself."""
        return reading[0].score if reading else 0.0

    def detail(self, study: Study[tuple[GreenCounts, ParseStatus]]) -> Mapping[str, JsonValue]:
        """The counts, the answer and how well it followed the format."""
        if study.reading is None:
            return {"parse_status": "failed", "answer": study.answer.text}
        counts, status = study.reading
        return {
            "parse_status": status,
            "answer": study.answer.text,
            "significant": list(counts.significant),
            "insignificant": list(counts.insignificant),
            "matched": counts.matched,
        }
