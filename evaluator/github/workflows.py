"""The checkout's own workflows: which ones run next to the references, and whose actions they use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from evaluator.core.problems import InputError

Pair = tuple[str, str]
"""A workflow's file name and the event that starts it."""


@dataclass(frozen=True, slots=True)
class Workflows:
    """What a checkout's workflows require of machine and settings.

    Their file names; which of them run on the scoring runner; owners of third-party actions; names of the CI checks that
    main requires.
    """

    names: frozenset[str] = frozenset()
    on_runner: frozenset[Pair] = frozenset()
    foreign: frozenset[str] = frozenset()
    checks: frozenset[str] = frozenset()


def checkout() -> Path | None:
    """The checkout that this code runs from, `None` for an installed package."""
    root = Path(__file__).resolve().parents[2]
    whole = (root / "runner" / "setup.sh").is_file() and (root / ".github" / "workflows").is_dir()
    return root if whole else None


def read_workflows(root: Path) -> Workflows:
    """The workflows of a checkout; raises `InputError` if there are none."""
    github = root / ".github"
    if not (github / "workflows").is_dir():
        raise InputError(f"{root} has no .github/workflows. Give the folder of a checkout.")
    files = {p.name: yaml.safe_load(p.read_text("utf-8")) for p in sorted(github.glob("workflows/*.yml"))}
    actions = [yaml.safe_load(p.read_text("utf-8"))["runs"] for p in github.glob("actions/*/action.yml")]
    jobs = [(name, job) for name, raw in files.items() for job in raw["jobs"].values()]
    steps = [step for part in (*(job for _, job in jobs), *actions) for step in part.get("steps", ())]
    owners = {str(s["uses"]).partition("/")[0] for s in steps if "uses" in s} - {".", "actions", "github"}
    own = {name for name, job in jobs if "self-hosted" in job.get("runs-on", ())}
    ci = files.get("ci.yml", {"jobs": {}})["jobs"]
    # Main's rules require the job that waits for the others, not one in a matrix.
    needs = [job.get("needs", ()) for job in ci.values()]
    inner = {name for n in needs for name in ([n] if isinstance(n, str) else n)}
    checks = {str(job.get("name", name)) for name, job in ci.items() if name not in inner}
    pairs = {(name, event) for name in own for event in triggers(files[name])}
    return Workflows(frozenset(files), frozenset(pairs), frozenset(owners), frozenset(checks))


def triggers(raw: dict[Any, Any]) -> frozenset[str]:
    """The events that start a workflow; YAML 1.1 reads a bare `on` as true."""
    events = raw.get("on", raw.get(True))
    return frozenset([events] if isinstance(events, str) else events or ())
