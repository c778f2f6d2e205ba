"""What `runner/layout` says of a scoring machine: accounts, paths, modes, and what sudo lets run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

PREFIX: Final = "/opt/rexrank"
Role = Literal["RUNNER", "FETCHER", "SCORER", "REGISTRAR"]
ROLES: Final[tuple[Role, ...]] = ("RUNNER", "FETCHER", "SCORER", "REGISTRAR")
"""The accounts by their keys in runner.conf; the last one is optional."""
_LINE: Final = re.compile(r"([A-Z_0-9]+)=(.*)")


class Place(NamedTuple):
    """One path of the layout; `source` is the file copied there, or the folder's key in runner.conf."""

    kind: str
    mode: int
    owner: str
    group: str
    path: str
    source: str

    def letters(self, role: str) -> str:
        """What a role's account may do there: letters of `rwx`."""
        shift = 6 if role == self.owner else 3 if role == self.group else 0
        return "".join(c for c, bit in zip("rwx", (4, 2, 1), strict=True) if self.mode >> shift & bit)


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths, and per role the account's name, its additional groups, and what sudo lets it run as root."""

    places: tuple[Place, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sudo: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_layout(lines: Iterable[str], prefix: str, conf: Mapping[str, str]) -> Layout:
    """The layout with one machine's paths: its prefix, and what its runner.conf overrides."""
    places: list[Place] = []
    names: dict[str, str] = {}
    groups: dict[str, frozenset[str]] = {}
    sudo: dict[str, tuple[str, ...]] = {}
    for line in lines:
        match line.split():
            case ["account", role, name, _, _, more]:
                names[role], groups[role] = conf.get(role, name), frozenset(more.split(",")) - {"-"}
            case ["sudo", role, *command]:
                sudo[role] = (*sudo.get(role, ()), " ".join(command).replace(PREFIX, prefix))
            case ["folder" | "file" | "once" | "given" as kind, mode, owner, group, place, source]:
                place = conf.get(source) or place.replace(PREFIX, prefix)
                places.append(Place(kind, int(mode, 8), owner, group, place, source))
    return Layout(tuple(places), names, groups, sudo)


def read_conf(lines: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """The keys of runner.conf, and what is wrong with its lines."""
    conf: dict[str, str] = {}
    wrong = []
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if match and match[1] in conf:
            wrong.append(f"{match[1]} is set twice")
        elif match:
            conf[match[1]] = match[2]
        elif line and not line.startswith("#"):
            wrong.append(f"line {number} is not KEY=value")
    return conf, wrong
