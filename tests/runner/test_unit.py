"""The scorer's unit: sound by systemd's own word, as tight as it must be, refused where a limit is missing."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

KIT = Path(__file__).parents[2] / "runner"
UNIT = KIT / "rexrank-scorer.service"
SCRIPT = (KIT / "isolate.sh").read_text("utf-8")
EXPOSURE = 15
"""Tenths of systemd's scale from 0 (closed) to 10; 1.5 leaves room for the GPU's devices and loopback."""
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(
    ANALYZE is None, reason="systemd-analyze (Debian package systemd) is not installed"
)


def settings() -> dict[str, str]:
    """The [Service] section; a setting that is given twice is joined, as systemd joins lists."""
    found: dict[str, str] = {}
    for line in UNIT.read_text("utf-8").splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found[name] = f"{found[name]} {value}" if name in found else value
    return found


def analyze(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ANALYZE, *args], capture_output=True, text=True, check=False, timeout=60)


@needs_systemd
def test_systemd_finds_nothing_wrong(tmp_path):
    """The program it starts is not installed here: the kit's own stands in."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text("utf-8").replace("/opt/rexrank/bin/isolate.sh", str(KIT / "isolate.sh")))
    done = analyze("verify", "--man=no", "--recursive-errors=no", str(copy))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


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


def test_both_ways_have_the_same_limits():
    """What a shell can set is the same number in the fallback; the rest is named, so that nobody takes it for more."""
    unit = settings()
    assert f"ulimit -u {unit['TasksMax']}" in SCRIPT
    assert f"timeout --foreground {unit['RuntimeMaxSec']} " in SCRIPT
    assert (unit["LimitCORE"], "ulimit -c 0" in SCRIPT) == ("0", True)
    assert (unit["NoNewPrivileges"], "--no-new-privs" in SCRIPT) == ("yes", True)
    assert (unit["PrivateNetwork"], "unshare --net" in SCRIPT) == ("yes", True)
    assert (unit["CapabilityBoundingSet"], "--bounding-set=-all" in SCRIPT) == ("", True)
    guide = (KIT.parent / "site/maintainers/runner.md").read_text("utf-8")
    for name in ("SystemCallFilter", "DeviceAllow", "MemoryMax"):
        assert f"`{name}`" in guide.partition("without systemd")[2].partition("\n## ")[0]
