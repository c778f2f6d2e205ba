"""A scoring runner, described: what is read from a machine, what tests make up, and the layout that it should have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple

from evaluator.doctor.repository.workflows import Pair

LAYOUT_PREFIX: Final = "/opt/rexrank"
Kind = Literal["file", "folder", "link", "other", "absent"]
Role = Literal["RUNNER", "FETCHER", "SCORER", "REGISTRAR"]
ROLES: Final[tuple[Role, ...]] = ("RUNNER", "FETCHER", "SCORER", "REGISTRAR")
"""The accounts by their keys in runner.conf; the last one is optional."""


class Place(NamedTuple):
    """One path of the layout; `source` is the file that is copied there, or the folder's key in runner.conf."""

    kind: str
    mode: int
    owner: str
    group: str
    path: str
    source: str

    def letters(self, role: str) -> str:
        """What the account of a role may do there: letters of `rwx`."""
        shift = 6 if role == self.owner else 3 if role == self.group else 0
        return "".join(c for c, bit in zip("rwx", (4, 2, 1), strict=True) if self.mode >> shift & bit)


@dataclass(frozen=True, slots=True)
class Layout:
    """What `runner/layout` says: paths, and by role further groups and what sudo lets the account run as root."""

    places: tuple[Place, ...] = ()
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sudo: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def files(self) -> dict[str, str]:
        """What is copied anew each time: its place, and its source below `runner`."""
        return {p.path: p.source for p in self.places if p.kind == "file"}


def read_layout(path: Path, prefix: str, conf: Mapping[str, str]) -> Layout:
    """The layout with the paths of one machine: its prefix, and the folders that its runner.conf names."""
    places: list[Place] = []
    groups: dict[str, frozenset[str]] = {}
    sudo: dict[str, tuple[str, ...]] = {}
    for line in path.read_text("utf-8").splitlines():
        match line.split():
            case ["account", role, _, _, _, more]:
                groups[role] = frozenset(more.split(",")) - {"-"}
            case ["sudo", role, *command]:
                sudo[role] = (*sudo.get(role, ()), " ".join(command).replace(LAYOUT_PREFIX, prefix))
            case ["folder" | "file" | "once" | "given" as kind, mode, owner, group, place, source]:
                place = conf.get(source) or place.replace(LAYOUT_PREFIX, prefix)
                places.append(Place(kind, int(mode, 8), owner, group, place, source))
    return Layout(tuple(places), groups, sudo)


@dataclass(frozen=True, slots=True)
class Entry:
    """One path as it lies there; links are not followed."""

    kind: Kind
    owner: str = ""
    group: str = ""
    mode: int = 0
    sha256: str = ""

    @property
    def safe(self) -> bool:
        """Whether it is root's and nobody else may write it."""
        return self.owner == "root" and not self.mode & 0o022

    @property
    def safe_file(self) -> bool:
        """Whether it is a file, and safe."""
        return self.kind == "file" and self.safe

    def __str__(self) -> str:
        return (
            "absent"
            if self.kind == "absent"
            else f"{self.kind} of {self.owner}:{self.group}, mode {self.mode:04o}"
        )


ABSENT: Final = Entry("absent")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the machine; `locked`: no password opens it."""

    name: str
    uid: int
    groups: frozenset[str]
    shell: str
    locked: bool


@dataclass(frozen=True, slots=True)
class Host:
    """All that is read from a machine, in the order of its checks.

    `checkout`: digests that the checkout of main has for the installed paths; `taken`: what the installed hook lets
    through, `taken_elsewhere`: for another repository or branch, `meant`: what main's workflows run here. `access`:
    letters of `rwx`; `sudo`: `None` without sudo; `later`: what would start something of the accounts' later. `skew`:
    seconds that the clock is ahead of GitHub's, `None` without an answer; `registrations`: files of a registered
    runner, and whether they say that it takes one job only; `env`: the lines of the running job's .env.
    """

    prefix: str
    conf: Mapping[str, str]
    conf_wrong: tuple[str, ...]
    layout: Layout
    entries: Mapping[str, Entry]
    checkout: Mapping[str, str]
    taken: frozenset[Pair]
    taken_elsewhere: frozenset[Pair]
    meant: frozenset[Pair]
    salt_characters: int
    accounts: Mapping[Role, Account | None]
    access: Mapping[Role, Mapping[str, str]]
    sudo: Mapping[Role, tuple[str, ...]] | None
    later: tuple[str, ...]
    tools: Mapping[str, str | None]
    python: str | None
    packages: Mapping[str, str]
    pins: Mapping[str, frozenset[str]]
    needed: frozenset[str]
    runner_sha256: str | None
    head: str | None
    main: str | None
    changed: bool
    free: Mapping[str, int]
    synchronised: bool | None
    skew: float | None
    credentials: tuple[str, ...]
    registrations: Mapping[str, bool | None]
    services: tuple[str, ...]
    job_running: bool
    env: tuple[str, ...] | None

    def entry(self, path: str) -> Entry:
        """What lies at a path."""
        return self.entries.get(path, ABSENT)

    def able(self, role: Role, path: str) -> str:
        """What a role's account may do with a path: letters of `rwx`."""
        return self.access.get(role, {}).get(path, "")

    def name(self, role: Role) -> str:
        """The name of a role's account, the role without one."""
        account = self.accounts.get(role)
        return account.name if account else role
