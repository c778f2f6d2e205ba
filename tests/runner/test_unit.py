"""The scorer's unit: valid according to systemd, as tight as required, refused if a limit is missing."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from support.hangs import HANG
from support.isolated import ANALYZE, needs_systemd, settings

KIT = Path(__file__).parents[2] / "runner"
UNIT = KIT / "rexrank-scorer.service"
SCRIPT = (KIT / "isolate.sh").read_text("utf-8")
EXPOSURE = 15
"""Tenths of systemd's scale from 0 (closed) to 10; 1.5 leaves room for the GPU's devices and loopback."""


def analyze(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ANALYZE, *args], capture_output=True, text=True, check=False, timeout=HANG)


@needs_systemd
def test_systemd_finds_nothing_wrong(tmp_path):
    """The program it starts is not installed here: the kit's own stands in."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text("utf-8").replace("/opt/rexrank/bin/isolate.sh", str(KIT / "isolate.sh")))
    result = analyze("verify", "--man=no", "--recursive-errors=no", str(copy))
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def exposure(path: Path) -> int:
    return analyze("security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE}", str(path)).returncode


@needs_systemd
def test_its_exposure_is_below_the_threshold():
    assert exposure(UNIT) == 0


@needs_systemd
@pytest.mark.parametrize("name", ["PrivateNetwork", "CapabilityBoundingSet"])
def test_a_limit_less_is_above_it(tmp_path, name):
    copy = tmp_path / UNIT.name
    lines = UNIT.read_text("utf-8").splitlines(keepends=True)
    copy.write_text("".join(line for line in lines if not line.startswith(name)))
    assert exposure(copy) != 0


def test_every_limit_is_in_the_unit_and_looked_at_before_a_scoring():
    wanted = {
        "User", "PrivateNetwork", "ProtectSystem", "ReadWritePaths", "InaccessiblePaths", "NoNewPrivileges",
        "SystemCallFilter", "MemoryMax", "TasksMax", "RuntimeMaxSec", "DeviceAllow",
    }  # fmt: skip
    assert wanted <= settings().keys()
    looked = set(re.findall(r"^(\w+)\|", SCRIPT, re.MULTILINE))
    assert {n.replace("RuntimeMaxSec", "RuntimeMaxUSec") for n in wanted} <= looked
