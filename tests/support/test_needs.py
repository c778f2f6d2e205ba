"""Skips are counted by reason, and one that need not be fails the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.hangs import HANG
from support.needs import NEEDS, REQUIRED, node, playwright_node, reason, report

ROOT = Path(__file__).parents[2]
BROWSER, DATA = reason("chromium"), reason("data")


@pytest.mark.parametrize(
    ("reasons", "required", "lines", "allowed"),
    [
        ([], "root", [], True),
        ([BROWSER, DATA, f"Skipped: {BROWSER}"], "", [f"2 skipped: {BROWSER}", f"1 skipped: {DATA}"], True),
        ([DATA], "chromium root", [f"1 skipped: {DATA}"], True),
        ([BROWSER], "chromium", [f"1 skipped: {BROWSER} — and this machine has it"], False),
        (["because"], "", ["1 skipped: because"], True),
        (["because"], "root", ["1 skipped: because — and this machine has it"], False),
    ],
)
def test_reasons_are_counted_and_judged(
    reasons: list[str], required: str, lines: list[str], *, allowed: bool
) -> None:
    assert report(reasons, required.split()) == (lines, allowed)


@pytest.mark.parametrize(
    ("required", "workers", "status"), [("", "0", 0), ("root", "1", 0), ("data", "0", 1), ("data", "1", 1)]
)
def test_a_run_ends_with_its_reasons_and_fails_for_a_needless_one(
    required: str, workers: str, status: int
) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("REXRANK_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", workers]
    process = subprocess.run(
        [*command, "tests/statistics/test_moerad.py"],
        cwd=ROOT,
        env={**environment, REQUIRED: required},
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG,
    )
    assert process.returncode == status, process.stdout + process.stderr
    assert f"2 skipped: needs data: {NEEDS['data']}" in process.stdout


@pytest.mark.parametrize(("status", "is_own"), [(0, True), (127, False)])
def test_playwright_runs_on_a_node_that_starts(tmp_path: Path, status: int, *, is_own: bool) -> None:
    own = tmp_path / "node"
    own.write_text(f"#!/bin/sh\nexit {status}\n")
    own.chmod(0o755)
    assert playwright_node(own) == (str(own) if is_own else node())
    assert playwright_node(tmp_path / "none") == node()


def test_the_readme_names_every_group() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for group in NEEDS.keys() - {"dev", "score", "serve"}:
        assert f"| {group} |" in text
