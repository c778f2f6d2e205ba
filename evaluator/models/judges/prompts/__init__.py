"""The published prompts, each stored once.

`green.txt` is the user message of GREEN (Stanford-AIMI/GREEN@d72c195, green_score 0.0.12);
`fineradscore.json` holds the few-shot messages of FineRadScore (rajpurkarlab/FineRadScore@3f5e1dc).
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any, Final

GREEN_VERSION: Final = "green-0.0.12"
FINERADSCORE_VERSION: Final = "few-shot-1"


@cache
def green_parts() -> tuple[str, str, str]:
    """The GREEN prompt before the reference, between the reports, and after the candidate."""
    text = resources.files(__name__).joinpath("green.txt").read_text("utf-8")
    before, rest = text.split("{reference}")
    between, after = rest.split("{candidate}")
    return before, between, after


def fineradscore_messages() -> list[dict[str, str]]:
    """The few-shot messages of FineRadScore, without the report to score."""
    text = resources.files(__name__).joinpath("fineradscore.json").read_text("utf-8")
    prompt: dict[str, Any] = json.loads(text)
    return [dict(m) for m in prompt["messages"]]
