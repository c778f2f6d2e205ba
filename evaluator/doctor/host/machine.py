"""A machine, inspected as root or as the scorer: its files, the output of programs, what accounts may do."""

from __future__ import annotations

import errno
import os
import pwd
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from glob import glob
from pathlib import Path
from typing import Any, Final, NamedTuple

from evaluator.core.files import sha256_file
from evaluator.core.problems import InputError
from evaluator.doctor.host.layout import Layout, Role, read_conf, read_layout
from evaluator.github.workflows import Workflows, checkout, read_workflows

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TRY: Final = 'for c in r w x; do if [ -$c "$1" ]; then printf $c; fi; done'
_KINDS: Final = {"-": "file", "d": "folder", "l": "link"}


class Entry(NamedTuple):
    """One path: `file`, `folder`, `link`, `other` or `absent`; links are not followed."""

    kind: str = "absent"
    owner: str = ""
    group: str = ""
    mode: int = 0
    sha256: str = ""

    def safe(self, *kinds: str) -> bool:
        """Whether it is of one of the kinds, owned by root, and writable by nobody else."""
        return self.kind in kinds and self.owner == "root" and not self.mode & 0o022

    def __str__(self) -> str:
        whose = f" of {self.owner}:{self.group}, mode {self.mode:04o}"
        return self.kind + whose * (self.kind != "absent")


class Account(NamedTuple):
    """A user of the machine; `locked`: no password works."""

    name: str
    uid: int
    groups: frozenset[str]
    shell: str
    locked: bool


@dataclass(frozen=True)
class Machine:
    """A runner with its configuration, and the checkout that the doctor runs from, with its workflows."""

    prefix: str = ""
    conf: Mapping[str, str] = field(default_factory=dict)
    layout: Layout = field(default_factory=Layout)
    root: Path | None = None
    flows: Workflows = field(default_factory=Workflows)
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def lines(self, path: str) -> list[str]:
        """The lines of a file; none if it does not exist."""
        # The runner writes its settings with a byte order mark.
        return Path(path).read_text("utf-8-sig", "replace").splitlines() if Path(path).is_file() else []

    def paths(self, *patterns: str) -> list[str]:
        """The paths that match the patterns, sorted."""
        return sorted({path for pattern in patterns for path in glob(pattern)})  # noqa: PTH207 - absolute patterns

    def output(self, *command: str, role: Role | None = None, **env: str) -> str | None:
        """A program's output, `None` if it fails or is not installed; run as a role's account if one is given."""
        options: dict[str, Any] = {"env": {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/nonexistent", **env}}
        try:
            if role:
                who = pwd.getpwnam(self.layout.names.get(role, ""))
                groups = os.getgrouplist(who.pw_name, who.pw_gid)
                options |= {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": groups}
            process = subprocess.run(  # noqa: S603 - an argument list
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                timeout=60, check=False, cwd="/", **options,
            )  # fmt: skip
        except (KeyError, OSError, subprocess.TimeoutExpired):
            return None
        return process.stdout if process.returncode == 0 else None

    def word(self, *command: str, **env: str) -> str:
        """The first word of a program's output, empty if there is none."""
        return ((self.output(*command, role=None, **env) or "").split() or [""])[0]

    def entry(self, path: str) -> Entry:
        """The entry at a path; a file with its digest."""
        letters, *more = (self.output("stat", "-c", "%A %U %G %a", "--", path) or "?").split()
        if not more:
            return Entry()
        kind, (owner, group, mode) = _KINDS.get(letters[0], "other"), more
        # A link's own mode is meaningless; the folder that contains it is checked separately.
        mode = "0" if kind == "link" else mode
        return Entry(kind, owner, group, int(mode, 8), sha256_file(Path(path)) if kind == "file" else "")

    def account(self, role: Role) -> Account | None:
        """The account of a role, `None` if there is none."""
        name = self.layout.names.get(role, "")
        fields = (self.output("getent", "passwd", name) or "").strip().split(":")
        if len(fields) < 7:
            return None
        groups = frozenset((self.output("id", "-Gn", name) or "").split())
        password = (self.output("getent", "shadow", name) or "::").split(":")[1]
        return Account(name, int(fields[2]), groups, fields[6], password.startswith(("!", "*")))

    def able(self, path: str, role: Role | None = None) -> str:
        """What a role's account, or this process, can do with a path, by trying: letters of `rwx`."""
        return self.output("/bin/sh", "-c", _TRY, "sh", path, role=role) or ""

    def reached(self, host: str, port: int) -> str:
        """`connected`, `timeout`, or the name of the error that refused a connection."""
        try:
            socket.create_connection((host, port), timeout=3.0).close()
        except TimeoutError:
            return "timeout"
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, type(error).__name__)
        return "connected"

    def ahead(self, server: str) -> float | None:
        """How many seconds this clock is ahead of a server's, `None` without an answer."""
        import requests

        try:
            # Error responses have a date too.
            date = requests.head(server, timeout=10).headers["Date"]
            return (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
        except (requests.RequestException, KeyError, TypeError, ValueError):
            return None


def open_machine(prefix: Path, workflows: Path | None = None) -> Machine:
    """The runner installed under `prefix`; raises `InputError` unless run as root.

    `workflows`: the checkout whose workflows this runner takes, if not the one this code runs from.
    """
    if os.geteuid() != 0:
        raise InputError("the doctor tests what other accounts may do and needs root: run it with sudo.")
    root, bare = checkout(), Machine()
    flows = read_workflows(source) if (source := workflows or root) else Workflows()
    conf, _ = read_conf(bare.lines(f"{prefix}/etc/runner.conf"))
    described = f"{root}/runner/layout" if root else f"{prefix}/etc/layout"
    return Machine(str(prefix), conf, read_layout(bare.lines(described), str(prefix), conf), root, flows)
