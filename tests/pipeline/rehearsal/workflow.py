"""Workflow files as GitHub reads them: triggers, filters, permissions, job order."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from rehearsal.git import git, git_bytes, paths_at

FOLDER: Final = ".github/workflows"
PIN: Final = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
DEFAULT_TYPES: Final = {"pull_request": ("opened", "synchronize", "reopened")}
# A token's default permissions: the restricted default of a new repository.
DEFAULT_PERMISSIONS: Final = {"contents": "read", "packages": "read"}
SCOPES: Final = (
    "actions",
    "checks",
    "contents",
    "deployments",
    "id-token",
    "issues",
    "packages",
    "pages",
    "pull-requests",
    "statuses",
)


@dataclass(frozen=True)
class Workflow:
    """One workflow file at one commit."""

    path: str
    raw: dict[str, Any]

    @property
    def name(self) -> str:
        """Its `name:`, else its path."""
        return str(self.raw.get("name", self.path))

    @property
    def triggers(self) -> dict[str, dict[str, Any]]:
        """`on:` as a mapping of events to their settings."""
        # YAML 1.1 reads a bare `on` as true.
        loose: dict[Any, Any] = self.raw
        raw = loose.get("on", loose.get(True))
        if isinstance(raw, str):
            return {raw: {}}
        if isinstance(raw, list):
            return {name: {} for name in raw}
        return {k: v if isinstance(v, dict) else {"list": v} if v else {} for k, v in (raw or {}).items()}

    def wants(self, event: str, action: str, branch: str, paths: Iterable[str], source: str = "") -> bool:  # noqa: PLR0911
        """Whether an event starts this workflow; `source` is the name of the workflow that completed."""
        if event not in self.triggers:
            return False
        rule = self.triggers[event]
        types = rule.get("types", DEFAULT_TYPES.get(event))
        if types is not None and action and action not in ([types] if isinstance(types, str) else types):
            return False
        if event == "workflow_run" and source not in rule.get("workflows", []):
            return False
        if "branches" in rule and not matches_any(branch, rule["branches"]):
            return False
        if "branches-ignore" in rule and matches_any(branch, rule["branches-ignore"]):
            return False
        if "paths" in rule and not any(matches_any(p, rule["paths"]) for p in paths):
            return False
        if "paths-ignore" in rule:
            return not all(matches_any(p, rule["paths-ignore"]) for p in paths)
        return True


def matches_any(text: str, patterns: Iterable[str]) -> bool:
    """Whether GitHub's filter patterns match `text`: `*` stops at a slash, `**` does not, `!` excludes."""
    match = False
    for pattern in patterns:
        negative = pattern.startswith("!")
        regex = "".join(
            ".*" if part == "**" else "[^/]*" if part == "*" else re.escape(part)
            for part in re.split(r"(\*\*|\*)", pattern.removeprefix("!"))
        ).replace(r".*/", "(?:.*/)?")
        if re.fullmatch(regex, text):
            match = not negative
    return match


_READ: Final[dict[str, tuple[Workflow, ...]]] = {}
"""The workflows of every tree that was read: a tree's id identifies its content, and YAML is slow to parse."""


def load(bare: Path, ref: str) -> tuple[Workflow, ...]:
    """The workflow files at a commit; one that is not YAML is left out, as GitHub would fail it."""
    tree = git(bare, "ls-tree", "-d", "--object-only", ref, FOLDER)
    if tree not in _READ:
        _READ[tree] = tuple(_workflows(bare, ref))
    return _READ[tree]


def _workflows(bare: Path, ref: str) -> Iterator[Workflow]:
    for path in paths_at(bare, ref, FOLDER):
        if fnmatch.fnmatch(path, "*.y*ml"):
            try:
                raw = yaml.safe_load(git_bytes(bare, "cat-file", "blob", f"{ref}:{path}"))
            except yaml.YAMLError:
                continue
            if isinstance(raw, dict) and raw.get("jobs"):
                yield Workflow(path, raw)


def permissions_of(raw: Any, cap: Mapping[str, str] | None, *, fork: bool) -> dict[str, str]:
    """A token's permissions from a `permissions:` value, a caller's cap, and whether a fork started it."""
    if raw is None:
        wanted = dict(DEFAULT_PERMISSIONS)
    elif isinstance(raw, str):
        wanted = dict.fromkeys(SCOPES, raw.removesuffix("-all"))
    else:
        wanted = dict(raw)
    if fork:
        wanted = {k: "read" if v == "write" else v for k, v in wanted.items()}
    if cap is not None:
        order = ("none", "read", "write")
        wanted = {k: min(v, cap.get(k, "none"), key=order.index) for k, v in wanted.items()}
    return {k: v for k, v in wanted.items() if v != "none"}


def ordered(jobs: Mapping[str, Any]) -> list[str]:
    """The jobs in an order in which each comes after those it needs."""
    order: list[str] = []
    while len(order) < len(jobs):
        ready = [n for n in jobs if n not in order and all(d in order for d in needs(jobs[n]))]
        if not ready:
            raise ValueError(f"jobs need each other in a circle: {set(jobs) - set(order)}")
        order += ready
    return order


def needs(job: Mapping[str, Any]) -> list[str]:
    """The jobs that a job needs."""
    raw = job.get("needs", [])
    return [raw] if isinstance(raw, str) else list(raw)
