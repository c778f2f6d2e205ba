"""The workflows hold to the project's rules, and the rules find what breaks them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.needs import reason

from evaluator.datasets.registry import dataset_ids
from evaluator.github.issue_form import HEADINGS
from evaluator.submissions.card_draft import CONTEXTS, VIEWS

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.y*ml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.y*ml"))
WANTED = {
    "ci",
    "validate",
    "comment",
    "request-score",
    "score",
    "publish",
    "pages",
    "submission-form",
    "release",
}
PINNED = re.compile(r"uses:\s*[\w.-]+/[\w./-]+@[0-9a-f]{40}\s+# v\d+\.\d+\.\d+\s*$")
# What may start a job on the machine that holds the references: nothing that a fork can cause.
TRUSTED = {"workflow_dispatch", "schedule", "push", "workflow_call"}
FORK_EVENTS = {"pull_request", "issue_comment", "workflow_run", "pull_request_review", "issues"}
EXPRESSION = "${{"


def triggers(raw: dict[str, Any]) -> dict[str, Any]:
    """`on:` as a mapping; YAML 1.1 reads a bare `on` as the truth value."""
    found = {str(k): v for k, v in raw.items()}.get("on", {str(k): v for k, v in raw.items()}.get("True"))
    if isinstance(found, str):
        return {found: None}
    return dict.fromkeys(found) if isinstance(found, list) else dict(found or {})


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
    given = job.get("permissions")
    if not isinstance(given, dict):
        yield f"{name} takes permissions wholesale" if given else f"{name} names no permissions"
    elif "write" in given.values() and "pull_request" in events:
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
    given = step.get("with") or {}
    if str(step.get("uses", "")).startswith("actions/checkout@"):
        if given.get("persist-credentials") is not False:
            yield f"{name}: the checkout keeps its credentials"
        head = re.search(r"head|refs/pull|inputs\.sha|merge_commit", str(given.get("ref", "")))
        if head and events & FORK_EVENTS | (events & {"workflow_dispatch"}):
            yield f"{name}: checks out {given['ref']}"


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
def test_each_rule_finds_what_breaks_it(old: str, new: str, wanted: str) -> None:
    assert problems(GOOD) == []
    assert old in GOOD
    assert any(wanted in p for p in problems(GOOD.replace(old, new, 1)))


def test_every_workflow_of_the_design_is_there() -> None:
    assert {p.stem for p in WORKFLOWS} >= WANTED


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_workflow_holds_to_the_rules(path: Path) -> None:
    assert problems(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", ACTIONS, ids=lambda p: p.parent.name)
def test_composite_action_holds_to_the_rules(path: Path) -> None:
    text = path.read_text("utf-8")
    raw = yaml.safe_load(text)
    found = [
        *_of_text(text),
        *(p for s in raw["runs"]["steps"] for p in _of_step(path.parent.name, s, set())),
    ]
    assert found == []
    assert all("shell" in s for s in raw["runs"]["steps"] if "run" in s)


def test_the_bot_starts_no_publication_of_its_own() -> None:
    """Publishing is started by paths that it does not write, and is never cancelled half-way."""
    raw = yaml.safe_load((GITHUB / "workflows" / "publish.yml").read_text("utf-8"))
    assert triggers(raw)["push"]["paths"] == ["submissions/**"]
    assert raw["concurrency"]["cancel-in-progress"] is False
    assert raw["concurrency"]["queue"] == "max"


def test_the_form_s_workflow_reads_in_one_job_and_writes_in_another_without_secrets() -> None:
    text = (GITHUB / "workflows" / "submission-form.yml").read_text("utf-8")
    raw = yaml.safe_load(text)
    assert "secrets" not in text
    assert triggers(raw) == {"issues": {"types": ["opened", "edited"]}}
    reads, writes = raw["jobs"]["read"], raw["jobs"]["open"]
    assert reads["permissions"] == {"contents": "read"}
    assert set(writes["permissions"]) == {"contents", "issues", "pull-requests"}
    assert not any("environment" in job for job in raw["jobs"].values())
    # What a stranger wrote reaches no command line: only the event's file and the folder of the job before do.
    commands = [s["run"] for job in raw["jobs"].values() for s in job["steps"] if "run" in s]
    assert commands == [f'rexrank pr {name} "$GITHUB_WORKSPACE/form"' for name in ("form", "open")]
    condition = reads["if"]
    assert "github.event.sender.id == github.event.issue.user.id" in condition


def test_a_release_needs_no_secret_and_its_publishing_job_runs_nothing_of_ours() -> None:
    text = (GITHUB / "workflows" / "release.yml").read_text("utf-8")
    raw = yaml.safe_load(text)
    assert "secrets" not in text
    build, publish = raw["jobs"]["build"], raw["jobs"]["publish"]
    assert build["permissions"] == {"contents": "read"}
    assert (publish["permissions"], publish["environment"]) == ({"id-token": "write"}, "pypi")
    assert not any("run" in step for step in publish["steps"])
    assert [s["uses"].partition("@")[0] for s in publish["steps"]] == [
        "actions/download-artifact",
        "pypa/gh-action-pypi-publish",
    ]


def test_the_validate_action_takes_a_path_as_data(tmp_path: Path) -> None:
    """Its last step, run as GitHub runs it: a path that looks like a command or an option is neither."""
    action = yaml.safe_load((GITHUB / "actions" / "validate" / "action.yml").read_text("utf-8"))
    step = action["runs"]["steps"][-1]
    (tmp_path / "rexrank/bin").mkdir(parents=True)
    python = tmp_path / "rexrank/bin/python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    files = ROOT / "tests/data"
    for path, status in (("$(touch made)", 1), ("--help", 1), (str(files), 1)):
        given = {
            "SUBMISSIONS": path,
            "RUNNER_TEMP": str(tmp_path),
            "GITHUB_ACTION_PATH": str(GITHUB / "actions/validate"),
        }
        command = ["bash", "-e", "-c", step["run"]]
        done = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **given}, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "made").exists()


def test_the_form_asks_what_the_bot_reads() -> None:
    form = yaml.safe_load((GITHUB / "ISSUE_TEMPLATE" / "submission.yml").read_text("utf-8"))
    asked = [f for f in form["body"] if f["type"] != "markdown"]
    assert {f["attributes"]["label"]: f["id"] for f in asked} == HEADINGS
    assert form["labels"] == ["submission"]
    assert form["title"].startswith("Submission:")
    options = {f["id"]: f["attributes"]["options"] for f in asked if f["type"] == "dropdown"}
    assert set(options["dataset"]) == set(dataset_ids())
    assert (set(options["views"]), set(options["context"])) == (set(VIEWS), set(CONTEXTS))


@pytest.mark.parametrize(
    ("paths", "skipped"),
    [
        (["submissions/a/b/model.yaml"], True),
        (["submissions/a/b/model.yaml", "evaluator/x.py"], False),
        (["evaluator/submissions/x.py"], False),
        ([".github/workflows/ci.yml"], False),
    ],
)
def test_ci_skips_its_suite_for_submissions_alone(tmp_path: Path, paths: list[str], *, skipped: bool) -> None:
    """The job itself runs for every pull request: its name is a required check, and one that never reports blocks."""
    raw = yaml.safe_load((GITHUB / "workflows/ci.yml").read_text("utf-8"))
    assert "paths" not in (triggers(raw)["pull_request"] or {})
    (look,) = [s for s in raw["jobs"]["python"]["steps"] if s.get("id") == "changed"]
    origin, clone = tmp_path / "origin", tmp_path / "clone"

    def git(*command: str) -> str:
        who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
        done = subprocess.run(
            ["git", "-C", str(origin), *who, *command], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    origin.mkdir()
    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "base")
    base = git("rev-parse", "HEAD")
    for path in paths:
        (origin / path).parent.mkdir(parents=True, exist_ok=True)
        (origin / path).write_text("x")
    git("add", "-A")
    git("commit", "-q", "-m", "change")
    git("config", "uploadpack.allowAnySHA1InWant", "true")
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{origin}", str(clone)], check=True)
    out = tmp_path / "output"
    names = {"BASE": base, "GITHUB_OUTPUT": str(out), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    out.touch()
    subprocess.run(["bash", "-e", "-c", look["run"]], cwd=clone, env={**os.environ, **names}, check=True)
    assert (out.read_text() == "only=submissions\n") == skipped


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_ci_tries_every_python_and_the_base_alone() -> None:
    """All of it on each Python that is promised; without torch on the newer ones, and on the oldest with old packages."""
    raw = yaml.safe_load((GITHUB / "workflows/ci.yml").read_text("utf-8"))
    matrix = raw["jobs"]["python"]["strategy"]["matrix"]
    promised = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if "Python :: 3." in c]
    assert (matrix["python"], matrix["suite"]) == (promised, ["all"])
    oldest, *newer = promised
    wanted = [*({"python": p, "suite": "pinned"} for p in newer), {"python": oldest, "suite": "oldest"}]
    assert matrix["include"] == wanted
    runs = {s["name"]: s.get("run") for s in raw["jobs"]["python"]["steps"] if "name" in s}
    assert (runs["Every check"], runs["The base without torch"]) == (
        ".ci/run",
        'scripts/test-base "$VERSIONS"',
    )


def test_the_oldest_versions_are_those_of_the_project() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/oldest"], capture_output=True, text=True, check=True
    )
    oldest = dict(line.split("==") for line in done.stdout.splitlines())
    assert [f"{name}>={version}" for name, version in oldest.items()] == [
        d.partition(",")[0] for d in PROJECT["dependencies"]
    ]
    lines = (ROOT / "requirements/constraints.txt").read_text("utf-8").splitlines()
    pins = dict(m.groups() for line in lines if (m := re.match(r"([a-z0-9-]+)==([0-9.]+)", line)))
    for name, version in oldest.items():
        assert numbers(version) <= numbers(pins[name]), name


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def test_scripts_are_sound_shell() -> None:
    for path in sorted((ROOT / "scripts").iterdir()):
        if path.read_text("utf-8").startswith("#!/usr/bin/env bash"):
            run(tool("shellcheck"), str(path))


def tool(name: str) -> str:
    """The path of a development tool; skips where it is not installed."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(reason("dev", name))
    return found


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing() -> None:
    run(tool("zizmor"), "--offline", "--persona=auditor", "--no-progress", ".github")


def test_actionlint_finds_nothing() -> None:
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}") or ""
    options = ("-config-file", ".github/actionlint.yaml", "-shellcheck", shellcheck, "-pyflakes", "")
    run(tool("actionlint"), *options, *(str(p) for p in WORKFLOWS))


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.github-actions", ACTIONS),
        ("vendor.dependabot", [GITHUB / "dependabot.yml"]),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_schemas_find_nothing(schema: str, paths: list[Path]) -> None:
    assert paths
    run(tool("check-jsonschema"), "--builtin-schema", schema, *map(str, paths))


@pytest.mark.parametrize(
    "path", sorted(p for p in GITHUB.rglob("*") if p.suffix in {".yml", ".yaml", ".md"}), ids=lambda p: p.name
)
def test_no_issue_form_or_template_is_broken(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.strip()
    if path.suffix != ".md":
        assert isinstance(yaml.safe_load(text), dict | list)
