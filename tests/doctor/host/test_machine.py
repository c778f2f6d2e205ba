"""A real machine is asked: each question by itself, and all of them on one that setup.sh has set up."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from support.needs import reason
from typer.testing import CliRunner

from evaluator.cli.app import app
from evaluator.core.problems import RexrankError
from evaluator.doctor.findings import Finding, Section, as_json
from evaluator.doctor.host import checks
from evaluator.doctor.host.checks import _hook, _hook_elsewhere, ask_inside, check_machine, hook_takes, rights
from evaluator.doctor.host.layout import Layout, read_conf, read_layout
from evaluator.doctor.host.machine import Machine, open_machine
from evaluator.doctor.host.software import _credentials, _disk, _packages, _registrations, job_runs
from evaluator.github.workflows import read_workflows

ROOT = Path(__file__).parents[3]
LAYOUT = (ROOT / "runner" / "layout").read_text("utf-8").splitlines()


@pytest.fixture
def open_folder():
    """A folder that every account may enter; pytest's own are open to their owner only."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason=reason("root"))


@pytest.mark.parametrize(
    ("text", "found", "wrong"),
    [
        ("A=1\n# B=2\n\nC_D=/x\n", {"A": "1", "C_D": "/x"}, []),
        ("A=1\nA=2\n", {"A": "1"}, ["A is set twice"]),
        ("A=1\nb=2\nA = 3\n", {"A": "1"}, ["line 2 is not KEY=value", "line 3 is not KEY=value"]),
        ("A=\n", {"A": ""}, []),
        ("", {}, []),
    ],
)
def test_configurations(text, found, wrong):
    assert read_conf(text.splitlines()) == (found, wrong)


def test_entries(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    file.chmod(0o640)
    (tmp_path / "link").symlink_to(file)
    os.mkfifo(tmp_path / "pipe")
    me = pwd.getpwuid(os.geteuid()).pw_name
    entry = Machine().entry(str(file))
    assert (entry.kind, entry.owner, entry.mode, len(entry.sha256)) == ("file", me, 0o640, 64)
    assert Machine().entry(str(tmp_path)).kind == "folder"
    assert Machine().entry(str(tmp_path / "link")).kind == "link"
    assert Machine().entry(str(tmp_path / "pipe")).kind == "other"
    assert Machine().entry(str(tmp_path / "none")).kind == "absent"


SUDO = """\
Matching Defaults entries for rexrunner on localhost:
    env_reset, mail_badpass,
    secure_path=/usr/local/sbin\\:/usr/local/bin

Runas and Command-specific defaults for rexrunner:
    Defaults!/opt/rexrank/bin/isolate.sh env_reset, !env_keep, !setenv,
    closefrom=3

User rexrunner may run the following commands on localhost:
    (root) NOPASSWD: /opt/rexrank/bin/isolate.sh score *,
        /opt/rexrank/bin/isolate.sh refresh
    (ALL : ALL) ALL
    (root) SETENV: NOPASSWD: /usr/bin/a\\,b
"""


def test_what_sudo_says():
    isolate = "/opt/rexrank/bin/isolate.sh"
    assert rights(SUDO) == [f"{isolate} score *", f"{isolate} refresh", "ALL", "/usr/bin/a\\,b"]
    assert rights("User rexfetch is not allowed to run sudo on localhost.\n") == []


def test_every_package_that_is_needed_is_pinned_in_the_project():
    """The real files, and an environment with another version of each pinned package."""
    pins = set(re.findall(r"(?m)^([^#=\s]+)==", (ROOT / "requirements" / "constraints.txt").read_text()))

    class Other(Machine):
        def output(self, *command, role=None, **env):
            return "".join(f"{name}==0.0.1\n" for name in sorted(pins))

    wrong = _packages(Other(root=ROOT))
    assert {"torch 0.0.1 instead of 2.13.0"} <= set(wrong)
    assert {w.partition(" ")[0] for w in wrong} == {re.sub(r"[-_.]+", "-", p).lower() for p in pins}
    assert not [w for w in wrong if w.startswith("no ")]


def test_the_hook_takes_exactly_what_the_workflows_run_beside_the_references(tmp_path):
    """The two files must agree: a workflow that gains a trigger would wait for a runner that refuses it."""
    shutil.copytree(ROOT / "runner" / "hooks", tmp_path / "hooks")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "runner.conf").write_text("REPOSITORY=rexrank/challenge\n")
    flows = read_workflows(ROOT)
    assert ("score.yml", "workflow_dispatch") in flows.on_runner
    machine = Machine(str(tmp_path), {"REPOSITORY": "rexrank/challenge"}, root=ROOT, flows=flows)
    assert _hook(machine) == []
    assert _hook_elsewhere(machine) == []
    assert hook_takes(machine, "score.yml", "workflow_dispatch")


