"""The corpus of honest chat-model reports: `python benchmarks/chat_reports.py` regenerates it.

Ten families of models, each with the form and the debris that such models leave in their output. Every
sentence is from `clauses.toml`, written for this project; none comes from a dataset. Each report lists its
kinds of debris, by the keys of the table of text rules, so that a rule that fires on a report without such
debris is a false positive. A draft that shares more than half of its 5-grams with an earlier report is
discarded.
"""

from __future__ import annotations

import json
import random
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "tests" / "data" / "chat_reports"
PER_FAMILY = 33
MAX_SHARED = 0.5
FILL = {
    "side": ["right", "left"],
    "lobe": ["upper", "lower", "middle"],
    "zone": ["upper", "mid", "lower"],
    "sev": ["mild", "moderate", "severe", "marked"],
    "size": ["small", "moderate", "large", "trace", "tiny"],
    "n": [str(i) for i in range(3, 19)],
    "m": ["2", "3", "4", "5", "6"],
    "rib": ["third", "fifth", "sixth", "seventh", "ninth"],
    "level": ["45", "48", "52", "55", "58"],
}
ORDER = (
    ("technique", 0.3), ("comparison", 0.35), ("devices", 0.4), ("lungs", 1.0), ("edema", 0.45), ("effusion", 0.9),
    ("ptx", 0.8), ("heart", 0.95), ("mediastinum", 0.7), ("nodule", 0.35), ("bones", 0.65), ("abdomen", 0.3), ("traps", 0.4),
)  # fmt: skip
HEADS = {
    "technique": "Technique", "comparison": "Comparison", "devices": "Lines and tubes", "lungs": "Lungs", "edema": "Vessels",
    "effusion": "Pleura", "ptx": "Pleural space", "heart": "Heart", "mediastinum": "Mediastinum", "nodule": "Nodules",
    "bones": "Bones", "abdomen": "Abdomen", "traps": "Other",
}  # fmt: skip


@dataclass(frozen=True)
class Draft:
    """A study's findings as (topic, sentence), and the sentences of its impression."""

    findings: list[tuple[str, str]]
    impression: list[str]

    @property
    def sentences(self) -> list[str]:
        """The findings without their topics."""
        return [sentence for _, sentence in self.findings]


def draft(clauses: dict[str, list[str]], rng: random.Random) -> Draft:
    """Sentences of one study, normal or not."""
    ill = rng.random() < 0.6
    names = {
        "lungs": "opacity" if ill and rng.random() < 0.7 else "lungs_clear",
        "effusion": "effusion" if ill and rng.random() < 0.5 else "effusion_none",
        "ptx": "ptx" if ill and rng.random() < 0.2 else "ptx_none",
        "heart": "heart_large" if ill and rng.random() < 0.5 else "heart_normal",
    }
    findings = [
        (t, filled(rng.choice(clauses[names.get(t, t)]), rng)) for t, share in ORDER if rng.random() < share
    ]
    kind = "impression_abnormal" if ill else "impression_normal"
    impression = [filled(s, rng) for s in rng.sample(clauses[kind], rng.choice([1, 1, 2]))]
    return Draft(findings, impression)


def filled(sentence: str, rng: random.Random) -> str:
    """A sentence with its placeholders filled."""
    whole = re.sub(r"\{(\w+)\}", lambda m: rng.choice(FILL[m[1]]), sentence)
    return whole[0].upper() + whole[1:]


def markdown_chat(d: Draft, rng: random.Random) -> tuple[str, set[str]]:
    """Headings, bold words, bullets and a disclaimer."""
    marks = {"markdown"}
    bullets = "\n".join(
        f"- **{HEADS[topic]}:** {s}" if rng.random() < 0.7 else f"- {s}" for topic, s in d.findings
    )
    text = f"{rng.choice(['### Findings', '**Findings**', '## Chest X-ray'])}\n{bullets}"
    if rng.random() < 0.4:
        text = f"{rng.choice(['Certainly! Here is a structured report of the image.', 'Here’s a detailed radiology report:', 'Sure, here is the chest X-ray report you asked for:'])}\n\n{text}"
        marks.add("chat_words")
    if rng.random() < 0.4:
        text += rng.choice(
            [
                "\n\n---\n*Please note that this is no diagnosis.*",
                "\n\nLet me know if you would like a shorter version.",
                "\n\nDisclaimer: a radiologist should review the images.",
            ]
        )
        marks.add("chat_words")
    return text.replace(" - ", " — "), marks  # fmt: skip


