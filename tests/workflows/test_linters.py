"""Linters find nothing in the scripts, workflows, actions and forms."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.hangs import HANG
from support.needs import reason
from support.workflow_files import ACTIONS, GITHUB, ROOT, WORKFLOWS


def test_scripts_are_sound_shell() -> None:
    for path in sorted(p for p in (ROOT / "tools").iterdir() if p.is_file()):
        if path.read_text("utf-8").startswith("#!/usr/bin/env bash"):
            run(tool("shellcheck"), str(path))


def tool(name: str) -> str:
    """The path of a development tool; skips where it is not installed."""
    beside = Path(sys.executable).with_name(name)
    path = str(beside) if beside.exists() else shutil.which(name)
    if path is None:
        pytest.skip(reason("dev", name))
    return path


def run(*command: str) -> None:
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=HANG)
    assert process.returncode == 0, process.stdout + process.stderr


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
