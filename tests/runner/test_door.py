"""The isolation between a job and the scorer: what it passes on, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from support.hangs import HANG

KIT = Path(__file__).parents[2] / "runner"
SETUP = Path(__file__).parents[2] / ".github" / "actions" / "setup" / "rexrank"
SHA = "0123456789abcdef0123456789abcdef01234567"


def door(tmp_path, answers, *args, status=0, **more):
    """isolated-rexrank.sh with a `sudo` that replaces isolate.sh."""
    fake = tmp_path / "fake"
    fake.mkdir()
    archive = tmp_path / "answer.tar"
    with tarfile.open(archive, "w") as tar:
        for name, text in answers.items():
            data = text.encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, BytesIO(data))
    (fake / "sudo").write_text(
        f'#!/bin/sh\nprintf "%s " "$@" >{tmp_path}/asked\ncat {archive}\nexit {status}\n'
    )
    (fake / "sudo").chmod(0o755)
    out = tmp_path / "output"
    out.write_text("")
    env = {"PATH": f"{fake}:{os.environ['PATH']}", "RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(out),
           "PR": "12", "SHA": SHA, "GITHUB_WORKSPACE": str(tmp_path), "REXRANK_VENV": "/nowhere",
           "REXRANK_ISOLATE": str(KIT / "isolated-rexrank.sh"), **more}  # fmt: skip
    process = subprocess.run(
        ["bash", str(SETUP), *args], env=env, capture_output=True, text=True, timeout=HANG, check=False
    )
    return process, out.read_text(), (tmp_path / "asked").read_text().split()


def test_the_isolation_passes_on_one_checked_line(tmp_path):
    folder = tmp_path / "folder"
    result, out, requests = door(tmp_path, {"output": 'result={"a":1}\n'}, "pr", "score", str(folder))
    assert (result.returncode, out) == (0, "")
    assert (folder / "result.json").read_text() == '{"a":1}'
    assert requests[0] == "-n"
    assert requests[1].endswith("/bin/isolate.sh")
    assert requests[2:] == ["score", "12", SHA]


@pytest.mark.parametrize(
    "output",
    [
        "",
        "result=1\n",
        'other={"a":1}\n',
        'result={"a":1}\nPATH=/evil}\n',
        'result={"a":1}\rx}\n',
        'x\nresult={"a":1}\n',
    ],
)
def test_the_isolation_passes_on_nothing_else(tmp_path, output):
    result, out, _ = door(tmp_path, {"output": output}, "pr", "score", str(tmp_path / "folder"))
    assert (result.returncode, out) == (2, "")
    assert not (tmp_path / "folder").exists()


def test_the_isolation_keeps_the_status(tmp_path):
    answer, folder = {"output": 'result={"error":"no"}\n'}, tmp_path / "folder"
    result, _, _ = door(tmp_path, answer, "pr", "score", str(folder), status=1)
    assert (result.returncode, (folder / "result.json").read_text()) == (1, '{"error":"no"}')


def test_the_isolation_passes_on_a_line_too_long_for_an_environment_variable(tmp_path):
    text = json.dumps({"a": "x" * 900_000}, separators=(",", ":"))
    result, _, _ = door(tmp_path, {"output": f"result={text}\n"}, "pr", "score", str(tmp_path / "folder"))
    assert (result.returncode, (tmp_path / "folder/result.json").read_text()) == (0, text)


def test_the_isolation_unpacks_the_bundle_only_after_success(tmp_path):
    (tmp_path / "one").mkdir()
    result, _, requests = door(
        tmp_path / "one", {"bundle/tables/a.json": "1"}, "pr", "refresh", str(tmp_path / "b"), "--all"
    )
    assert (result.returncode, requests[2:]) == (0, ["refresh"])
    assert (tmp_path / "b/tables/a.json").read_text() == "1"
    (tmp_path / "two").mkdir()
    result, _, _ = door(tmp_path / "two", {"bundle/a": "1"}, "pr", "refresh", str(tmp_path / "c"), status=2)
    assert result.returncode == 2
    assert not (tmp_path / "c").exists()


def test_the_isolation_lets_a_bundle_write_nowhere_else(tmp_path):
    result, _, _ = door(tmp_path, {"bundle/../../evil": "1"}, "pr", "refresh", str(tmp_path / "x/b"))
    assert result.returncode != 0
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "x/evil").exists()


@pytest.mark.parametrize("units", ["a/b:sandbox:texts baseline:sandbox:green", "* $(touch made) ; id", ""])
def test_the_isolation_passes_units_in_as_words_and_nothing_out(tmp_path, monkeypatch, units):
    """isolate.sh decides whether they are units: here, none of them is a pattern or a command."""
    monkeypatch.chdir(tmp_path)
    process, out, words = door(tmp_path, {"output": "result={}"}, "pr", "fill", UNITS=units)
    assert (process.returncode, out, process.stderr) == (0, "", "")
    assert words[2:] == ["fill", *units.split()]
    assert not (tmp_path / "made").exists()