def polite_chat(d: Draft, rng: random.Random) -> tuple[str, set[str]]:
    """Flowing prose that hedges, sometimes with a preamble or a refusal."""
    joined = []
    for s in d.sentences:
        start = rng.choice(["", "", "", "It appears that ", "To my eye, ", "Of note, ", "Additionally, "])
        joined.append(start + (s[0].lower() + s[1:] if start and s[1:2].islower() else s))
    text, marks = " ".join(joined), set()
    if rng.random() < 0.35:
        text = (
            rng.choice(
                [
                    "Based on the provided chest X-ray, I can offer this description. ",
                    "Here are my findings for this radiograph: ",
                    "Based on the image, several points stand out; here is a summary. ",
                ]
            )
            + text
        )
        marks.add("chat_words")
    if rng.random() < 0.15:
        text = (
            rng.choice(
                [
                    "I cannot provide a diagnosis from this image alone, but I can describe it. ",
                    "I'm not able to see the lateral view well. ",
                    "As an AI I may miss subtle changes. ",
                ]
            )
            + text
        )
        marks.add("refusal")
    if rng.random() < 0.2:
        text += " I hope this helps; please consult a qualified radiologist."
        marks.add("chat_words")
    return text, marks  # fmt: skip


def starred_sections(d: Draft, rng: random.Random) -> tuple[str, set[str]]:
    """Sections by organ with nested stars, and the impression in the same text."""
    lines = [f"*   **{HEADS[topic]}:** {s}" for topic, s in d.findings]
    text, marks = "**Findings:**\n" + "\n".join(lines), {"markdown"}
    if rng.random() < 0.5:
        text += "\n\n**Impression:** " + " ".join(d.impression)
        marks.add("inner_header")
    return text, marks


def turn_prose(d: Draft, rng: random.Random) -> tuple[str, set[str]]:
    """Plain prose with turn markers left behind."""
    text, marks = " ".join(d.sentences), set()
    if rng.random() < 0.6:
        text += rng.choice(["<end_of_turn>", "<eos>", "<end_of_turn>\n<eos>", "<pad><pad>"])
        marks.add("decoder_token")
    if rng.random() < 0.2:
        text = "<start_of_turn>model\n" + text
        marks.add("decoder_token")
    return text, marks


def image_prose(d: Draft, rng: random.Random) -> tuple[str, set[str]]:
    """A captioner's sentences, with placeholders of images and roles."""
    openings = [
        "The image shows the following. ",
        "In this radiograph, one sees: ",
        "The X-ray image of the chest reveals several aspects. ",
        "Viewed frontally: ",
        "",
    ]
    text, marks = rng.choice(openings) + " ".join(d.sentences), set()
    if rng.random() < 0.35:
        text = rng.choice(["<image>\n", "ASSISTANT: ", "<image> "]) + text
        marks.add("decoder_token")
    if rng.random() < 0.35:
        text += rng.choice(["</s>", "<|eot_id|>", "<|end_of_text|>", "</s></s>"])
        marks.add("decoder_token")
    return text, marks  # fmt: skip


def reasoning(d: Draft, rng: random.Random) -> tuple[str, set[str]]:
    """A chain of thought before the report, or the tag that ends one."""
    thoughts = [
        "The film is frontal, so I should look at the lungs first",
        "Let me go from the apices to the bases",
        "The question asks for the findings only",
        "Wait, the heart border needs a second look",
        "The devices come last",
        "I will keep to what the image supports",
    ]
    thought, marks = ". ".join(rng.sample(thoughts, rng.choice([1, 2, 3]))), set()
    text = " ".join(d.sentences)
    if rng.random() < 0.5:
        text = rng.choice(
            [
                f"<think>{thought}.</think>\n{text}",
                f"<think>\n{thought}.\n</think>\n\n{text}",
                f"{thought}.\n</think>\n{text}",
            ]
        )
        marks.add("reasoning")
    if rng.random() < 0.3:
        text = f"<answer>{text}</answer>"
        marks.add("reasoning")
    if rng.random() < 0.2:
        text += "<｜end▁of▁sentence｜>"
        marks.add("decoder_token")
    return text, marks  # fmt: skip


