"""The five reasoning skills that ReXVQA tests, and how its files spell them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Skill:
    """A reasoning skill: `key` in names of metrics, `name` as in question files and ReXrank's tables."""

    key: str
    name: str
    title: str


SKILLS: Final = (
    Skill("differential_diagnosis", "Differential Diagnosis", "Differential diagnosis"),
    Skill("geometric", "Geometric Information Assessment", "Geometric information"),
    Skill("location", "Location and Distribution Assessment", "Location and distribution"),
    Skill("negation", "Negation Assessment", "Negation"),
    Skill("presence", "Presence Assessment", "Presence"),
)
"""In the order of ReXrank's table."""

_ALSO: Final[Mapping[str, str]] = {
    "geometric information": "Geometric Information Assessment",
    "geometric reasoning": "Geometric Information Assessment",
    "location and distribution": "Location and Distribution Assessment",
    "location assessment": "Location and Distribution Assessment",
    "location analysis": "Location and Distribution Assessment",
    "negation": "Negation Assessment",
    "negation detection": "Negation Assessment",
    "presence": "Presence Assessment",
}
"""Their names in the paper (arXiv 2506.04353), and the names without their last word."""
_KNOWN: Final[Mapping[str, str]] = {s.name.lower(): s.name for s in SKILLS} | dict(_ALSO)


def skill_of(text: str) -> str | None:
    """The skill that a text names, as `Skill.name`; `None` for another text. Case, `_`, `-` and `&` are ignored.

    >>> skill_of("location_and_distribution_assessment"), skill_of("Negation detection"), skill_of("Severity")
    ('Location and Distribution Assessment', 'Negation Assessment', None)
    """
    words = re.sub(r"[\s_-]+", " ", text.replace("&", " and ")).strip().lower()
    return _KNOWN.get(words)