def test_the_layout_names_what_the_kit_has():
    """Every program of the kit is installed, and sudo's lines match its rules."""
    layout = read_layout(LAYOUT, "/opt/rexrank", {})
    files = {p.source for p in layout.places if p.kind == "file"}
    assert all((ROOT / "runner" / source).is_file() for source in files)
    elsewhere = {"setup.sh", "keep-registered.sh"}
    scripts = {p.relative_to(ROOT / "runner").as_posix() for p in (ROOT / "runner").rglob("*.sh")}
    assert scripts - elsewhere <= files
    names = {"rexrunner": "RUNNER", "rexrank-registrar": "REGISTRAR"}
    rules = dict(
        re.findall(r"(?m)^(\S+) ALL=\(root\) NOPASSWD: (.*)$", (ROOT / "runner" / "sudoers").read_text())
    )
    assert {names[n]: tuple(commands.split(", ")) for n, commands in rules.items()} == layout.sudo


def test_the_layout_of_another_machine():
    layout = read_layout(LAYOUT, "/elsewhere", {"STORE": "/big/store"})
    paths = {p.path: p for p in layout.places}
    assert paths["/big/store"].letters("SCORER") == "rwx"
    assert paths["/big/store"].letters("RUNNER") == ""
    assert paths["/elsewhere/etc/salt"].letters("SCORER") == ""
    assert paths["/srv/rexrank/references"].letters("SCORER") == "rx"
    assert layout.sudo["REGISTRAR"] == ('/elsewhere/bin/run-one-job.sh ""',)


def machine_of(name):
    return Machine(layout=Layout(names={"RUNNER": name}))


def test_accounts():
    assert machine_of("root").account("RUNNER").uid == 0
    assert machine_of("nobody-of-that-name").account("RUNNER") is None
    assert Machine().account("RUNNER") is None
    assert Machine().able("/", "RUNNER") == "", "an account that is not there may do nothing"


@needs_root
def test_rights_are_tried_as_the_account(open_folder):
    shown, shut = open_folder / "shown", open_folder / "shut"
    for path, mode in ((shown, 0o644), (shut, 0o600)):
        path.write_text("x")
        path.chmod(mode)
    machine = machine_of("daemon")
    paths = (str(shown), str(shut), str(open_folder), "/nowhere")
    assert [machine.able(path, "RUNNER") for path in paths] == ["r", "", "rx", ""]
    assert machine.able(str(shut)) == "rw", "root may"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('\ufeff{"AgentId": 1, "Ephemeral": true}', "left by a runner that was killed"),
        ('{"agentId": 1}', "more than one job"),
        ('{"ephemeral": "yes"}', "more than one job"),
        ('{"ephemeral": false}', "more than one job"),
        ("[]", "more than one job"),
        ("{", "more than one job"),
    ],
)
def test_registrations(tmp_path, text, wrong):
    (tmp_path / ".runner").write_text(text, "utf-8")
    names = _registrations(Machine(conf={"RUNNER_HOME": str(tmp_path)}))
    assert [f for f in names if str(tmp_path) in f and wrong in f]


def test_credentials(tmp_path):
    (tmp_path / ".ssh").mkdir()
    for name in (".netrc", ".ssh/id_ed25519", ".ssh/id_ed25519.pub", ".ssh/known_hosts"):
        (tmp_path / name).touch()

    class Home(Machine):
        def output(self, *command, role=None, **env):
            return f"me:x:1:1::{tmp_path}:/bin/sh\nnobody:x:2:2::/nonexistent:/bin/false\n"

        def lines(self, path):
            return ["PATH=/bin", "export HF_TOKEN=x"]

    assert _credentials(Home(env={"GITHUB_TOKEN": "x", "TOKENIZERS_PARALLELISM": "false"})) == [
        str(tmp_path / ".netrc"), str(tmp_path / ".ssh/id_ed25519"), "the variable GITHUB_TOKEN", "HF_TOKEN in /etc/environment",
    ]  # fmt: skip


def test_a_lock_that_is_held(tmp_path):
    (tmp_path / "etc").mkdir()
    lock = tmp_path / "etc" / "run-one-job.lock"
    assert not job_runs(Machine(str(tmp_path)))
    with lock.open("w") as file:
        assert not job_runs(Machine(str(tmp_path)))
        fcntl.flock(file, fcntl.LOCK_EX)
        assert job_runs(Machine(str(tmp_path)))


