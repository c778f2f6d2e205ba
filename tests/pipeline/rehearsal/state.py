"""The state of the rehearsal's GitHub: people, pull requests, comments, statuses, tokens, runs."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

OWNER: Final = "rehearsal-org"
REPOSITORY: Final = f"{OWNER}/challenge"
APP: Final = "rexrank-bot"
ACTIONS_BOT: Final = "github-actions[bot]"
LEVELS: Final = {"none": 0, "read": 1, "write": 2}


@dataclass
class Pull:
    """A pull request; `head_repo` is the fork's full name."""

    number: int
    author: str
    title: str
    body: str
    head_repo: str
    head_branch: str
    head_sha: str
    base_sha: str
    state: str = "open"
    merged: bool = False
    merge_sha: str | None = None
    labels: list[str] = field(default_factory=list)
    created: str = ""
    updated: str = ""
    base_branch: str = "main"


@dataclass
class Issue:
    """An issue that is not a pull request."""

    number: int
    author: str
    title: str
    body: str
    created: str
    updated: str
    labels: list[str] = field(default_factory=list)
    state: str = "open"


@dataclass
class Comment:
    """A comment on a pull request."""

    id: int
    issue: int
    author: str
    body: str
    created: str
    updated: str


@dataclass
class Status:
    """A commit status."""

    id: int
    sha: str
    context: str
    state: str
    description: str | None
    target_url: str | None
    author: str
    created: str


@dataclass
class Check:
    """A check run with a one-line title."""

    id: int
    sha: str
    name: str
    title: str
    author: str
    created: str


@dataclass(frozen=True)
class Token:
    """The identity and permissions of a token; `kind` is job, app or user."""

    actor: str
    permissions: Mapping[str, str]
    kind: str = "job"

    def may(self, scope: str, level: str) -> bool:
        """Whether the token has at least `level` of `scope`."""
        if scope == "metadata" and level == "read":
            return True
        return LEVELS[self.permissions.get(scope, "none")] >= LEVELS[level]


@dataclass
class Fault:
    """A planned failure of matching requests: `lost` (502 after the work is done), `down`, `rate`, `second`."""

    kind: str
    method: str
    path: str
    times: int = 1

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is affected."""
        return self.times > 0 and self.method in (method, "*") and re.search(self.path, path) is not None


@dataclass(frozen=True)
class Request:
    """One request that was answered."""

    actor: str
    method: str
    path: str
    status: int


@dataclass
class State:
    """Everything behind the REST server, guarded by `lock`."""

    root: Path
    permissions: dict[str, str] = field(default_factory=lambda: {"maintainer": "maintain", "admin": "admin"})
    pulls: dict[int, Pull] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    forks: set[str] = field(default_factory=set)
    # Files attached to issues, by path: bytes, or the address of GitHub's redirect.
    attachments: dict[str, bytes | str] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    # Per run, who approved or rejected it for which environment.
    reviews: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    workflows: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    denials: list[str] = field(default_factory=list)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    offset: timedelta = timedelta()
    base_url: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)
    before_push: list[Callable[[], None]] = field(default_factory=list)
    before_request: list[tuple[str, str, Callable[[], None]]] = field(default_factory=list)
    _users: dict[str, int] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(5_000_001))

    def twin(self, root: Path) -> State:
        """An independent copy of the state, over a copy of the repository; requests are counted from zero."""
        own = {
            "root": root,
            "permissions": dict(self.permissions),
            "pulls": {k: replace(p, labels=list(p.labels)) for k, p in self.pulls.items()},
            "issues": {k: replace(i, labels=list(i.labels)) for k, i in self.issues.items()},
            "forks": set(self.forks),
            "attachments": dict(self.attachments),
            "comments": {k: replace(c) for k, c in self.comments.items()},
            "statuses": [replace(s) for s in self.statuses],
            "checks": [replace(c) for c in self.checks],
            "runs": {k: dict(r) for k, r in self.runs.items()},
            "reviews": {k: list(v) for k, v in self.reviews.items()},
            "workflows": {k: dict(w) for k, w in self.workflows.items()},
            "offset": self.offset,
            "_users": dict(self._users),
            "_numbers": copy(self._numbers),
            "_ids": copy(self._ids),
        }
        return State(**own)

    @property
    def bare(self) -> Path:
        """The bare repository."""
        return self.root / f"{REPOSITORY}.git"

    def now(self) -> str:
        """The rehearsal's clock, which tests may move."""
        return (datetime.now(UTC) + self.offset).strftime("%Y-%m-%dT%H:%M:%SZ")

    def next_id(self) -> int:
        """A fresh id of a comment, status, run, …"""
        return next(self._ids)

    def next_number(self) -> int:
        """A fresh number of a pull request."""
        return next(self._numbers)

    def user_id(self, login: str) -> int:
        """A login's numeric id, the same every time."""
        return self._users.setdefault(login, 1000 + len(self._users))

    def mint(self, token: Token) -> str:
        """The secret of `token`."""
        text = f"ghs_rehearsal{self.next_id()}"
        self.tokens[text] = token
        return text
