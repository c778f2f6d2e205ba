"""Pairs of reports without repeated texts or sentences, from which a benchmark of encoders must not gain.

    python benchmarks/distinct_reports.py 200 > pairs.jsonl

Every sentence contains a number that no other sentence has; its words vary with that number. Lengths are
those of chest X-ray reports: four to nine sentences. The same number gives the same pairs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import count

SENTENCES = (
    "There is a {size} {side} pleural effusion, {n} ml by estimate.",
    "A nodule of {n} mm projects over the {side} {zone} lung zone.",
    "The heart is {size}ly enlarged, {n} mm across.",
    "{Size} {side} basilar atelectasis spans {n} mm.",
    "The endotracheal tube ends {n} mm above the carina.",
    "No {side} pneumothorax is seen on image {n}.",
    "The {side} {zone} zone opacity measures {n} mm and is unchanged.",
    "A {side} central line ends at level {n} of the superior vena cava.",
)
SIZES, SIDES, ZONES = ("mild", "moderate", "large"), ("left", "right"), ("upper", "middle", "lower")


def sentence(n: int) -> str:
    """The `n`-th sentence: words by the digits of `n` in mixed bases, and `n` itself."""
    size, side, zone = SIZES[n // 8 % 3], SIDES[n // 24 % 2], ZONES[n // 48 % 3]
    return SENTENCES[n * 5 % 8].format(n=n, size=size, Size=size.capitalize(), side=side, zone=zone)


def pairs(amount: int) -> Iterator[dict[str, str]]:
    """`amount` rows of id, reference, prediction."""
    numbers = count(1)
    for i in range(amount):
        texts = (" ".join(sentence(next(numbers)) for _ in range(4 + (i + k) % 6)) for k in (0, 2))
        yield {"id": str(i), **dict(zip(("reference", "prediction"), texts, strict=True))}


if __name__ == "__main__":
    for row in pairs(int(sys.argv[1])):
        print(json.dumps(row))
