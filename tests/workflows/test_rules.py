"""The workflows follow the project's rules, and the rules find what breaks them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.workflow_files import ACTIONS, WORKFLOWS, triggers

PINNED = re.compile(r"uses:\s*[\w.-]+/[\w./-]+@[0-9a-f]{40}\s+# v\d+\.\d+\.\d+\s*$")


# What may start a job on the machine with the references: nothing that a fork can trigger.
TRUSTED = {"workflow_dispatch", "schedule", "push", "workflow_call"}


FORK_EVENTS = {"pull_request", "issue_comment", "workflow_run", "pull_request_review", "issues"}


EXPRESSION = "${{"
MACHINE_OF_SMALL = "${{ fromJSON(vars.REXRANK_RUNNER || '\"ubuntu-24.04\"') }}"
"""The only machine that a setting names: a small challenge's, for what is merged into main."""


def problems(text: str) -> list[str]:
    """Every rule that a workflow breaks."""
    raw = yaml.safe_load(text)
    return [*_of_text(text), *_of_file(raw), *(p for n, j in raw["jobs"].items() for p in _of_job(n, j, raw))]


def _of_text(text: str) -> Iterator[str]:
    for line in text.splitlines():
        bare = line.strip().removeprefix("- ")
        if bare.startswith("uses:") and not bare.startswith("uses: ./") and not PINNED.search(bare):
            yield f"not pinned to a commit with its version beside it: {bare}"
    if "allow-unsafe-pr-checkout" in text:
        yield "checks a pull request out"
    if re.search(r"^\s*cache[\w-]*:|actions/cache", text, re.MULTILINE):
        yield "uses a cache"
    if re.search(r"::set-output|::save-state|ACTIONS_ALLOW_UNSECURE_COMMANDS", text):
        yield "uses a retired workflow command"


def _of_file(raw: dict[str, Any]) -> Iterator[str]:
    if raw.get("permissions") != {}:
        yield "top-level permissions are not empty"
    if "pull_request_target" in triggers(raw):
        yield "runs on pull_request_target"
    push = triggers(raw).get("push")
    if "push" in triggers(raw) and (not isinstance(push, dict) or push.get("branches") != ["main"]):
        yield "runs on pushes to any branch"
    if "edited" in ((triggers(raw).get("issue_comment") or {}).get("types") or []):
        yield "an edit re-arms a comment"


def _of_job(name: str, job: dict[str, Any], raw: dict[str, Any]) -> Iterator[str]:
    events = set(triggers(raw))
    text = yaml.safe_dump({k: v for k, v in job.items() if k != "permissions"})
    permissions = job.get("permissions")
    if not isinstance(permissions, dict):
        yield f"{name} takes permissions wholesale" if permissions else f"{name} names no permissions"
    elif "write" in permissions.values() and "pull_request" in events:
        yield f"{name} wants to write for a pull request"
    if re.search(r"\bsecrets(\.|\[|:\s*inherit)", text) and not job.get("environment"):
        yield f"{name} reads a secret outside an environment"
    if "uses" in job:
        return
    if "timeout-minutes" not in job:
        yield f"{name} has no timeout"
    yield from _of_machine(name, job, events, text)
    for step in job["steps"]:
        yield from _of_step(name, step, events)


def _of_machine(name: str, job: dict[str, Any], events: set[str], text: str) -> Iterator[str]:
    if job["runs-on"] == MACHINE_OF_SMALL and events <= {*TRUSTED, "workflow_call"}:
        return
    labels = [job["runs-on"]] if isinstance(job["runs-on"], str) else list(job["runs-on"])
    if any("latest" in label or EXPRESSION in label for label in labels):
        yield f"{name} does not name its machine"
    if "self-hosted" in labels and not events <= TRUSTED:
        yield f"{name} runs on the references' machine for {sorted(events - TRUSTED)}"
    if "self-hosted" in labels and not job.get("environment"):
        yield f"{name} runs on the references' machine outside an environment"
    if "self-hosted" in labels and "upload-artifact" in text and "private" in text:
        yield f"{name} uploads from the references' machine"


def _of_step(name: str, step: dict[str, Any], events: set[str]) -> Iterator[str]:
    if EXPRESSION in str(step.get("run", "")):
        yield f"{name}: an expression inside run"
    inputs = step.get("with") or {}
    if str(step.get("uses", "")).startswith("actions/checkout@"):
        if inputs.get("persist-credentials") is not False:
            yield f"{name}: the checkout keeps its credentials"
        head = re.search(r"head|refs/pull|inputs\.sha|merge_commit", str(inputs.get("ref", "")))
        if head and events & FORK_EVENTS | (events & {"workflow_dispatch"}):
            yield f"{name}: checks out {inputs['ref']}"


GOOD = """
on: {push: {branches: [main]}, workflow_dispatch: {}}
permissions: {}
jobs:
  one:
    runs-on: [self-hosted, gpu]
    environment: scoring
    timeout-minutes: 5
    permissions: {contents: read}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          ref: main
          persist-credentials: false
      - env: {X: "${{ secrets.KEY }}"}
        run: echo "$X"
"""


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (" # v7.0.1", "", "not pinned"),
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "not pinned"),
        ("permissions: {}", "permissions: {contents: read}", "top-level permissions"),
        ("permissions: {}", "permissions: write-all", "top-level permissions"),
        ("push: {branches: [main]}", "pull_request_target: {}", "pull_request_target"),
        ("push: {branches: [main]}", "push: {}", "pushes to any branch"),
        ("push: {branches: [main]}", "pull_request: {}", "references' machine for ['pull_request']"),
        ("push: {branches: [main]}", "issue_comment: {types: [created]}", "references' machine for"),
        ("push: {branches: [main]}", "issue_comment: {types: [edited]}", "edit re-arms"),
        ("    environment: scoring\n", "", "outside an environment"),
        ("    timeout-minutes: 5\n", "", "no timeout"),
        ("    permissions: {contents: read}\n", "", "names no permissions"),
        ("permissions: {contents: read}", "permissions: read-all", "wholesale"),
        ("persist-credentials: false", "persist-credentials: true", "keeps its credentials"),
        ("          persist-credentials: false\n", "", "keeps its credentials"),
        ("ref: main", "ref: '${{ github.event.pull_request.head.sha }}'", "checks out"),
        ("ref: main", "ref: main\n          allow-unsafe-pr-checkout: true", "checks a pull request out"),
        ("ref: main", "ref: main\n          cache: pip", "uses a cache"),
        ('echo "$X"', 'echo "${{ inputs.sha }}"', "expression inside run"),
        ('echo "$X"', 'echo "::set-output name=a::b"', "retired"),
        ("[self-hosted, gpu]", "ubuntu-latest", "does not name its machine"),
    ],
)
def test_each_rule_finds_its_violation(old: str, new: str, wanted: str) -> None:
    assert problems(GOOD) == []
    assert old in GOOD
    assert any(wanted in p for p in problems(GOOD.replace(old, new, 1)))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_workflow_follows_the_rules(path: Path) -> None:
    assert problems(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", ACTIONS, ids=lambda p: p.parent.name)
def test_composite_action_follows_the_rules(path: Path) -> None:
    text = path.read_text("utf-8")
    raw = yaml.safe_load(text)
    faults = [
        *_of_text(text),
        *(p for s in raw["runs"]["steps"] for p in _of_step(path.parent.name, s, set())),
    ]
    assert faults == []
    assert all("shell" in s for s in raw["runs"]["steps"] if "run" in s)
