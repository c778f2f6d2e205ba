"""A sentence that says how many times faster something is also says on which data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CHANGELOG.md", "benchmarks/README.md", "site/**/*.md")
CLAIM = re.compile(r"\d\*{0,2} ?(?:×(?! ?\d)|times\b)")
SPEED = re.compile(r"\b(?:second|seconds|throughput|faster|CPU)\b|\d s\b")
DATA = re.compile(
    r"\d[\d,]* (?:distinct )?(?:pairs|reports|texts|studies|sentences|models)\b|distinct\W+reports|MoERad"
)


def blocks(text: str) -> list[str]:
    """Paragraphs; a table and a quoted output belong to the paragraph above them."""
    paragraphs: list[str] = []
    for block in re.split(r"\n\s*\n", text):
        if paragraphs and block.startswith(("|", "```")):
            paragraphs[-1] += "\n\n" + block
        else:
            paragraphs.append(block)
    return paragraphs


def nameless(text: str) -> list[str]:
    """The blocks that claim a speed and name no data."""
    claims = [b for b in blocks(text) if CLAIM.search(b) and SPEED.search(b)]
    return [b for b in claims if not DATA.search(b)]


@pytest.mark.parametrize("page", sorted(p for pattern in PAGES for p in ROOT.glob(pattern)), ids=str)
def test_a_claim_of_speed_names_its_data(page: Path) -> None:
    assert nameless(page.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It takes 3.1 s where the package takes 4.1 s: 1.3 times.", True),
        ("On 10 pairs it takes 3.1 s, the package 4.1 s: 1.3 times.", False),
        ("On 20 distinct texts:\n\n| ours | package |\n|---|---|\n| 3 s | **6.3 times** |", False),
        ("| ours | package |\n|---|---|\n| 3 s | **6.3 times** |", True),
        ("It is 5× faster.", True),
        ("31 models × 8 metrics in 3 s.", False),
        ("A team is scored 6 times in a year.", False),
    ],
)
def test_what_counts_as_a_claim(text: str, found: bool) -> None:  # noqa: FBT001
    assert bool(nameless(text)) == found