def test_free_places(tmp_path):
    full = Machine(conf={"STORE": str(tmp_path), "SCRATCH": str(tmp_path / "none")})
    assert "SCRATCH does not exist" in list(_disk(full))


@pytest.mark.parametrize("status", [200, 404, 501])
def test_the_clock_is_held_against_the_servers(status):
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response_only(status)
            self.send_header("Date", format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True))
            self.end_headers()

        def log_message(self, *args):
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        seconds = Machine().ahead(f"http://127.0.0.1:{server.server_port}")
        thread.join()
    assert seconds == pytest.approx(3600, abs=5)
    assert Machine().ahead(f"http://127.0.0.1:{server.server_port}") is None
    assert Machine().ahead("file:///etc/passwd") is None


def fake_isolate(prefix, script):
    (prefix / "bin").mkdir()
    path = prefix / "bin" / "isolate.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_the_scorers_findings_are_handed_on(tmp_path):
    sections = [Section("Inside", (Finding("RD401", "good", "account", "rexscore"),))]
    (tmp_path / "answer").write_text(as_json(sections))
    fake_isolate(tmp_path, f'[ "$*" = "doctor --json" ] && cat {tmp_path}/answer; exit 1')
    assert ask_inside(tmp_path) == sections


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'isolate.sh: main could not be fetched' >&2; exit 2", "could not be fetched"),
        ("exit 0", "no output"),
    ],
)
def test_a_door_that_does_not_open_is_a_finding(tmp_path, script, said):
    fake_isolate(tmp_path, script)
    ((finding,),) = [s.findings for s in ask_inside(tmp_path)]
    assert (finding.code, finding.state, said in finding.found) == ("RD400", "bad", True)


def test_a_door_that_is_not_there_is_a_finding(tmp_path):
    ((finding,),) = [s.findings for s in ask_inside(tmp_path)]
    assert (finding.code, finding.state) == ("RD400", "bad")


@needs_root
def test_a_machine_as_setup_lays_it_down(open_folder, monkeypatch):
    # The events that the hook knows; all others are asked about in the test above.
    monkeypatch.setattr(checks, "EVENTS", ("push", "schedule", "workflow_dispatch"))
    process = subprocess.run(
        ["bash", str(ROOT / "runner" / "setup.sh"), "--destdir", str(open_folder)],
        capture_output=True,
        check=False,
    )
    assert process.returncode == 0
    prefix = open_folder / "opt" / "rexrank"
    conf = (prefix / "etc" / "runner.conf").read_text()
    pairs = {
        "RUNNER": "daemon",
        "FETCHER": "games",
        "SCORER": "bin",
        "SERVER_URL": f"file://{open_folder}/nothing",
    }
    for key, value in pairs.items():
        conf = "".join(
            f"{key}={value}\n" if line.startswith(f"{key}=") else f"{line}\n" for line in conf.splitlines()
        )
    (prefix / "etc" / "runner.conf").write_text(conf)
    host = open_machine(prefix)
    findings = {f.code: f for s in check_machine(host) for f in s.findings}
    assert findings["RD101"].state == "good"
    assert host.entry(f"{prefix}/etc/salt").mode == 0o400
    assert "isolate.sh is" not in findings["RD102"].found
    assert {findings[c].state for c in ("RD104", "RD105", "RD107", "RD201")} == {"good"}
    assert (findings["RD302"].state, findings["RD305"].state) == ("bad", "bad"), (
        "no environment, no runner yet"
    )
    assert "could not be read" in findings["RD304"].found


def test_without_root_nothing_is_tried(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(RexrankError, match="needs root"):
        open_machine(tmp_path)


def test_the_command_on_a_machine_without_a_kit(tmp_path):
    result = CliRunner().invoke(app, ["doctor", "--prefix", str(tmp_path / "none")])
    assert (result.exit_code, "RD100" in result.output) == (1, True)
    result = CliRunner().invoke(app, ["doctor", "--prefix", str(tmp_path / "none"), "--json"])
    assert json.loads(result.output)["counts"] == {"good": 0, "bad": 1, "open": 0}


def test_the_doctor_starts_without_torch(tmp_path):
    code = (
        "import sys; from evaluator.cli.doctor import run_doctor; from pathlib import Path\n"
        "import evaluator.doctor.host.checks, evaluator.doctor.scorer.checks\n"
        f"run_doctor(Path({str(tmp_path / 'none')!r}), None, json=False, strict=False)\n"
        "assert not {'torch', 'transformers', 'pandas'} & set(sys.modules), sorted(sys.modules)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert process.returncode == 0, process.stderr
