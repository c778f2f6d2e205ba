"""The repository's workflows and actions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


GITHUB = ROOT / ".github"


WORKFLOWS = sorted((GITHUB / "workflows").glob("*.y*ml"))


ACTIONS = sorted((GITHUB / "actions").glob("*/action.y*ml"))


def triggers(raw: dict[str, Any]) -> dict[str, Any]:
    """`on:` as a mapping; YAML 1.1 reads a bare `on` as the truth value."""
    events = {str(k): v for k, v in raw.items()}.get("on", {str(k): v for k, v in raw.items()}.get("True"))
    if isinstance(events, str):
        return {events: None}
    return dict.fromkeys(events) if isinstance(events, list) else dict(events or {})
