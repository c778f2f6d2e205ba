"""Promises of single workflows: publishing, the form, releases, the action, and the versions that CI tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.workflow_files import GITHUB, ROOT, WORKFLOWS, triggers

from evaluator.datasets.registry import dataset_ids
from evaluator.github.issue_form import HEADINGS
from evaluator.submissions.card_draft import CONTEXTS, VIEWS

WANTED = {
    "boards",
    "ci",
    "validate",
    "comment",
    "request-score",
    "score",
    "publish",
    "rescore",
    "small",
    "pages",
    "submission-form",
    "release",
}


def test_every_workflow_of_the_design_is_there() -> None:
    assert {p.stem for p in WORKFLOWS} >= WANTED


NEEDS_SUBMISSIONS = {
    "ci/python": "tests read the sandbox's submissions; the others' stay away",
    "score/score": "scores beside the other models' predictions, on the machine of the references",
    "publish/score": "scores what main holds, on the machine of the references",
    "rescore/fill": "scores what main holds, on the machine of the references",
    "small/score": "as publish/score, on a hosted machine and with public references",
}
"""Jobs that check out submissions/, and why; it is most of the repository's bytes. All except the tests are scorers."""
CARDS = ["/*", "!/submissions/*/*/*", "/submissions/*/*/model.yaml"]
NEEDS_CARDS = {
    "comment/check": "compares with the other models' predictions, and reads whose cards name an account",
    "publish/check": "holds each row to the predictions and the card on main",
    "small/check": "as publish/check",
}
"""Jobs that check out the cards: git fetches only the predictions they compare (`main_files.py`)."""


def test_only_jobs_that_need_them_check_submissions_out() -> None:
    """Named here or sparse; a folder of its own, like that of the branch of pairs, contains no submissions."""
    whole, cards = set(), set()
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text("utf-8"))["jobs"].items():
            for step in job.get("steps", ()):
                inputs = step.get("with") or {}
                if (
                    not str(step.get("uses", "")).startswith("actions/checkout@")
                    or inputs.get("ref") == "pairwise"
                ):
                    continue
                patterns = str(inputs.get("sparse-checkout", "")).split()
                if (path.stem, name) == ("ci", "python"):
                    assert patterns == ["/*", "!/submissions/*", "/submissions/rexrank-sandbox/"]
                if patterns == CARDS and inputs.get("sparse-checkout-cone-mode") is False:
                    cards.add(f"{path.stem}/{name}")
                    continue
                # In cone mode git would take the patterns for folders.
                sparse = inputs.get("sparse-checkout-cone-mode") is False and "/*" in patterns
                if not sparse or "!/submissions/" not in patterns[patterns.index("/*") :]:
                    whole.add(f"{path.stem}/{name}")
    assert whole == set(NEEDS_SUBMISSIONS)
    assert cards == set(NEEDS_CARDS)


def test_the_bot_starts_no_publication_of_its_own() -> None:
    """Publishing is started by paths that it does not write, and is never cancelled halfway."""
    raw = yaml.safe_load((GITHUB / "workflows" / "publish.yml").read_text("utf-8"))
    assert triggers(raw)["push"]["paths"] == ["submissions/**"]
    assert raw["concurrency"]["cancel-in-progress"] is False
    assert raw["concurrency"]["queue"] == "max"


def test_a_rescoring_lets_previews_between_its_units_and_hands_no_unit_to_a_shell() -> None:
    raw = yaml.safe_load((GITHUB / "workflows" / "rescore.yml").read_text("utf-8"))
    plan, fill, finish = (raw["jobs"][name] for name in ("plan", "fill", "finish"))
    assert set(triggers(raw)) == {"schedule", "workflow_dispatch"}
    assert (plan["runs-on"], plan["permissions"]) == ("ubuntu-24.04", {"contents": "read", "actions": "read"})
    # No more units are queued than there are machines, so a preview never waits behind all of them.
    assert fill["strategy"]["max-parallel"] == "${{ fromJSON(vars.REX_RUNNERS || '1') }}"
    assert "concurrency" not in fill, "a queue of units that a preview stood behind"
    assert fill["strategy"]["fail-fast"] is False, "a unit that dies takes no other with it"
    assert fill["permissions"] == {"contents": "read"}
    (step,) = [s for s in fill["steps"] if "run" in s]
    assert (step["run"], step["env"]) == ("rexrank pr fill", {"UNITS": "${{ matrix.units }}"})
    assert "!cancelled()" in finish["if"], "what is done is published"


