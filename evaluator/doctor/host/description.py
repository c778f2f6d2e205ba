"""A scoring runner, described: what `look` reads from a machine, and what tests make up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from evaluator.doctor.repository.workflows import Pair

Kind = Literal["file", "folder", "link", "other", "absent"]
Role = Literal["RUNNER", "FETCHER", "SCORER", "REGISTRAR"]
ROLES: Final[tuple[Role, ...]] = ("RUNNER", "FETCHER", "SCORER", "REGISTRAR")
"""The accounts by their keys in runner.conf; the last one is optional."""


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
class Kit:
    """The scripts, hooks and configuration below the prefix.

    `checkout` maps each installed path to the digest that the checkout of main has for it (empty without
    a checkout), `taken` holds what the installed hook lets through, `meant` what main's workflows run on
    this machine.
    """

    prefix: str
    conf: Mapping[str, str]
    conf_wrong: tuple[str, ...]
    entries: Mapping[str, Entry]
    checkout: Mapping[str, str]
    taken: frozenset[Pair]
    taken_elsewhere: frozenset[Pair]
    """What the hook lets through for another repository or branch."""
    meant: frozenset[Pair]
    salt_characters: int | None = None


@dataclass(frozen=True, slots=True)
class People:
    """The accounts, what sudo lets them run, and what they may do with the places that matter.

    `access` maps role and path to letters of `rwx`; `sudo` is `None` for a machine without sudo;
    `later` names what would start something of theirs later (crontabs, lingering).
    """

    accounts: Mapping[Role, Account | None]
    access: Mapping[Role, Mapping[str, str]]
    sudo: Mapping[Role, tuple[str, ...]] | None
    later: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Software:
    """Programs and packages; versions by name, `None` for what is not there."""

    tools: Mapping[str, str | None]
    python: str | None
    packages: Mapping[str, str]
    pins: Mapping[str, frozenset[str]]
    needed: frozenset[str]
    runner_sha256: str | None = None
    head: str | None = None
    main: str | None = None
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """Disk, clock, and what must not lie about.

    `skew`: seconds that the clock is ahead of GitHub's, `None` when GitHub does not answer;
    `registrations`: files of a registered runner and whether they say that it takes one job only.
    """

    free: Mapping[str, int]
    synchronised: bool | None
    skew: float | None
    credentials: tuple[str, ...]
    registrations: Mapping[str, bool | None] = field(default_factory=dict)
    services: tuple[str, ...] = ()
    job_running: bool = False
    env: tuple[str, ...] | None = None
    """The lines of the running job's .env, `None` while no job runs."""


@dataclass(frozen=True, slots=True)
class Host:
    """All of it."""

    kit: Kit
    people: People
    software: Software
    machine: Machine