def wide_marks(d: Draft, rng: random.Random) -> tuple[str, set[str]]:
    """Numbered points with full-width marks, ends of turns and boxes."""
    stop = rng.choice(["；", ". ", "\n"])
    text = (
        stop.join(f"{i}{rng.choice(['.', '、', ')'])} {s.rstrip('.')}" for i, s in enumerate(d.sentences, 1))
        + "。"
    )
    marks = set()
    if rng.random() < 0.4:
        text += rng.choice(["<|im_end|>", "<|endoftext|>", "<|im_end|>\n<|im_start|>assistant"])
        marks.add("decoder_token")
    if rng.random() < 0.2:
        text = text.replace("1", "<box>(112,340),(455,610)</box> 1", 1)
        marks.add("decoder_token")
    return text, marks


def grounded(d: Draft, rng: random.Random) -> tuple[str, set[str]]:
    """Short sentences, one per line, locations as tokens."""
    lines, marks = [], set()
    for s in d.sentences:
        if rng.random() < 0.15:
            marks.add("decoder_token")
            lines.append(f"{s} <loc_{rng.randrange(100)}><loc_{rng.randrange(100)}>")
        else:
            lines.append(s)
    return "\n".join(lines), marks


def trained_decoder(d: Draft, rng: random.Random) -> tuple[str, set[str]]:
    """Lower case with stops as words, unknown words, a sentence broken off."""
    text = " ".join(s.lower().replace(".", " .").replace(",", " ,") for s in d.sentences)
    marks = set()
    if rng.random() < 0.4:
        words = text.split()
        words[rng.randrange(3, len(words) - 3)] = rng.choice(["<unk>", "[unk]"])
        text = " ".join(words)
        marks.add("decoder_token")
    if rng.random() < 0.3:
        text = text[: -rng.randrange(8, 20)]
    return text, marks


def word_pieces(d: Draft, rng: random.Random) -> tuple[str, set[str]]:
    """Capitals, de-identified words and undecoded word pieces; some in JSON."""
    text, marks = " ".join(d.sentences), set()
    if rng.random() < 0.3:
        text = text.upper()
    if rng.random() < 0.3:
        text = text.replace(" the ", " XXXX ", 1)
    chance = rng.random()
    if chance < 0.2:
        text = re.sub(r" (\w{4})(\w{3,6})\b", r" \1 ##\2", text, count=3)
        marks |= {"decoder_token"} if "##" in text else set()
    elif chance < 0.35:
        text = " ".join("Ġ" + w for w in text.split())
        marks.add("decoder_token")
    elif chance < 0.5:
        text = rng.choice(["[CLS] ", ""]) + text + " [SEP] [PAD] [PAD]"
        marks.add("decoder_token")
    elif chance < 0.6:
        text = json.dumps({"findings": text, "impression": " ".join(d.impression)}, ensure_ascii=False)
        marks.add("json_text")
    return text, marks


FAMILIES: dict[str, Callable[[Draft, random.Random], tuple[str, set[str]]]] = {
    "markdown-chat": markdown_chat,
    "polite-chat": polite_chat,
    "starred-sections": starred_sections,
    "turn-prose": turn_prose,
    "image-prose": image_prose,
    "reasoning": reasoning,
    "wide-marks": wide_marks,
    "grounded": grounded,
    "trained-decoder": trained_decoder,
    "word-pieces": word_pieces,
}
"""Rules were tuned on every second family from the first, and are reported on the others."""


def five_grams(text: str) -> set[tuple[str, ...]]:
    """Runs of five words, letters and digits only."""
    words = re.findall(r"[^\W_]+", text.lower())
    return set(zip(*(words[i:] for i in range(5)), strict=False))


def main() -> None:
    clauses = tomllib.loads((FOLDER / "clauses.toml").read_text("utf-8"))
    rows, seen = [], []
    for number, (family, manner) in enumerate(FAMILIES.items()):
        rng = random.Random(1_000 + number)
        count = 0
        while count < PER_FAMILY:
            sentences = draft(clauses, rng)
            text, debris = manner(sentences, rng)
            if "_" * 61 in text:
                debris.add("long_token")
            grams = five_grams(text)
            if len(grams) < 20 or any(len(grams & g) > MAX_SHARED * min(len(grams), len(g)) for g in seen):
                continue
            seen.append(grams)
            count += 1
            rows.append({
                "id": f"{family}-{count:02}", "family": family, "half": "tuned" if number % 2 == 0 else "held out",
                "debris": sorted(debris), "findings": text, "impression": " ".join(sentences.impression),
            })  # fmt: skip
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (FOLDER / "reports.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{len(rows)} reports of {len(FAMILIES)} families")


if __name__ == "__main__":
    main()