def test_the_form_s_workflow_reads_in_one_job_and_writes_in_another_without_secrets() -> None:
    text = (GITHUB / "workflows" / "submission-form.yml").read_text("utf-8")
    raw = yaml.safe_load(text)
    assert "secrets" not in text
    assert triggers(raw) == {"issues": {"types": ["opened", "edited"]}}
    reads, writes = raw["jobs"]["read"], raw["jobs"]["open"]
    assert reads["permissions"] == {"contents": "read"}
    assert set(writes["permissions"]) == {"contents", "issues", "pull-requests"}
    assert not any("environment" in job for job in raw["jobs"].values())
    # What a stranger wrote reaches no command line; only the event's file and the previous job's folder do.
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
        variables = {
            "SUBMISSIONS": path,
            "RUNNER_TEMP": str(tmp_path),
            "GITHUB_ACTION_PATH": str(GITHUB / "actions/validate"),
        }
        command = ["bash", "-e", "-c", step["run"]]
        process = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == status, process.stdout + process.stderr
        assert "Traceback" not in process.stderr
    assert not (tmp_path / "made").exists()


def test_the_form_asks_what_the_bot_reads() -> None:
    form = yaml.safe_load((GITHUB / "ISSUE_TEMPLATE" / "submission.yml").read_text("utf-8"))
    fields = [f for f in form["body"] if f["type"] != "markdown"]
    assert {f["attributes"]["label"]: f["id"] for f in fields} == HEADINGS
    assert form["labels"] == ["submission"]
    assert form["title"].startswith("Submission:")
    options = {f["id"]: f["attributes"]["options"] for f in fields if f["type"] == "dropdown"}
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
        process = subprocess.run(
            ["git", "-C", str(origin), *who, *command], capture_output=True, text=True, check=True
        )
        return process.stdout.strip()

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
    """All tests on each supported Python; without torch on the newer ones, and with old packages on the oldest."""
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
        'tools/test-base "$VERSIONS"',
    )


@pytest.fixture(scope="module")
def oldest() -> dict[str, str]:
    """The versions that `tools/oldest` prints, by name."""
    process = subprocess.run(
        [sys.executable, ROOT / "tools/oldest"], capture_output=True, text=True, check=True
    )
    return dict(line.split("==") for line in process.stdout.splitlines())


def test_the_oldest_versions_can_be_installed_with_the_development_tools(oldest: dict[str, str]) -> None:
    """Every package of either allows the oldest version of each base package that it needs."""
    extras = PROJECT["optional-dependencies"]
    waiting = [("the project", r) for r in (*PROJECT["dependencies"], *extras["dev"])]
    names, conflicts = set(), []
    while waiting:
        by, text = waiting.pop()
        need = Requirement(text)
        name = canonicalize_name(need.name)
        if need.marker is not None and not need.marker.evaluate({"extra": ""}):
            continue
        if name in oldest and not need.specifier.contains(oldest[name]):
            conflicts.append(f"{by} wants {need}, the floor is {oldest[name]}")
        if name not in names:
            names.add(name)
            with suppress(metadata.PackageNotFoundError):
                waiting += [(name, r) for r in metadata.requires(name) or ()]
    assert not conflicts


def test_the_oldest_versions_are_those_of_the_project(oldest: dict[str, str]) -> None:
    assert [f"{name}>={version}" for name, version in oldest.items()] == [
        d.partition(",")[0] for d in PROJECT["dependencies"]
    ]
    lines = (ROOT / "requirements/constraints.txt").read_text("utf-8").splitlines()
    pins = dict(m.groups() for line in lines if (m := re.match(r"([a-z0-9-]+)==([0-9.]+)", line)))
    for name, version in oldest.items():
        assert numbers(version) <= numbers(pins[name]), name


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def scripts(node: object) -> Iterator[str]:
    """Every `run` of a workflow or an action."""
    for key, value in (
        node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else ())
    ):
        if key == "run" and isinstance(value, str):
            yield value
        else:
            yield from scripts(value)


def test_every_script_is_one_that_a_shell_reads() -> None:
    """No linter checks actions, and in "${X:?words}" an apostrophe opens a quotation."""
    wrong = {}
    for path in (*WORKFLOWS, *sorted(GITHUB.glob("actions/*/action.yml"))):
        for script in scripts(yaml.safe_load(path.read_text("utf-8"))):
            result = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
            if result.returncode:
                wrong[path.name] = result.stderr
    assert wrong == {}
